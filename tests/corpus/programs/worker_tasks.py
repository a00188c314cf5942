# shape: threads and queues
# async: Cache.load Cache.get produce consume pipeline converse.words converse main
# cuts:
"""Worker threads behind a bounded queue, a cache that is filled in the background, a conversation fed by hand.

All of it only waits: for RPCs, for queues, for conditions. Nothing of it needs a thread on a loop.
"""

import threading
import time
from queue import Empty, Queue

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


class Cache:
    def __init__(self, stub):
        self._stub = stub
        self._change = threading.Condition()
        self._loaded = threading.Event()
        self._slots = threading.Semaphore(2)
        self._value = None

    def load(self):
        with self._slots:
            value = self._stub.Ask(exchange_pb2.Request(text="value", number=1)).text
        with self._change:
            self._value = value
            self._change.notify_all()
        self._loaded.set()

    def get(self):
        with self._change:
            while self._value is None:
                self._change.wait()
        self._loaded.wait()
        return self._value


def produce(stub, jobs, workers):
    for number in range(6):
        jobs.put(stub.Ask(exchange_pb2.Request(text=f"job {number}", number=number)).text)
    for _ in range(workers):
        jobs.put(None)


def consume(jobs: Queue, stub, done):
    while True:
        try:
            job = jobs.get(timeout=0.01)
        except Empty:
            continue
        if job is None:
            jobs.task_done()
            break
        done.append(stub.Ask(exchange_pb2.Request(text=job)).text)
        jobs.task_done()


def pipeline(stub):
    jobs = Queue(maxsize=2)
    done = []
    workers = [threading.Thread(target=consume, args=(jobs, stub, done)) for _ in range(3)]
    for worker in workers:
        worker.start()
    produce(stub, jobs, len(workers))
    jobs.join()
    for worker in workers:
        worker.join()
    try:
        jobs.get_nowait()
    except Empty:
        done.append("nothing is left")
    return sorted(done)


def converse(stub, texts):
    requests = Queue()

    def words():
        while True:
            text = requests.get()
            if text is None:
                return
            yield exchange_pb2.Request(text=text)

    replies = stub.Talk(words())
    heard = []
    for text in texts:
        requests.put(text)
        heard.append(next(replies).text)
    requests.put(None)
    return heard, next(replies, None)


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = exchange_pb2_grpc.ExchangeStub(channel)
        cache = Cache(stub)
        loader = threading.Thread(target=cache.load, name="loader")
        loader.start()
        record("cached", cache.get())
        while loader.is_alive():
            time.sleep(0.01)
        loader.join(5)
        record("done", pipeline(stub))
        record("heard", converse(stub, ["one", "two"]))
