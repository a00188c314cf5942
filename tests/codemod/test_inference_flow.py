"""Stubs and what is made of them are found again wherever a program puts them."""

from __future__ import annotations

import re
import textwrap

import pytest

from .tool import migrated

FLOWS = {
    "a list that a default dictionary makes": """
        from collections import defaultdict


        async def f(channel: grpc.Channel):
            stubs = defaultdict(list)
            stubs["a"].append(GreeterStub(channel))
            await stubs["a"][0].Hi(1)
        """,
    "a list that a call makes": """
        async def f(channel: grpc.Channel):
            stubs = list()
            stubs.append(GreeterStub(channel))
            await stubs[0].Hi(1)
        """,
    "assignment": """
        async def f():
            stub = other = GreeterStub(grpc.insecure_channel("x"))
            await stub.Hi(1)
            await other.Hi(2)
        """,
    "unpacking": """
        def make():
            channel = grpc.insecure_channel("x")
            return channel, GreeterStub(channel)


        async def f():
            channel, stub = make()
            await stub.Hi(1)
            await channel.close()
        """,
    "nested unpacking": """
        async def f(channel: grpc.Channel):
            (a, [b, c]), *rest = (GreeterStub(channel), [1, GreeterStub(channel)]), GreeterStub(channel)
            await a.Hi(b)
            await c.Hi(1)
            await rest[0].Hi(1)
        """,
    "swapping": """
        async def f(channel: grpc.Channel):
            a, b = GreeterStub(channel), 1
            a, b = b, a
            await b.Hi(a)
        """,
    "attribute of self": """
        class Client:
            def __init__(self, channel):
                self.inner = GreeterStub(channel)
                self.hi = self.inner.Hi

            async def read(self):
                await self.hi(1)
                return await self.inner.Hi(1)
        """,
    "attribute set elsewhere": """
        class Client:
            stub = None

            def connect(self):
                self.stub = GreeterStub(grpc.insecure_channel("x"))

            async def read(self):
                return await self.stub.Hi(1)
        """,
    "attribute set from outside": """
        class Client:
            pass


        async def f(channel):
            client = Client()
            client.stub = GreeterStub(channel)
            return await client.stub.Hi(1)
        """,
    "class attribute": """
        class Client:
            channel = grpc.insecure_channel("x")
            stub = GreeterStub(channel)

            async def read(self):
                await Client.stub.Hi(1)
                return await self.stub.Hi(1)

            @classmethod
            async def peek(cls):
                return await cls.stub.Hi(1)
        """,
    "class attribute declared": """
        class Client:
            stub: GreeterStub

            async def read(self):
                return await self.stub.Hi(1)
        """,
    "inherited class attribute": """
        class Base:
            stub_class = None

            def __init__(self, channel):
                self.stub = self.stub_class(channel)


        class Client(Base):
            stub_class = GreeterStub

            async def read(self):
                return await self.stub.Hi(1)
        """,
    "global": """
        stub = None


        def connect():
            global stub
            stub = GreeterStub(grpc.insecure_channel("x"))


        async def f():
            return await stub.Hi(1)
        """,
    "global of the main block": """
        async def f():
            return await stub.Hi(1)


        if __name__ == "__main__":
            stub = GreeterStub(grpc.insecure_channel("x"))
            asyncio.run(f())
        """,
    "globals()": """
        def connect():
            globals()["stub"] = GreeterStub(grpc.insecure_channel("x"))


        async def f():
            return await globals()["stub"].Hi(1)
        """,
    "nonlocal": """
        def f(channel):
            stub = None

            def connect():
                nonlocal stub
                stub = GreeterStub(channel)

            async def g():
                connect()
                return await stub.Hi(1)

            return g
        """,
    "annotated parameter": """
        async def f(stub: GreeterStub, *, other: "GreeterStub | None" = None):
            await other.Hi(1)
            return await stub.Hi(1)
        """,
    "optional parameter": """
        async def f(a: Optional[GreeterStub], b: Union[str, GreeterStub], c: "Optional[GreeterStub]" = None):
            await a.Hi(1)
            await b.Hi(1)
            await c.Hi(1)
        """,
    "parameter from its call sites": """
        async def f(stub, n=1):
            return await stub.Hi(n)


        async def g(channel):
            await f(GreeterStub(channel))
            return await f(n=2, stub=GreeterStub(channel))
        """,
    "keyword-only and default parameter": """
        STUB = GreeterStub(grpc.insecure_channel("x"))


        async def f(n, *, stub=STUB):
            return await stub.Hi(n)
        """,
    "starred arguments": """
        async def f(n, stub):
            return await stub.Hi(n)


        async def g(channel):
            args = (1, GreeterStub(channel))
            return await f(*args)
        """,
    "double-starred arguments": """
        async def f(n, stub):
            return await stub.Hi(n)


        async def g(channel):
            options = {"stub": GreeterStub(channel)}
            return await f(1, **options)
        """,
    "*args": """
        async def f(*stubs):
            for stub in stubs:
                await stub.Hi(1)


        async def g(channel):
            await f(GreeterStub(channel), GreeterStub(channel))
        """,
    "**kwargs": """
        async def f(**stubs):
            await stubs["a"].Hi(1)


        async def g(channel):
            await f(a=GreeterStub(channel))
        """,
    "passed on with *args and **kwargs": """
        async def f(n, stub):
            return await stub.Hi(n)


        async def wrapper(*args, **kwargs):
            return await f(*args, **kwargs)


        async def g(channel):
            await wrapper(1, stub=GreeterStub(channel))
            await wrapper(1, GreeterStub(channel))
        """,
    "return annotation": """
        def make(flag) -> GreeterStub:
            return registry[flag]


        async def f():
            return await make(1).Hi(1)
        """,
    "return of a method": """
        class Factory:
            def stub(self):
                return GreeterStub(grpc.insecure_channel("x"))


        async def f(factory: Factory):
            return await factory.stub().Hi(1)
        """,
    "dictionary": """
        STUBS = {"a": GreeterStub(grpc.insecure_channel("x"))}


        async def f(name):
            await STUBS["a"].Hi(1)
            await STUBS.get(name).Hi(1)
            for stub in STUBS.values():
                await stub.Hi(1)
            for name, stub in STUBS.items():
                await stub.Hi(name)
        """,
    "dictionary filled later": """
        class Pool:
            def __init__(self):
                self.stubs = {}

            def add(self, name, channel):
                self.stubs[name] = GreeterStub(channel)
                self.stubs.setdefault(name, GreeterStub(channel))

            async def ask(self, name):
                if name not in self.stubs:
                    self.add(name, grpc.insecure_channel(name))
                return await self.stubs[name].Hi(1)
        """,
    "dictionary updated": """
        async def f(channel):
            stubs = dict()
            stubs.update({"a": GreeterStub(channel)})
            await stubs["a"].Hi(1)
            more = {**stubs, "b": 1}
            await more["a"].Hi(1)
            both = stubs | more
            await both["a"].Hi(1)
        """,
    "dict() with names": """
        async def f(channel):
            stubs = dict(a=GreeterStub(channel), b=1)
            await stubs["a"].Hi(1)
        """,
    "defaultdict": """
        stubs = collections.defaultdict(lambda: GreeterStub(grpc.insecure_channel("x")))


        async def f(name):
            await stubs[name].Hi(1)
        """,
    "ordered dictionary": """
        async def f(channel):
            stubs = collections.OrderedDict()
            stubs["a"] = GreeterStub(channel)
            await stubs["a"].Hi(1)
        """,
    "deque": """
        async def f(channel):
            stubs = collections.deque([GreeterStub(channel)], maxlen=3)
            stubs.append(GreeterStub(channel))
            await stubs[0].Hi(1)
            await stubs.popleft().Hi(1)
        """,
    "list": """
        async def f(targets):
            stubs = []
            for target in targets:
                stubs.append(GreeterStub(grpc.insecure_channel(target)))
            for n, stub in enumerate(stubs):
                await stub.Hi(n)
            for stub in reversed(stubs):
                await stub.Hi(1)
            await stubs[-1].Hi(1)
            for stub in stubs[1:]:
                await stub.Hi(1)
        """,
    "list added up": """
        async def f(channel):
            stubs = [GreeterStub(channel)] + [GreeterStub(channel)]
            stubs += [GreeterStub(channel)]
            await stubs[0].Hi(1)
            many = [GreeterStub(channel)] * 3
            await many[0].Hi(1)
        """,
    "list of a comprehension": """
        async def f(channels):
            stubs = [GreeterStub(channel) for channel in channels]
            return [await stub.Hi(1) for stub in stubs]
        """,
    "pairs": """
        async def f(channel):
            pairs = [("a", GreeterStub(channel)), ("b", GreeterStub(channel))]
            for name, stub in pairs:
                await stub.Hi(name)
            for name, stub in sorted(pairs):
                await stub.Hi(name)
        """,
    "zip": """
        async def f(channel, numbers):
            for stub, n in zip([GreeterStub(channel)], numbers):
                await stub.Hi(n)
        """,
    "cycle, chain and islice": """
        async def f(channel):
            stubs = itertools.cycle([GreeterStub(channel)])
            await next(stubs).Hi(1)
            for stub in itertools.chain([GreeterStub(channel)], [GreeterStub(channel)]):
                await stub.Hi(1)
            for stub in itertools.islice(stubs, 3):
                await stub.Hi(1)
        """,
    "random choice": """
        async def f(channel):
            stubs = [GreeterStub(channel)]
            await random.choice(stubs).Hi(1)
        """,
    "annotated containers": """
        class Pool:
            def __init__(self, stubs: List[GreeterStub], by_name: "dict[str, GreeterStub]"):
                self.stubs = stubs
                self.by_name = by_name

            async def all(self):
                for stub in self.stubs:
                    await stub.Hi(1)
                await self.by_name["a"].Hi(1)
                for name, stub in self.by_name.items():
                    await stub.Hi(name)
        """,
    "annotated tuple": """
        async def f(pair: Tuple[grpc.Channel, GreeterStub], pairs: Iterable[Tuple[str, GreeterStub]]):
            channel, stub = pair
            await stub.Hi(1)
            for name, stub in pairs:
                await stub.Hi(name)
        """,
    "annotated callable": """
        async def f(make: Callable[[], GreeterStub]):
            return await make().Hi(1)
        """,
    "annotated class": """
        async def f(stub_class: Type[GreeterStub], channel: grpc.Channel):
            return await stub_class(channel).Hi(1)
        """,
    "annotated optional container": """
        class Client:
            _stubs: ClassVar[Optional[Dict[str, GreeterStub]]] = None

            async def hi(self):
                return await self._stubs["x"].Hi(1)
        """,
    "dataclass": """
        @dataclasses.dataclass
        class Clients:
            name: str
            stub: GreeterStub
            other: Any = None


        async def f(channel):
            clients = Clients("a", GreeterStub(channel), other=GreeterStub(channel))
            await clients.other.Hi(1)
            return await clients.stub.Hi(1)


        async def g(clients: Clients):
            return await clients.stub.Hi(1)
        """,
    "dataclass that is copied": """
        @dataclasses.dataclass(frozen=True)
        class Clients:
            stub: Any = dataclasses.field(default=None)
            stubs: list = dataclasses.field(default_factory=list)


        async def f(channel):
            clients = Clients(GreeterStub(channel))
            clients.stubs.append(GreeterStub(channel))
            await dataclasses.replace(clients, stubs=[]).stub.Hi(1)
            await clients.stubs[0].Hi(1)
        """,
    "NamedTuple": """
        class Clients(NamedTuple):
            name: str
            stub: Any


        async def f(channel):
            clients = Clients("a", GreeterStub(channel))
            name, stub = clients
            await stub.Hi(name)
            await clients[1].Hi(1)
            return await clients.stub.Hi(1)
        """,
    "namedtuple": """
        Clients = collections.namedtuple("Clients", "name stub")


        async def f(channel):
            clients = Clients("a", stub=GreeterStub(channel))
            name, stub = clients
            await stub.Hi(name)
            return await clients.stub.Hi(1)
        """,
    "SimpleNamespace": """
        async def f(channel):
            clients = types.SimpleNamespace(stub=GreeterStub(channel))
            return await clients.stub.Hi(1)
        """,
    "property": """
        class Client:
            def __init__(self, channel):
                self._channel = channel
                self._stub = None

            @property
            def stub(self):
                if self._stub is None:
                    self._stub = GreeterStub(self._channel)
                return self._stub

            async def read(self):
                return await self.stub.Hi(1)
        """,
    "property() called": """
        class Client:
            def get_stub(self):
                return GreeterStub(grpc.insecure_channel("x"))

            stub = property(get_stub)

            async def read(self):
                return await self.stub.Hi(1)
        """,
    "cached property": """
        class Client:
            @functools.cached_property
            def stub(self):
                return GreeterStub(grpc.insecure_channel("x"))

            async def read(self):
                return await self.stub.Hi(1)
        """,
    "cached factory": """
        @functools.lru_cache(maxsize=None)
        def stub():
            return GreeterStub(grpc.insecure_channel("x"))


        @functools.cache
        def other():
            return GreeterStub(grpc.insecure_channel("x"))


        async def f():
            await other().Hi(1)
            return await stub().Hi(1)
        """,
    "factory that is given the class": """
        def make(stub_class, target):
            return stub_class(grpc.insecure_channel(target))


        async def f():
            return await make(GreeterStub, "x").Hi(1)
        """,
    "factory in a table": """
        FACTORIES = {"greeter": GreeterStub}


        async def f(name, channel):
            return await FACTORIES[name](channel).Hi(1)
        """,
    "class method as a factory": """
        class Client:
            def __init__(self, stub):
                self.stub = stub

            @classmethod
            def connect(cls, target):
                return cls(GreeterStub(grpc.insecure_channel(target)))

            async def read(self):
                return await self.stub.Hi(1)


        async def f():
            return await Client.connect("x").read()
        """,
    "fluent": """
        class Builder:
            def target(self, target):
                self._target = target
                return self

            def build(self) -> GreeterStub:
                return GreeterStub(grpc.insecure_channel(self._target))


        async def f():
            return await Builder().target("x").build().Hi(1)
        """,
    "singleton": """
        class Client:
            _instance = None

            def __new__(cls):
                if cls._instance is None:
                    cls._instance = super().__new__(cls)
                    cls._instance.stub = GreeterStub(grpc.insecure_channel("x"))
                return cls._instance

            async def read(self):
                return await self.stub.Hi(1)


        async def f():
            return await Client().read()
        """,
    "subclass of a stub": """
        class Stub(GreeterStub):
            async def hello(self, n):
                return await self.Hi(n)


        async def f(channel):
            return await Stub(channel).hello(1)
        """,
    "attribute of a subclass": """
        class Base:
            async def read(self):
                return await self.stub.Hi(1)


        class Client(Base):
            def __init__(self, channel):
                self.stub = GreeterStub(channel)
        """,
    "partial": """
        async def f(channel):
            hi = functools.partial(GreeterStub(channel).Hi, timeout=1)
            return await hi(1)
        """,
    "partial of a function": """
        async def ask(stub, n):
            return await stub.Hi(n)


        async def f(channel):
            hi = functools.partial(ask, GreeterStub(channel))
            more = functools.partial(hi, 1)
            await more()
            return await hi(1)
        """,
    "partial of a class": """
        async def f():
            make = functools.partial(GreeterStub, grpc.insecure_channel("x"))
            return await make().Hi(1)
        """,
    "context manager": """
        @contextlib.contextmanager
        def connected():
            channel = grpc.insecure_channel("x")
            yield GreeterStub(channel)
            print("bye")


        async def f():
            with connected() as stub:
                return await stub.Hi(1)
        """,
    "context manager with two values": """
        @contextlib.contextmanager
        def connected():
            channel = grpc.insecure_channel("x")
            yield channel, GreeterStub(channel)


        async def f():
            with connected() as (channel, stub):
                return await stub.Hi(1)
        """,
    "class as a context manager": """
        class Connected:
            def __enter__(self):
                self.stub = GreeterStub(grpc.insecure_channel("x"))
                return self.stub

            def __exit__(self, *error):
                return None


        async def f():
            with Connected() as stub:
                return await stub.Hi(1)
        """,
    "exit stack": """
        async def f():
            with contextlib.ExitStack() as stack:
                stub = stack.enter_context(connected())
                return await stub.Hi(1)


        @contextlib.contextmanager
        def connected():
            yield GreeterStub(grpc.insecure_channel("x"))
        """,
    "closing and nullcontext": """
        async def f(channel: grpc.Channel):
            with contextlib.nullcontext(GreeterStub(channel)) as stub:
                return await stub.Hi(1)
        """,
    "getattr with a literal": """
        async def f(channel):
            stub = GreeterStub(channel)
            await getattr(stub, "Hi")(1)
            hi = getattr(stub, "Hi", None)
            return await hi(1)
        """,
    "setattr with a literal": """
        class Client:
            def __init__(self, channel):
                setattr(self, "stub", GreeterStub(channel))

            async def read(self):
                return await self.stub.Hi(1)
        """,
    "walrus": """
        async def f(channel):
            if (stub := GreeterStub(channel)) and (reply := await stub.Hi(1)):
                return reply
            return await stub.Hi(2)
        """,
    "conditional": """
        async def f(channel, flag, other: GreeterStub):
            stub = GreeterStub(channel) if flag else other
            maybe = other or GreeterStub(channel)
            await maybe.Hi(1)
            return await (stub if flag else maybe).Hi(1)
        """,
    "callable in an attribute": """
        class Client:
            def __init__(self, channel):
                stub = GreeterStub(channel)
                self.ask = stub.Hi
                self.table = {"hi": stub.Hi}

            async def read(self):
                await self.table["hi"](1)
                return await self.ask(1)
        """,
    "iterator of stubs": """
        class Pool:
            def __init__(self, channels):
                self.channels = channels

            def __iter__(self):
                for channel in self.channels:
                    yield GreeterStub(channel)

            def __getitem__(self, index):
                return GreeterStub(self.channels[index])


        async def f(channels):
            pool = Pool(channels)
            for stub in pool:
                await stub.Hi(1)
            await pool[0].Hi(1)
        """,
    "generator of stubs": """
        def stubs(channels):
            for channel in channels:
                yield GreeterStub(channel)


        async def f(channels):
            for stub in stubs(channels):
                await stub.Hi(1)
            return [await stub.Hi(1) for stub in stubs(channels)]
        """,
    "match": """
        async def f(channel, kind):
            match kind:
                case "a":
                    stub = GreeterStub(channel)
                case {"stub": stub}:
                    pass
                case _:
                    return None
            return await stub.Hi(1)
        """,
    "delete and rebind": """
        async def f(channel):
            stub = GreeterStub(channel)
            await stub.Hi(1)
            stub = "not a stub"
            stub.Hi(2)
        """,
    "intercepted channel": """
        async def f(interceptor):
            channel = grpc.intercept_channel(grpc.insecure_channel("x"), interceptor)
            await GreeterStub(channel).Hi(1)
            await channel.close()
        """,
    "a method taken from the class": """
        class Client:
            def __init__(self, channel):
                self.stub = GreeterStub(channel)

            async def read(self, n):
                return await self.stub.Hi(n)


        async def f(client: Client):
            return await Client.read(client, 1)
        """,
    "type(self)": """
        class Client:
            def __init__(self, stub):
                self.stub = stub

            def clone(self):
                return type(self)(GreeterStub(grpc.insecure_channel("x")))

            def again(self):
                return self.__class__(self.stub)

            async def read(self):
                await self.again().stub.Hi(1)
                return await self.clone().stub.Hi(1)
        """,
    "thread-local": """
        local = threading.local()


        def stub():
            if not hasattr(local, "stub"):
                local.stub = GreeterStub(grpc.insecure_channel("x"))
            return local.stub


        async def f():
            return await stub().Hi(1)
        """,
    "contextvar": """
        current = contextvars.ContextVar("stub")


        async def f(channel):
            current.set(GreeterStub(channel))
            return await current.get().Hi(1)
        """,
    "string annotation of a class below": """
        async def f(client: "Client"):
            return await client.stub.Hi(1)


        class Client:
            def __init__(self, channel):
                self.stub: "GreeterStub" = GreeterStub(channel)
        """,
    "nested class": """
        class Outer:
            class Inner:
                stub = GreeterStub(grpc.insecure_channel("x"))

            async def read(self):
                await self.Inner.stub.Hi(1)
                return await Outer.Inner().stub.Hi(1)
        """,
    "generic class": """
        class Holder(Generic[T]):
            def __init__(self, value: T):
                self.value = value


        async def f(channel):
            holder = Holder[GreeterStub](GreeterStub(channel))
            return await holder.value.Hi(1)
        """,
    "type alias": """
        Stub = GreeterStub
        Many = List[Stub]


        async def f(stub: Stub, many: Many):
            await many[0].Hi(1)
            return await stub.Hi(1)
        """,
    "aliases that contain themselves": """
        Json = Dict[str, "Json"]
        Tree = Union[GreeterStub, "List[Tree]"]
        Nested = "Optional[Nested]"


        async def f(stub: Tree, json: Json, nothing: Tuple[()], nested: Nested):
            json["a"].clear()
            return await stub.Hi(1)
        """,
    "NewType and TypeVar": """
        Stub = NewType("Stub", GreeterStub)
        T = TypeVar("T", bound=GreeterStub)


        async def f(stub: Stub, other: T):
            await other.Hi(1)
            return await stub.Hi(1)
        """,
    "Annotated and Final": """
        async def f(stub: Annotated[GreeterStub, "x"]):
            other: Final[GreeterStub] = stub
            third: Final = GreeterStub(grpc.insecure_channel("x"))
            await third.Hi(1)
            await other.Hi(1)
            return await stub.Hi(1)
        """,
    "cast": """
        async def f(registry):
            return await cast(GreeterStub, registry["x"]).Hi(1)
        """,
    "queue of stubs": """
        class Pool:
            def __init__(self, channels):
                self.free = queue.Queue()
                self.names = queue.Queue()
                for channel in channels:
                    self.free.put(GreeterStub(channel))

            async def ask(self):
                stub = self.free.get_nowait()
                try:
                    return await stub.Hi(self.names.get_nowait())
                finally:
                    self.free.put(stub)
        """,
    "weak reference": """
        class Client:
            def __init__(self, stub: GreeterStub):
                self.stub = weakref.ref(stub)

            async def ask(self):
                return await self.stub().Hi(1)
        """,
    "metadata of with_call in pieces": """
        async def f(stub: GreeterStub):
            pair = await stub.Hi.with_call(1)
            reply = pair[0]
            call = pair[1]
            return reply, await call.code()
        """,
}

