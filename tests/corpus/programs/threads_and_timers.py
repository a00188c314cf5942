# shape: 11
# async:
# stays: <lambda> Heartbeat.run main measure
# cuts: GB703 GB716
"""RPCs from a thread, a timer and an executor, beside RPCs of the main program."""

import threading
from concurrent.futures import ThreadPoolExecutor, as_completed

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


def measure(stub, number):
    return stub.Ask(exchange_pb2.Request(number=number), timeout=10).number


class Heartbeat(threading.Thread):
    def __init__(self, stub, beats):
        super().__init__(name="heartbeat", daemon=True)
        self.stub = stub
        self.beats = beats
        self.answers = []

    def run(self):
        for beat in range(self.beats):
            self.answers.append(self.stub.Ask(exchange_pb2.Request(text=f"beat {beat}")).text)


def main(record):
    with serving() as target:
        channel = grpc.insecure_channel(target)
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        heartbeat = Heartbeat(stub, 2)
        heartbeat.start()

        fired = []
        timer = threading.Timer(0.001, lambda: fired.append(measure(stub, 21)))
        timer.start()
        timer.join()
        record("timer", fired)

        executor = ThreadPoolExecutor(4)
        pending = [executor.submit(measure, stub, number) for number in range(4)]
        record("submitted", sorted(future.result() for future in as_completed(pending)))
        record("mapped", list(executor.map(lambda n: measure(stub, n), [5, 6])))
        executor.shutdown()

        record("directly", measure(stub, 7))
        heartbeat.join()
        record("heartbeat", heartbeat.answers)
        channel.close()
