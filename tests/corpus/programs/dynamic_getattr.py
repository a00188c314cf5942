# shape: 8
# async: invoke invoke_stream main
# cuts:
"""Stubs made from a module by name, and methods looked up by name."""

import importlib

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc

SERVICES = {"exchange": ("tests.protos.exchange_pb2_grpc", "Exchange")}


def stub_for(service, channel):
    name = f"{service.capitalize()}Stub"
    return getattr(exchange_pb2_grpc, name)(channel)


def invoke(stub, method, **fields):
    return getattr(stub, method)(exchange_pb2.Request(**fields))


def invoke_stream(stub, **fields):
    method = getattr(stub, "Watch")
    return [reply.number for reply in method(exchange_pb2.Request(**fields))]


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = stub_for("exchange", channel)
        for method in ("Ask",):
            record(method, invoke(stub, method, text="hi", number=2))
        record("watched", invoke_stream(stub, number=3))
        record("module", importlib.import_module(SERVICES["exchange"][0]).__name__)
