# shape: 17
# async: main
# stays: ThreadedPipeline._work
# cuts: GB402 GB404 GB703
"""A handler drives a pipeline made of threads over its request iterator; a callback stops it."""

import queue
import threading
from concurrent import futures

import grpc

from tests.protos import exchange_pb2, exchange_pb2_grpc

_END = object()


class ThreadedPipeline:
    """What a speech recogniser's library looks like: give it an iterator, read its results."""

    def __init__(self, source):
        self._source = source
        self._results = queue.Queue()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self):
        try:
            for request in self._source:
                if self._stopped.is_set():
                    break
                self._results.put(request.text[::-1])
        except Exception as error:
            self._results.put(error)
        finally:
            self._results.put(_END)

    def stop(self):
        self._stopped.set()

    def __iter__(self):
        return self

    def __next__(self):
        result = self._results.get(timeout=10)
        if result is _END or isinstance(result, Exception):
            raise StopIteration
        return result


class Recogniser(exchange_pb2_grpc.ExchangeServicer):
    def __init__(self):
        self.stopped = threading.Event()

    def Talk(self, request_iterator, context):
        pipeline = ThreadedPipeline(request_iterator)

        def stop():
            pipeline.stop()
            self.stopped.set()

        context.add_callback(stop)
        for result in pipeline:
            yield exchange_pb2.Reply(text=result)


def main(record):
    recogniser = Recogniser()
    server = grpc.server(futures.ThreadPoolExecutor(4))
    exchange_pb2_grpc.add_ExchangeServicer_to_server(recogniser, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        requests = [exchange_pb2.Request(text=text) for text in ("abc", "def")]
        record("recognised", [reply.text for reply in stub.Talk(iter(requests))])
        record("stopped", recogniser.stopped.wait(10))
    server.stop(None).wait()
