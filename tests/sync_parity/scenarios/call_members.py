"""The call that `with_call` hands out beside the reply, unary and client streaming."""

from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc

COVERS = (
    "Call.is_active",
    "Call.time_remaining",
    "Call.cancel",
    "Call.add_callback",
    "Call.initial_metadata",
    "Call.trailing_metadata",
    "Call.code",
    "Call.details",
    "Call.debug_error_string",
)


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def Ask(self, request, context):
        context.send_initial_metadata((("early", "1"), ("early-bin", b"\x00\xff")))
        context.set_trailing_metadata((("late", "2"),))
        context.set_details("fine")
        return exchange_pb2.Reply(text=request.text)

    def Collect(self, request_iterator, context):
        context.set_trailing_metadata((("late", "3"),))
        return exchange_pb2.Reply(number=sum(request.number for request in request_iterator))


def show(record, name, call):
    record(f"{name}: is a call", isinstance(call, grpc.Call))
    record(f"{name}: initial metadata", call.initial_metadata())
    record(f"{name}: trailing metadata", call.trailing_metadata())
    record(f"{name}: code", call.code())
    record(f"{name}: details", call.details())
    record(f"{name}: debug_error_string is text", isinstance(call.debug_error_string(), str))
    record(f"{name}: is active", call.is_active())
    record(f"{name}: cancel", call.cancel())
    record(f"{name}: add_callback", call.add_callback(lambda: None))


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    stub = exchange_pb2_grpc.ExchangeStub(channel)

    reply, call = stub.Ask.with_call(exchange_pb2.Request(text="hello"), timeout=60)
    record("unary", reply)
    show(record, "unary", call)
    record("time remaining when it is over", call.time_remaining())

    requests = [exchange_pb2.Request(number=number) for number in range(5)]
    reply, call = stub.Collect.with_call(iter(requests))
    record("client streaming", reply)
    show(record, "client streaming", call)
    record("time remaining without a deadline", call.time_remaining())

    channel.close()
    server.stop(None).wait()
