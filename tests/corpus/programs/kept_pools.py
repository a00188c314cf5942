# shape: 11
# async: Client.ask Client.early Client.every Client.in_time Client.one Client.some _as_completed_in _limited _wait main
# cuts:
"""Executors whose futures are waited for as they come, for a time, or some only; and one that an object keeps."""

import concurrent.futures
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, as_completed, wait

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2 as pb
from tests.protos import exchange_pb2_grpc


class Client:
    def __init__(self, stub, silent):
        self.stub = stub
        self.silent = silent
        self.pool = ThreadPoolExecutor(max_workers=2)
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

    def one(self, number):
        return self.pool.submit(self.ask, number).result()

    def every(self, numbers):
        futures = [self.pool.submit(self.ask, number) for number in numbers]
        return [future.result(timeout=10) for future in futures]

    def early(self, numbers):
        seen = []
        pending = {self.pool.submit(self.ask, number) for number in numbers}
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                seen.append(future.exception() or future.result())
        return sorted(seen)

    def some(self, numbers):
        with ThreadPoolExecutor() as pool:
            futures = [pool.submit(self.stub.Ask, pb.Request(number=number)) for number in numbers]
            late = pool.submit(self.silent.Ask, pb.Request(), timeout=0.5, wait_for_ready=True)
            done, not_done = wait([late], timeout=0.1)
            found = len(done), len(not_done), len(wait(futures).done)
        try:
            late.result()
        except grpc.RpcError as error:
            return found, error.code().name

    def in_time(self, numbers):
        found = {}
        with ThreadPoolExecutor() as pool:
            futures = {pool.submit(self.stub.Ask, pb.Request(number=number)): number for number in numbers}
            futures[pool.submit(self.silent.Ask, pb.Request(), timeout=0.5, wait_for_ready=True)] = "late"
            try:
                for future in as_completed(futures, timeout=0.2):
                    found[futures[future]] = future.result().number
            except concurrent.futures.TimeoutError:
                found["late"] = True
        return found

    def close(self):
        self.pool.shutdown()


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        with grpc.insecure_channel("127.0.0.1:1") as nobody:
            stubs = [exchange_pb2_grpc.ExchangeStub(other) for other in (channel, nobody)]
            client = Client(*stubs)
            record("one", client.one(3))
            record("every", client.every([1, 2, 3, 4]))
            record("early", client.early([5, 6, 7]))
            record("at once", client.most <= 2)
            record("some", client.some([1, 2]))
            record("none", client.early([]))
            record("in time", sorted(client.in_time([1, 2]).items(), key=str))
            client.close()
