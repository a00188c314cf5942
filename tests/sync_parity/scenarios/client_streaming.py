"""A stream of requests: from a generator, a list, an empty one; with_call and future."""

from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    def Collect(self, request_iterator, context):
        texts = []
        total = 0
        for request in request_iterator:
            if request.number < 0:
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, "below zero")
            texts.append(request.text)
            total += request.number
        context.set_trailing_metadata((("count", str(len(texts))),))
        return exchange_pb2.Reply(text=" ".join(texts), number=total)


def words(text):
    for number, word in enumerate(text.split()):
        yield exchange_pb2.Request(text=word, number=number)


def main(record):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(Exchange(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    stub = exchange_pb2_grpc.ExchangeStub(channel)

    record("from a generator", stub.Collect(words("one two three")))
    record("from a list", stub.Collect(iter([exchange_pb2.Request(text="only", number=9)])))
    record("from nothing", stub.Collect(iter([])))
    reply, call = stub.Collect.with_call(words("four five"), timeout=10)
    record("with_call", reply)
    record("trailing metadata", call.trailing_metadata())
    future = stub.Collect.future(words("six"))
    record("future", future.result())
    try:
        stub.Collect(iter([exchange_pb2.Request(number=1), exchange_pb2.Request(number=-1)]))
    except grpc.RpcError as error:
        record("error", error)

    channel.close()
    server.stop(None).wait()
