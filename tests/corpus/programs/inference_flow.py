# shape: inference
# async: Derived.ask by_future by_getattr by_methods by_partial from_containers from_globals from_record held main streamed text_of unpacked
# cuts:
"""One stub on its way through everything that holds values."""

import collections
import contextlib
import functools
import queue
from dataclasses import dataclass, field
from typing import Optional

import grpc

from tests.corpus.peers import serving
from tests.protos import exchange_pb2 as pb
from tests.protos import exchange_pb2_grpc as rpc

CURRENT = None


class Registry:
    shared = None

    @classmethod
    def get(cls):
        return cls.shared


@dataclass
class Settings:
    stub: rpc.ExchangeStub
    names: list = field(default_factory=list)


class Base:
    def __init__(self, channel):
        self._stub = rpc.ExchangeStub(channel)

    @property
    def stub(self):
        return self._stub


class Derived(Base):
    def ask(self, text):
        return self.stub.Ask(pb.Request(text=text)).text


def make_pair(channel):
    return channel, rpc.ExchangeStub(channel)


@contextlib.contextmanager
def borrowed(channel):
    yield rpc.ExchangeStub(channel)


def text_of(stub: Optional["rpc.ExchangeStub"], text, /, *, number=1):
    return stub.Ask(pb.Request(text=text, number=number)).text


def unpacked(channel):
    (_, stub), *rest = [make_pair(channel)]
    return text_of(stub, "unpacked")


def from_containers(stub):
    stubs = {"a": stub}
    stubs.setdefault("b", stub)
    listed = [stub, *stubs.values()]
    nested = collections.defaultdict(list)
    nested["c"].append(stub)
    named = collections.namedtuple("Named", "stub")(stub)
    pool = queue.Queue()
    pool.put(stub)
    replies = [each.Ask(pb.Request(text="listed")).text for each in listed]
    replies += [each.Ask(pb.Request(text=name)).text for name, each in sorted(stubs.items())]
    replies.append(nested["c"][0].Ask(pb.Request(text="nested")).text)
    replies.append(named.stub.Ask(pb.Request(text="named")).text)
    replies.append(pool.get_nowait().Ask(pb.Request(text="queued")).text)
    return replies


def from_globals():
    if (stub := CURRENT) is None:
        return "none"
    return text_of(stub, "global") + Registry.get().Ask(pb.Request(text="class")).text


def from_record(settings):
    return settings.stub.Ask(pb.Request(text="field")).text


def by_partial(stub):
    ask = functools.partial(text_of, stub, number=2)
    method = functools.partial(stub.Ask, timeout=10)
    return ask("partial") + method(pb.Request(text="method")).text


def by_getattr(stub):
    return getattr(stub, "Ask")(pb.Request(text="getattr")).text


def by_methods(channel):
    ask = channel.unary_unary(
        "/grpc_bridge.testing.Exchange/Ask",
        request_serializer=pb.Request.SerializeToString,
        response_deserializer=pb.Reply.FromString,
    )
    reply, call = ask.with_call(pb.Request(text="raw"))
    return reply.text, call.code().name


def by_future(stub):
    future = stub.Ask.future(pb.Request(text="future"))
    return future.result().text, future.code().name


def requests(numbers):
    for number in numbers:
        yield pb.Request(number=number)


def streamed(stub):
    total = stub.Collect(requests([1, 2, 3])).number
    return total, [reply.number for reply in stub.Talk(requests([4, 5]))]


def held(channel):
    with borrowed(channel) as stub:
        return text_of(stub, "held")


def main(record):
    global CURRENT
    with serving() as target:
        credentials = grpc.access_token_call_credentials("unused")
        record("credentials", type(credentials).__name__)
        with grpc.insecure_channel(target) as channel:
            stub = CURRENT = Registry.shared = rpc.ExchangeStub(channel)
            record("unpacked", unpacked(channel))
            record("containers", from_containers(stub))
            record("globals", from_globals())
            record("record", from_record(Settings(stub)))
            record("derived", Derived(channel).ask("derived"))
            record("partial", by_partial(stub))
            record("getattr", by_getattr(stub))
            record("methods", by_methods(channel))
            record("future", by_future(stub))
            record("streamed", streamed(stub))
            record("held", held(channel))
