"""Places where no await can stand: what is done there, and that it is said."""

from __future__ import annotations

import ast
import textwrap

import pytest

from .tool import migrated, rules, run, unchanged

HEAD = "import grpc\n\nfrom greet_pb2_grpc import GreeterStub\n"

STAYS = {
    "a module's top level": ("", "stub = GreeterStub(grpc.insecure_channel('x'))\nREPLY = stub.Hi(1)\n"),
    "a class body": ("", "class Client:\n    reply = GreeterStub(grpc.insecure_channel('x')).Hi(1)\n"),
    "a default": (
        "",
        "STUB = GreeterStub(grpc.insecure_channel('x'))\n\n\ndef f(n=STUB.Hi(1)):\n    return n\n",
    ),
    "__del__": (
        "GB714",
        """
        class Client:
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            def __del__(self):
                self.stub.Hi("bye")
        """,
    ),
    **{
        f"__{name}__": (
            "GB713" if name == "new" else "GB701",
            f"""
            class Client:
                def __init__(self, stub: GreeterStub):
                    self.stub = stub

                def __{name}__(self, *args):
                    return self.stub.Hi(1)
            """,
        )
        for name in ("eq", "hash", "lt", "len", "str", "bool", "getitem", "contains", "getattr", "add", "new")
    },
    "a property's setter": (
        "GB715",
        """
        class Client:
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            @property
            def name(self):
                return 1

            @name.setter
            def name(self, value):
                self.stub.Hi(value)
        """,
    ),
    "a property made by a call": (
        "GB715",
        """
        class Client:
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            def ask(self):
                return self.stub.Hi(1)

            name = property(ask)
        """,
    ),
    "a cached property": (
        "GB715",
        """
        import functools


        class Client:
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            @functools.cached_property
            def name(self):
                return self.stub.Hi(1)
        """,
    ),
    "a cached function": (
        "GB705",
        """
        import functools


        @functools.lru_cache
        def name(stub: GreeterStub):
            return stub.Hi(1)
        """,
    ),
    "a single-dispatch function": (
        "GB705",
        """
        import functools


        @functools.singledispatch
        def name(stub: GreeterStub):
            return stub.Hi(1)
        """,
    ),
    "a sort key": (
        "GB717",
        """
        def f(stub: GreeterStub, names):
            def price(name):
                return stub.Hi(name)

            names.sort(key=price)
            return sorted(names, key=price), max(names, key=price)
        """,
    ),
    "a lambda": (
        "GB716",
        """
        def f(stub: GreeterStub, names):
            price = lambda name: stub.Hi(name) + 1
            return [price(name) for name in names]
        """,
    ),
    "a callback of unknown code": (
        "GB702",
        """
        import somewhere


        def f(stub: GreeterStub):
            def ask():
                return stub.Hi(1)

            somewhere.on_click(ask)
        """,
    ),
    "a callback put on an object": (
        "GB702",
        """
        def f(stub: GreeterStub, button):
            def ask():
                return stub.Hi(1)

            button.on_click = ask
        """,
    ),
    "a callback added to an object": (
        "GB702",
        """
        def f(stub: GreeterStub, button):
            def ask():
                return stub.Hi(1)

            button.on_click += ask
        """,
    ),
    "callbacks in a list": (
        "GB702",
        """
        import somewhere


        def f(stub: GreeterStub):
            def ask():
                return stub.Hi(1)

            handlers = [("ask", ask)]
            somewhere.run(handlers)
        """,
    ),
    "a C extension": (
        "GB702",
        """
        import numpy


        def f(stub: GreeterStub, rows):
            return numpy.vectorize(stub.Hi)(rows)
        """,
    ),
    "a timer": (
        "GB703",
        """
        import threading


        def f(stub: GreeterStub):
            def ask():
                return stub.Hi(1)

            threading.Timer(3, ask).start()
        """,
    ),
    "submit": (
        "GB703",
        """
        from concurrent.futures import ThreadPoolExecutor


        def ask(stub: GreeterStub):
            return stub.Hi(1)


        def f(stub: GreeterStub, pool: ThreadPoolExecutor):
            pool.submit(ask, stub)
        """,
    ),
    "a runner": (
        "GB721",
        """
        import asyncio

        from elsewhere import watch


        def f(stub: GreeterStub):
            print(stub.Hi(1))
            with asyncio.Runner() as runner:
                runner.run(watch(1))
        """,
    ),
    "a runner without a block": (
        "GB721",
        """
        import asyncio

        from elsewhere import watch


        def f(stub: GreeterStub):
            runner = asyncio.Runner()
            print(runner.run(watch(stub.Hi(1))))
            runner.close()
        """,
    ),
    "a loop that runs for ever": (
        "GB721",
        """
        import asyncio


        def f(stub: GreeterStub):
            print(stub.Hi(1))
            loop = asyncio.new_event_loop()
            loop.run_forever()
        """,
    ),
    "atexit": (
        "GB719",
        """
        import atexit

        stub = GreeterStub(grpc.insecure_channel("x"))


        @atexit.register
        def bye():
            stub.Hi("bye")
        """,
    ),
    "a signal handler": (
        "GB718",
        """
        import signal

        stub = GreeterStub(grpc.insecure_channel("x"))


        def bye(*args):
            stub.Hi("bye")


        signal.signal(signal.SIGTERM, bye)
        """,
    ),
    "a finalizer": (
        "GB714",
        """
        import weakref


        class Client:
            def __init__(self, stub: GreeterStub):
                self.stub = stub
                weakref.finalize(self, self.bye)

            def bye(self):
                self.stub.Hi("bye")
        """,
    ),
    "a generator that unknown code reads": (
        "GB720",
        """
        import csv


        def rows(stub: GreeterStub):
            for n in range(3):
                yield stub.Hi(n)


        def f(stub: GreeterStub, file):
            csv.writer(file).writerows(rows(stub))
        """,
    ),
    "a generator that is sent to": (
        "GB720",
        """
        def asks(stub: GreeterStub):
            reply = None
            while True:
                n = yield reply
                reply = stub.Hi(n)


        def f(stub: GreeterStub):
            generator = asks(stub)
            next(generator)
            return generator.send(1)
        """,
    ),
    "a generator that returns a value": (
        "GB720",
        """
        def asks(stub: GreeterStub):
            yield stub.Hi(1)
            return 3


        def f(stub: GreeterStub):
            total = yield from asks(stub)
            yield total
        """,
    ),
    "a metaclass": (
        "GB701",
        """
        STUB = GreeterStub(grpc.insecure_channel("x"))


        class Meta(type):
            def __call__(cls, *args):
                STUB.Hi(1)
                return super().__call__(*args)


        class Client(metaclass=Meta):
            pass
        """,
    ),
    "an enum's method": (
        "GB701",
        """
        import enum

        STUB = GreeterStub(grpc.insecure_channel("x"))


        class Kind(enum.Enum):
            A = 1

            @classmethod
            def _missing_(cls, value):
                STUB.Hi(value)
        """,
    ),
    "a descriptor": (
        "GB701",
        """
        class Field:
            stub: GreeterStub

            def __get__(self, instance, owner):
                return self.stub.Hi(1)
        """,
    ),
    "an iterator protocol of a library": (
        "GB703",
        """
        import torch


        class Data(torch.utils.data.Dataset):
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            def fetch(self, n):
                return self.stub.Hi(n)
        """,
    ),
    "a logging handler": (
        "GB703",
        """
        import logging


        class Remote(logging.Handler):
            def __init__(self, stub: GreeterStub):
                super().__init__()
                self.stub = stub

            def emit(self, record):
                self.stub.Hi(record.getMessage())
        """,
    ),
    "an http handler": (
        "GB703",
        """
        import http.server

        STUB = GreeterStub(grpc.insecure_channel("x"))


        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.wfile.write(STUB.Hi(1))
        """,
    ),
}

