from typing import Callable, Dict, Optional, Union, overload

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub

Handler = Callable[[ExchangeStub, str], str]
Table = Dict[str, Handler]
MaybeStub = Optional[ExchangeStub]


@overload
def ask(stub: ExchangeStub, value: str) -> str: ...
@overload
def ask(stub: ExchangeStub, value: int) -> int: ...
def ask(stub, value):
    if isinstance(value, str):
        return stub.Ask(Request(text=value)).text
    return stub.Ask(Request(number=value)).number


def run(table: Table, stub: MaybeStub) -> Dict[str, Union[str, int]]:
    if stub is None:
        return {}
    return {name: handler(stub, name) for name, handler in table.items()}


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("ask", [ask(stub, "a"), ask(stub, 2)])
        table: Table = {"x": ask, "y": lambda s, t: ask(s, t)}
        record("run", run(table, stub))
        record("none", run(table, None))
