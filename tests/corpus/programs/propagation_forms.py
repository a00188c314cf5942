# shape: propagation
# async: Call.run Fixed.value Job.run Pages.__anext__ Remote.value Session.__aenter__ Session.__aexit__ Source.value both comprehended doubled logged.wrapper main nested nested.inner nested.outer numbers opened wrapped
# cuts:
"""Through protocols, nested functions, generators, comprehensions and what `with` and `for` call."""

import abc
import contextlib
import functools
from typing import Protocol

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2 as pb
from tests.protos import exchange_pb2_grpc as rpc


class Source(Protocol):
    def value(self, key: str) -> str: ...


class Remote:
    def __init__(self, stub):
        self.stub = stub

    def value(self, key: str) -> str:
        return self.stub.Ask(pb.Request(text=key)).text


class Fixed:
    def value(self, key: str) -> str:
        return key


def both(source: Source):
    return source.value("one") + source.value("two")


class Job(abc.ABC):
    @abc.abstractmethod
    def run(self):
        """One step of it."""


class Step(Job, abc.ABC):
    pass


class Call(Step):
    def __init__(self, stub):
        self.stub = stub

    def run(self):
        return self.stub.Ask(pb.Request(text="run")).text


class Session:
    def __init__(self, stub, log):
        self.stub = stub
        self.log = log

    def __enter__(self):
        self.log.append(self.stub.Ask(pb.Request(text="enter")).text)
        return self

    def __exit__(self, kind, error, traceback):
        self.log.append(self.stub.Ask(pb.Request(text="exit")).text)


class Pages:
    def __init__(self, stub, last):
        self.stub = stub
        self.number = 0
        self.last = last

    def __iter__(self):
        return self

    def __next__(self):
        if self.number == self.last:
            raise StopIteration
        self.number += 1
        return self.stub.Ask(pb.Request(number=self.number)).number


def logged(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args), function.__name__

    return wrapper


@logged
def wrapped(stub):
    return stub.Ask(pb.Request(text="wrapped")).text


def nested(stub):
    def inner(text):
        return stub.Ask(pb.Request(text=text)).text

    def outer():
        return inner("in") + inner("ner")

    return outer()


def numbers(stub, last):
    yield -1
    for reply in stub.Watch(pb.Request(number=last)):
        yield reply.number


def doubled(stub):
    yield from numbers(stub, 2)
    for number in numbers(stub, 1):
        yield number * 2


@contextlib.contextmanager
def opened(stub, log):
    log.append(stub.Ask(pb.Request(text="open")).text)
    try:
        yield log
    finally:
        log.append(stub.Ask(pb.Request(text="close")).text)


def comprehended(stub):
    names = ["a", "b"]
    listed = [nested(stub) for _ in names]
    mapped = {name: stub.Ask(pb.Request(text=name)).text for name in names}
    some = {number for number in doubled(stub) if number >= 0}
    return listed, mapped, sorted(some), sum(number for number in numbers(stub, 3))


def main(record):
    log = []
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = rpc.ExchangeStub(channel)
        record("protocol", both(Remote(stub)) + both(Fixed()))
        record("abstract", Call(stub).run())
        with Session(stub, log), opened(stub, log) as same:
            record("log", list(same))
        record("log", list(log))
        record("pages", [page for page in Pages(stub, 3)])
        record("wrapped", wrapped(stub))
        record("nested", nested(stub))
        record("doubled", list(doubled(stub)))
        record("comprehended", comprehended(stub))
