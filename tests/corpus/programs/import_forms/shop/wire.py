"""Generated code under a name of its own."""

import grpc

from tests.protos import exchange_pb2 as pb


class ExchangeStub(object):
    def __init__(self, channel):
        self.Ask = channel.unary_unary(
            "/grpc_bridge.testing.Exchange/Ask",
            request_serializer=pb.Request.SerializeToString,
            response_deserializer=pb.Reply.FromString,
        )
        self.Watch = channel.unary_stream(
            "/grpc_bridge.testing.Exchange/Watch",
            request_serializer=pb.Request.SerializeToString,
            response_deserializer=pb.Reply.FromString,
        )


class ExchangeServicer(object):
    def Ask(self, request, context):
        raise NotImplementedError("Method not implemented!")

    def Watch(self, request, context):
        raise NotImplementedError("Method not implemented!")


def add_ExchangeServicer_to_server(servicer, server):
    handlers = {
        "Ask": grpc.unary_unary_rpc_method_handler(servicer.Ask),
        "Watch": grpc.unary_stream_rpc_method_handler(servicer.Watch),
    }
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("grpc_bridge.testing.Exchange", handlers),)
    )
