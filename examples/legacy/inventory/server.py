# -*- coding: utf-8 -*-
"""``python -m inventory.server``"""
from common import config
from common import serving
from inventory import servicer
from inventory import store
from protos import inventory_pb2_grpc


def make_server(stock=None):
    server = serving.build_server()
    inventory_pb2_grpc.add_InventoryServicer_to_server(
        servicer.InventoryServicer(stock or store.StockStore()), server)
    return server


def main():
    arguments = serving.parse_arguments('The inventory service.')
    config.setup_logging()
    serving.run_until_stopped(make_server(), arguments.port)


if __name__ == '__main__':
    main()
