# shape: 8
# async: Gateway.dispatch Gateway.feed main
# cuts:
"""Multi-callables made from a table of arities and kept in a dictionary; no generated stub in sight."""

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Reply, Request

SERVICE = "grpc_bridge.testing.Exchange"


class Gateway:
    def __init__(self, channel):
        self.unary = {
            name: channel.unary_unary(
                f"/{SERVICE}/{name}",
                request_serializer=Request.SerializeToString,
                response_deserializer=Reply.FromString,
            )
            for name in ("Ask",)
        }
        self.streams = {}
        for name in ["Watch"]:
            self.streams[name] = channel.unary_stream(
                f"/{SERVICE}/{name}", Request.SerializeToString, Reply.FromString
            )

    def dispatch(self, name, **fields):
        method = self.unary.get(name)
        if method is None:
            raise LookupError(name)
        response, call = method.with_call(Request(**fields))
        return response.text, call.code()

    def feed(self, name, number):
        for reply in self.streams[name](Request(number=number)):
            yield reply.number


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        gateway = Gateway(channel)
        record("asked", gateway.dispatch("Ask", text="a"))
        try:
            gateway.dispatch("Nothing")
        except LookupError as error:
            record("unknown", str(error))
        record("fed", [number for number in gateway.feed("Watch", 3)])