LOCKS = {
    "multiprocessing": ("import multiprocessing\n\nlock = multiprocessing.Lock()", "with lock:\n        {}"),
    "a file lock": ("from filelock import FileLock\n\nlock = FileLock('x')", "with lock:\n        {}"),
    "several": (
        "import threading\n\nlock = threading.Lock()",
        "with open('x') as file, lock:\n        {}",
    ),
    "nested": (
        "import threading\n\nlock = threading.RLock()",
        "with lock:\n        if lock:\n            for _ in range(3):\n                {}",
    ),
    "a helper that yields under a lock": (
        "import contextlib\nimport threading\n\nlock = threading.Lock()\n\n\n@contextlib.contextmanager\n"
        "def held():\n    with lock:\n        yield\n",
        "with held():\n        {}",
    ),
    "a helper that takes and gives": (
        "import contextlib\nimport threading\n\nlock = threading.Lock()\n\n\n@contextlib.contextmanager\n"
        "def held():\n    lock.acquire()\n    try:\n        yield\n    finally:\n        lock.release()\n",
        "with held():\n        {}",
    ),
    "a class that locks": (
        "import threading\n\n\nclass Held:\n    def __init__(self):\n        self.mine = threading.Lock()\n\n"
        "    def __enter__(self):\n        self.mine.acquire()\n\n    def __exit__(self, *error):\n"
        "        self.mine.release()\n",
        "with Held():\n        {}",
    ),
    "a generator that yields under a lock": (
        "import threading\n\nlock = threading.Lock()\n\n\ndef items():\n    with lock:\n"
        "        yield from range(3)\n",
        "for _ in items():\n        {}",
    ),
    "a lock in a dictionary": (
        "import threading\n\nlocks = {'a': threading.Lock()}",
        "with locks['a']:\n        {}",
    ),
    "a lock that is passed": (
        "import threading\n\n\nclass Guard:\n    def __init__(self, it):\n        self.it = it\n\n\n"
        "inner = Guard(threading.Lock()).it",
        "with inner:\n        {}",
    ),
    "a lock of the caller": ("", "with guard.mutex:\n        {}"),
}


