import functools
from concurrent import futures

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Reply, Request
from tests.protos.exchange_pb2_grpc import ExchangeServicer, ExchangeStub, add_ExchangeServicer_to_server


def checked(method):
    @functools.wraps(method)
    def wrapper(self, request, context):
        if request.text == "bad":
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "bad")
        return method(self, request, context)

    return wrapper


class Asks:
    def ask(self, text):
        return self.backend.Ask(Request(text=text)).text


class Front(Asks, ExchangeServicer):
    def __init__(self, backend):
        self.backend = backend

    @checked
    def Ask(self, request, context):
        return Reply(text="front " + self.ask(request.text))

    @checked
    def Watch(self, request, context):
        for n in range(2):
            yield Reply(text=self.ask(str(n)))

    def Collect(self, request_iterator, context):
        return self.Ask(Request(text="+".join(r.text for r in request_iterator)), context)


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        server = grpc.server(futures.ThreadPoolExecutor(4))
        add_ExchangeServicer_to_server(Front(ExchangeStub(channel)), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as front:
            stub = ExchangeStub(front)
            record("ask", stub.Ask(Request(text="a")).text)
            record("watch", [r.text for r in stub.Watch(Request())])
            record("collect", stub.Collect(iter([Request(text="x"), Request(text="y")])).text)
            try:
                stub.Ask(Request(text="bad"))
            except grpc.RpcError as error:
                record("bad", error.code())
        server.stop(None).wait()
