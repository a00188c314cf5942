"""TLS: one-sided, mutual, refused, and a server that changes its certificate while it runs."""

from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc
from tests.sync_parity.certs import read

COVERS = (
    "ssl_channel_credentials",
    "ssl_server_credentials",
    "ssl_server_certificate_configuration",
    "dynamic_ssl_server_credentials",
    "ServerCertificateConfiguration",
    "ServicerContext.peer_identities",
    "ServicerContext.peer_identity_key",
    "ServicerContext.auth_context",
    "ServicerContext.peer",
)


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self, record):
        self._record = record

    def Ask(self, request, context):
        self._record("peer", context.peer().rpartition(":")[0])
        self._record("identities", context.peer_identities())
        self._record("identity key", context.peer_identity_key())
        found = context.auth_context()
        self._record("transport", found.get("transport_security_type"))
        self._record("common name", found.get("x509_common_name"))
        return exchange_pb2.Reply(text=request.text)


def serve(record, credentials):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(record), server)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    return server, f"localhost:{port}"


def ask(record, name, target, credentials, options=None):
    with grpc.secure_channel(target, credentials, options) as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        try:
            record(name, stub.Ask(exchange_pb2.Request(text=name), timeout=10))
        except grpc.RpcError as error:
            record(name, error.code())


def main(record):
    authority = read("ca.pem")
    server_pair = (read("server.key"), read("server.pem"))
    other_pair = (read("other.key"), read("other.pem"))
    client = grpc.ssl_channel_credentials(authority)
    client_with_key = grpc.ssl_channel_credentials(authority, read("client.key"), read("client.pem"))

    server, target = serve(record, grpc.ssl_server_credentials((server_pair,)))
    ask(record, "one-sided", target, client)
    named = (("grpc.ssl_target_name_override", "server.test"),)
    ask(record, "by another name", target, client, named)
    ask(record, "by a name that it has not", target, client, (("grpc.ssl_target_name_override", "x.test"),))
    ask(record, "an authority that nobody knows", target, grpc.ssl_channel_credentials(read("client.pem")))
    with grpc.insecure_channel(target) as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        try:
            stub.Ask(exchange_pb2.Request(), timeout=10)
        except grpc.RpcError as error:
            record("without TLS", error.code())
    server.stop(None).wait()

    credentials = grpc.ssl_server_credentials([server_pair], authority, require_client_auth=True)
    server, target = serve(record, credentials)
    ask(record, "mutual", target, client_with_key)
    ask(record, "mutual without a key", target, client)
    server.stop(None).wait()

    first = grpc.ssl_server_certificate_configuration((server_pair,), authority)
    second = grpc.ssl_server_certificate_configuration((other_pair,), authority)
    record("configuration", isinstance(first, grpc.ServerCertificateConfiguration))
    current = [first]
    fetched = []

    def fetch():
        fetched.append(len(fetched))
        return current[-1]

    server, target = serve(record, grpc.dynamic_ssl_server_credentials(first, fetch))
    ask(record, "first certificate", target, client, named)
    current.append(second)
    changed = (("grpc.ssl_target_name_override", "other.test"),)
    ask(record, "second certificate", target, client, changed)
    record("fetched", len(fetched))
    server.stop(None).wait()

    try:
        grpc.ssl_server_credentials(())
    except ValueError as error:
        record("no key pair", error)
    try:
        grpc.ssl_server_credentials((server_pair,), require_client_auth=True)
    except ValueError as error:
        record("client authentication without an authority", error)
