# -*- coding: utf-8 -*-
"""``python -m orders.server``"""
from common import config
from common import serving
from orders import book as order_book
from orders import servicer
from orders import workflow
from protos import orders_pb2_grpc


def make_server(inventory, pricing):
    book = order_book.OrderBook()
    server = serving.build_server()
    orders_pb2_grpc.add_OrdersServicer_to_server(
        servicer.OrdersServicer(book, workflow.OrderWorkflow(book, inventory, pricing)), server)
    return server


def main():
    arguments = serving.parse_arguments('The orders service.')
    config.setup_logging()
    # imported here: it opens the channels to the other services
    from orders import peers
    peers.wait_for_all()
    serving.run_until_stopped(make_server(peers.inventory, peers.pricing), arguments.port)


if __name__ == '__main__':
    main()