def awaits(text: str) -> bool:
    kinds = (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.AsyncFunctionDef)
    return any(isinstance(node, kinds) for node in ast.walk(ast.parse(text)))


@pytest.mark.parametrize(("rule", "body"), STAYS.values(), ids=STAYS.keys())
def test_it_stays_and_is_reported(rule: str, body: str) -> None:
    body = textwrap.dedent(body)
    lines = body.lstrip("\n").split("\n")
    imports = [line for line in lines if line.startswith(("import ", "from "))]
    rest = "\n".join(line for line in lines if line not in imports).lstrip("\n")
    result, after = run("".join(f"{line}\n" for line in imports) + HEAD + "\n\n" + rest)
    assert not awaits(after["app.py"]), after["app.py"]
    found = rules(result)
    assert rule in found if rule else found == [], found


@pytest.mark.parametrize(("lock", "body"), LOCKS.values(), ids=LOCKS.keys())
def test_no_await_under_any_lock(lock: str, body: str) -> None:
    source = f"{lock}\nimport grpc\nfrom greet_pb2_grpc import GreeterStub\n\n\n"
    source += f"def f(stub: GreeterStub, guard):\n    {body.format('ask(stub)')}\n\n\n"
    source += "def ask(stub):\n    return stub.Hi(1)\n"
    result, after = run(source)
    assert not awaits(after["app.py"]), after["app.py"]
    assert "GB704" in rules(result)


def test_no_await_under_a_lock_in_a_coroutine_either() -> None:
    """The place stays as it was, and what it calls stays sync."""
    source = """
        import threading

        import grpc
        from greet_pb2_grpc import GreeterStub

        lock = threading.Lock()


        async def f(stub: GreeterStub):
            with lock:
                return ask(stub), stub.Hi(2)


        def ask(stub):
            return stub.Hi(1)
        """
    assert unchanged(source) == ["GB404", "GB704"]


def test_a_coroutine_s_generator_expression_that_is_handed_on() -> None:
    source = """
        import grpc
        from greet_pb2_grpc import GreeterStub
        from somewhere import consume


        async def f(stub: GreeterStub, names):
            return consume(stub.Hi(name) for name in names)
        """
    assert unchanged(source) == ["GB720"]


@pytest.mark.parametrize(
    "call",
    [
        "print(await stub.Hi(1))",
        "str(await stub.Hi(1)).strip()",
        "f(await g(await stub.Hi(1)), [await stub.Hi(2)])",
    ],
)
def test_the_await_is_at_the_call_that_waits(call: str) -> None:
    """Never at the call around it."""
    head = "import grpc_bridge as grpc\n\nfrom greet_pb2_grpc import GreeterStub\n\n"
    head += "STUB = GreeterStub(grpc.insecure_channel('x'))\n\n\ndef f(*x):\n    return x\n\n\n"
    head += "async def g(x):\n    return await STUB.Hi(x)\n\n\n"
    migrated(f"{head}async def use(stub: GreeterStub):\n    {call}\n")
