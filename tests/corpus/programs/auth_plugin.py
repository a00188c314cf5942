# shape: 14
# async: main
# cuts:
"""An AuthMetadataPlugin that fetches its token over gRPC with `.future`: it runs on gRPC's thread and stays sync."""

from concurrent import futures

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc
from tests.sync_parity.certs import read


class TokenPlugin(grpc.AuthMetadataPlugin):
    def __init__(self, stub):
        self._stub = stub

    def __call__(self, context, callback):
        future = self._stub.Ask.future(exchange_pb2.Request(text=context.method_name))

        def answer(done):
            try:
                callback((("authorization", f"Bearer {done.result().text}"),), None)
            except grpc.RpcError as error:
                callback((), error)

        future.add_done_callback(answer)


class Guarded(exchange_pb2_grpc.ExchangeServicer):
    def Ask(self, request, context):
        given = dict(context.invocation_metadata()).get("authorization", "nobody")
        return exchange_pb2.Reply(text=f"{request.text} by {given}")


def main(record):
    with serving() as token_target, grpc.insecure_channel(token_target) as token_channel:
        plugin = TokenPlugin(exchange_pb2_grpc.ExchangeStub(token_channel))
        server = grpc.server(futures.ThreadPoolExecutor(4))
        exchange_pb2_grpc.add_ExchangeServicer_to_server(Guarded(), server)
        key, certificate = read("server.key"), read("server.pem")
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)]))
        server.start()
        credentials = grpc.composite_channel_credentials(
            grpc.ssl_channel_credentials(read("ca.pem")), grpc.metadata_call_credentials(plugin)
        )
        with grpc.secure_channel(f"localhost:{port}", credentials) as channel:
            stub = exchange_pb2_grpc.ExchangeStub(channel)
            record("first", stub.Ask(exchange_pb2.Request(text="one")).text)
            record("second", stub.Ask(exchange_pb2.Request(text="two"), timeout=10).text)
        server.stop(None).wait()
