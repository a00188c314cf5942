# shape: 11
# async: Prices.apart Prices.ask Prices.changes Prices.every Prices.fastest _as_completed _limited double main price
# cuts:
"""Executors that a function opens to make RPCs side by side, and waits for."""

import threading
from concurrent.futures import ThreadPoolExecutor, as_completed, wait

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2 as pb
from tests.protos import exchange_pb2_grpc


def price(stub, number, factor=1):
    return stub.Ask(pb.Request(number=number), timeout=10).number * factor


def double(stub, number):
    return price(stub, number, 2)


class Prices:
    def __init__(self, stub):
        self.stub = stub
        self.lock = threading.Lock()
        self.running = 0
        self.most = 0

    def ask(self, number):
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        answer = self.stub.Ask(pb.Request(number=number), timeout=10)
        with self.lock:
            self.running -= 1
        return answer.number

    def every(self, numbers):
        with ThreadPoolExecutor(max_workers=2) as pool:
            return list(pool.map(self.ask, numbers))

    def fastest(self, numbers):
        with ThreadPoolExecutor() as pool:
            futures = [pool.submit(price, self.stub, number, factor=10) for number in numbers]
            return sorted(future.result() for future in as_completed(futures))

    def changes(self, numbers):
        failed = []
        with ThreadPoolExecutor(len(numbers)) as pool:
            futures = []
            for number in numbers:
                futures.append(pool.submit(self.stub.Ask, pb.Request(number=number)))
            wait(futures)
            for number, future in zip(numbers, futures):
                try:
                    future.result()
                except grpc.RpcError as error:
                    failed.append((number, error.code().name))
        return failed

    def apart(self, numbers):
        with ThreadPoolExecutor(1) as pool:
            by_future = {pool.submit(double, self.stub, number): number for number in numbers}
            return {by_future[future]: future.result() for future in as_completed(by_future)}


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        prices = Prices(stub)
        record("every", prices.every([1, 2, 3, 4, 5]))
        record("at once", prices.most <= 2)
        record("fastest", prices.fastest([3, 1, 2]))
        record("changes", prices.changes([1, -1, 2, -2]))
        record("apart", sorted(prices.apart([7, 8]).items()))
