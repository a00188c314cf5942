# -*- coding: utf-8 -*-
"""``python -m pricing.server``"""
from common import config
from common import serving
from pricing import servicer
from protos import pricing_pb2_grpc


def make_server():
    server = serving.build_server()
    pricing_pb2_grpc.add_PricingServicer_to_server(servicer.PricingServicer(), server)
    return server


def main():
    arguments = serving.parse_arguments('The pricing service.')
    config.setup_logging()
    serving.run_until_stopped(make_server(), arguments.port)


if __name__ == '__main__':
    main()
