from typing import Callable, Optional, Protocol, runtime_checkable

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


@runtime_checkable
class Asks(Protocol):
    def ask(self, text: str) -> str: ...


class Fetch(Protocol):
    def __call__(self, text: str) -> str: ...


class Remote:
    def __init__(self, stub: ExchangeStub):
        self.stub = stub

    def ask(self, text: str) -> str:
        return self.stub.Ask(Request(text=text)).text


class Local:
    def ask(self, text: str) -> str:
        return text


def use(asks: Asks, fetch: Fetch, also: Optional[Callable[[str], str]] = None) -> str:
    return asks.ask("a") + fetch("b") + (also("c") if also else "")


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        remote, local = Remote(ExchangeStub(channel)), Local()
        record("isinstance", isinstance(remote, Asks) and isinstance(local, Asks))
        record("remote", use(remote, remote.ask, remote.ask))
        record("local", use(local, remote.ask, also=local.ask))
