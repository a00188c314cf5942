"""Messages and stubs compiled from a .proto file while the program runs."""

from concurrent import futures

import grpc

COVERS = ("protos", "services", "protos_and_services")

PATH = "tests/protos/exchange.proto"


def main(record):
    protos = grpc.protos(PATH)
    services = grpc.services(PATH)
    both = grpc.protos_and_services(PATH)
    record("the same modules", (both[0] is protos, both[1] is services))
    record("a message", protos.Request(text="compiled", number=3))

    class Exchange(services.ExchangeServicer):
        def Ask(self, request, context):
            return protos.Reply(text=request.text.upper())

        def Watch(self, request, context):
            for number in range(request.number):
                yield protos.Reply(number=number)

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    services.add_ExchangeServicer_to_server(Exchange(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = services.ExchangeStub(channel)
        record("unary", stub.Ask(protos.Request(text="compiled")))
        record("server streaming", [reply.number for reply in stub.Watch(protos.Request(number=3))])
    server.stop(None).wait()
