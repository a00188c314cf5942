# shape: 12
# async: Store.Ask main
# cuts:
"""A subclass of `grpc.ServicerContext` that wraps the real one, and handlers that use it."""

from concurrent import futures

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class AuditedContext(grpc.ServicerContext):
    """Passes everything on, and notes the status that was set."""

    def __init__(self, context, audit):
        self._context = context
        self._audit = audit

    def is_active(self):
        return self._context.is_active()

    def time_remaining(self):
        return self._context.time_remaining()

    def cancel(self):
        self._context.cancel()

    def add_callback(self, callback):
        return self._context.add_callback(callback)

    def invocation_metadata(self):
        return self._context.invocation_metadata()

    def peer(self):
        return self._context.peer()

    def peer_identities(self):
        return self._context.peer_identities()

    def peer_identity_key(self):
        return self._context.peer_identity_key()

    def auth_context(self):
        return self._context.auth_context()

    def send_initial_metadata(self, initial_metadata):
        self._context.send_initial_metadata(initial_metadata)

    def set_trailing_metadata(self, trailing_metadata):
        self._context.set_trailing_metadata(trailing_metadata)

    def abort(self, code, details):
        self._audit.append(("abort", code.name))
        self._context.abort(code, details)

    def abort_with_status(self, status):
        self._context.abort_with_status(status)

    def set_code(self, code):
        self._audit.append(("set_code", code.name))
        self._context.set_code(code)

    def set_details(self, details):
        self._context.set_details(details)


class Store(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self, backend):
        self.backend = backend
        self.audit = []

    def Ask(self, request, context):
        context = AuditedContext(context, self.audit)
        context.send_initial_metadata((("store", "one"),))
        if request.text == "secret":
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "not for you")
        if request.text == "old":
            context.set_code(grpc.StatusCode.NOT_FOUND)
            context.set_details("long gone")
            return exchange_pb2.Reply()
        return self.backend.Ask(request)


def main(record):
    with serving() as backend, grpc.insecure_channel(backend) as backend_channel:
        store = Store(exchange_pb2_grpc.ExchangeStub(backend_channel))
        server = grpc.server(futures.ThreadPoolExecutor(4))
        exchange_pb2_grpc.add_ExchangeServicer_to_server(store, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = exchange_pb2_grpc.ExchangeStub(channel)
            for text in ("plain", "old", "secret"):
                try:
                    response, call = stub.Ask.with_call(exchange_pb2.Request(text=text))
                    record(text, (response.text, call.initial_metadata()))
                except grpc.RpcError as error:
                    record(text, error)
        server.stop(None).wait()
    record("audit", store.audit)