MODULES = {
    "asyncio": "asyncio.run", "collections": "collections.", "contextlib": "contextlib.",
    "contextvars": "contextvars.", "dataclasses": "dataclasses.", "functools": "functools.",
    "itertools": "itertools.", "queue": "queue.", "random": "random.",
    "threading": "threading.", "types": "types.", "weakref": "weakref.",
}  # fmt: skip
TYPING = (
    "Annotated", "Any", "Callable", "ClassVar", "Dict", "Final", "Generic", "Iterable", "List", "NamedTuple",
    "NewType", "Optional", "Tuple", "Type", "TypeVar", "Union", "cast",
)  # fmt: skip


def program(body: str) -> str:
    """A whole file: `body` under the imports that it needs."""
    modules = [f"import {name}\n" for name, use in MODULES.items() if use in body]
    names = [
        name for name in TYPING if re.search(rf"\b{name}\b(?=[\[,( )])", body) and f'"{name}' not in body
    ]
    lines = "import grpc_bridge as grpc\nfrom greet_pb2_grpc import GreeterStub\n"
    if names:
        lines = f"from typing import {', '.join(names)}\n" + lines
    return "".join(modules) + ("\n" if modules else "") + lines + "\n" + textwrap.dedent(body)


@pytest.mark.parametrize("body", FLOWS.values(), ids=FLOWS.keys())
def test_a_stub_is_found_again(body: str) -> None:
    migrated(program(body))


def test_keys_of_dictionaries() -> None:
    migrated(
        """
        import grpc_bridge as grpc
        from greet_pb2_grpc import GreeterStub


        async def shown(stub: GreeterStub, names):
            calls = {stub.Hi.future(name): name for name in names}
            for call, name in calls.items():
                print(name, await call.result(timeout=3))
            for call in sorted(calls, key=calls.get):
                print(calls[call], await call.code())


        async def filled(stub: GreeterStub, names):
            calls = {}
            for name in names:
                calls[stub.Hi.future(name)] = name
            more = {stub.Hi.future(0): "0", **calls}
            for call in list(calls):
                print(calls.pop(call), await call.result())
            return [await call.result() for call in more.keys()]
        """
    )
