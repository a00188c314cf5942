"""The ways of giving a server its handlers, and its ports, and of stopping it."""

from concurrent import futures

import grpc

COVERS = (
    "server",
    "Server",
    "Server.add_registered_method_handlers",
    "Server.add_insecure_port",
    "Server.start",
    "Server.stop",
    "Server.wait_for_termination",
    "StopEvent.wait",
    "StopEvent.is_set",
    "GenericRpcHandler",
    "GenericRpcHandler.service",
    "ServiceRpcHandler",
    "ServiceRpcHandler.service_name",
    "HandlerCallDetails",
    "HandlerCallDetails.method",
    "HandlerCallDetails.invocation_metadata",
    "RpcMethodHandler",
)


def says(text):
    def handler(request, context):  # noqa: ARG001
        return text + b" " + request

    return grpc.unary_unary_rpc_method_handler(handler)


class ByPrefix(grpc.GenericRpcHandler):
    """Answers whatever method begins as it likes."""

    def __init__(self, prefix, record):
        self._prefix = prefix
        self._record = record

    def service(self, handler_call_details):
        if not handler_call_details.method.startswith(self._prefix):
            return None
        tags = [value for key, value in handler_call_details.invocation_metadata if key == "tag"]
        self._record("asked for", (handler_call_details.method, tags))
        self._record("details are", isinstance(handler_call_details, grpc.HandlerCallDetails))
        return says(self._prefix.encode())


def ask(record, channel, method):
    try:
        record(method, channel.unary_unary(method)(b"please", metadata=(("tag", "t"),), timeout=10))
    except grpc.RpcError as error:
        record(method, (error.code(), error.details()))


def main(record):
    named = grpc.method_handlers_generic_handler("test.Named", {"One": says(b"one"), "Two": says(b"two")})
    record("handler", isinstance(says(b""), grpc.RpcMethodHandler))
    record("service name", (isinstance(named, grpc.ServiceRpcHandler), named.service_name()))

    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=2), handlers=(ByPrefix("/first", record),), options=None
    )
    record("is a server", isinstance(server, grpc.Server))
    server.add_generic_rpc_handlers((named, ByPrefix("/second", record)))
    server.add_registered_method_handlers("test.Registered", {"One": says(b"registered")})
    port = server.add_insecure_port("127.0.0.1:0")
    another_port = server.add_insecure_port("127.0.0.1:0")
    record("ports", (port > 0, another_port not in (0, port)))
    record("start", server.start())
    for each in (port, another_port):
        with grpc.insecure_channel(f"127.0.0.1:{each}") as channel:
            for method in ("/first/x", "/second/y/z", "/test.Named/Two", "/test.Registered/One", "/third/x"):
                ask(record, channel, method)
            ask(record, channel, "/test.Named/Three")

    try:
        server.start()
    except ValueError as error:
        record("start twice", error)
    try:
        server.add_insecure_port("127.0.0.1:0")
    except ValueError as error:
        record("a port when it runs", type(error))
    try:
        server.add_generic_rpc_handlers((object(),))
    except AttributeError as error:
        record("no handler", type(error))
    record("still serving", server.wait_for_termination(timeout=0.05))
    stopped = server.stop(1)
    record("stopped", stopped.wait(timeout=10))
    record("is set", stopped.is_set())
    record("stop again", server.stop(None).wait(timeout=10))
    record("terminated", server.wait_for_termination())
    record("terminated in time", server.wait_for_termination(timeout=1))

    try:
        grpc.server(futures.ThreadPoolExecutor(max_workers=1)).add_insecure_port("nowhere:port")
    except RuntimeError as error:
        record("no such address", type(error))
