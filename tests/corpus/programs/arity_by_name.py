# shape: 8
# async:
# stays: main
# cuts: GB706
"""`getattr(channel, arity)`: which shape a method has is read from a table at run time."""

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Reply, Request

METHODS = {
    "Ask": "unary_unary",
    "Watch": "unary_stream",
}


class Dynamic:
    def __init__(self, channel, methods):
        for name, arity in methods.items():
            multi_callable = getattr(channel, arity)(
                f"/grpc_bridge.testing.Exchange/{name}",
                request_serializer=Request.SerializeToString,
                response_deserializer=Reply.FromString,
            )
            setattr(self, name.lower(), multi_callable)


def main(record):
    with serving() as target:
        with grpc.insecure_channel(target) as channel:
            dynamic = Dynamic(channel, METHODS)
            record("asked", dynamic.ask(Request(text="hello")).text)
            record("watched", [reply.number for reply in dynamic.watch(Request(number=3))])
