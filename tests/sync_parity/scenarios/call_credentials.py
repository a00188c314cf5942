"""Call credentials over TLS: a plugin, tokens, and both together."""

from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc
from tests.sync_parity.certs import read

COVERS = (
    "AuthMetadataContext",
    "AuthMetadataContext.service_url",
    "AuthMetadataContext.method_name",
    "AuthMetadataPlugin",
    "AuthMetadataPlugin.__call__",
    "AuthMetadataPluginCallback",
    "AuthMetadataPluginCallback.__call__",
    "metadata_call_credentials",
    "composite_call_credentials",
    "composite_channel_credentials",
    "alts_channel_credentials",
    "alts_server_credentials",
    "compute_engine_channel_credentials",
    "insecure_server_credentials",
    "xds_channel_credentials",
    "xds_server_credentials",
)


class Ticket(grpc.AuthMetadataPlugin):
    def __init__(self, record):
        self._record = record

    def __call__(self, context, callback):
        self._record("plugin is told", (context.service_url, context.method_name))
        self._record("by a", isinstance(context, grpc.AuthMetadataContext))
        self._record("and answers to a", isinstance(callback, grpc.AuthMetadataPluginCallback))
        callback((("ticket", "t-1"), ("ticket-bin", b"\x00\x01")), None)


class Failing(grpc.AuthMetadataPlugin):
    def __call__(self, context, callback):
        callback((), RuntimeError("no ticket today"))


class Raising(grpc.AuthMetadataPlugin):
    def __call__(self, context, callback):
        raise RuntimeError("the machine is broken")


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def Ask(self, request, context):
        shown = [
            f"{key}={value!r}"
            for key, value in context.invocation_metadata()
            if key in ("authorization", "ticket", "ticket-bin")
        ]
        return exchange_pb2.Reply(text=" ".join(sorted(shown)))


def attempt(record, name, stub, credentials=None):
    try:
        record(name, stub.Ask(exchange_pb2.Request(), timeout=10, credentials=credentials))
    except grpc.RpcError as error:
        record(name, (error.code(), error.details()))


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(), server)
    pair = (read("server.key"), read("server.pem"))
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials((pair,)))
    server.start()
    target = f"localhost:{port}"

    tls = grpc.ssl_channel_credentials(read("ca.pem"))
    ticket = grpc.metadata_call_credentials(Ticket(record), name="ticket")
    token = grpc.access_token_call_credentials("secret")
    with grpc.secure_channel(target, tls) as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        attempt(record, "nothing", stub)
        attempt(record, "token", stub, token)
        attempt(record, "ticket", stub, ticket)
        attempt(record, "both", stub, grpc.composite_call_credentials(token, ticket))
        attempt(record, "failing", stub, grpc.metadata_call_credentials(Failing()))
        attempt(record, "raising", stub, grpc.metadata_call_credentials(Raising()))
        future = stub.Ask.future(exchange_pb2.Request(), credentials=ticket)
        record("future", future.result())
    with grpc.secure_channel(target, grpc.composite_channel_credentials(tls, token)) as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        attempt(record, "token of the channel", stub)
        attempt(record, "ticket on top", stub, ticket)
    server.stop(None).wait()

    # The rest needs a cloud around it; here they are made and named.
    for credentials in (
        grpc.alts_channel_credentials(),
        grpc.compute_engine_channel_credentials(token),
        grpc.xds_channel_credentials(),
        grpc.composite_channel_credentials(tls, token, ticket),
    ):
        record("of a channel", isinstance(credentials, grpc.ChannelCredentials))
    for credentials in (
        grpc.alts_server_credentials(),
        grpc.insecure_server_credentials(),
        grpc.xds_server_credentials(grpc.insecure_server_credentials()),
    ):
        record("of a server", isinstance(credentials, grpc.ServerCredentials))
