"""What the analysis knows of the world outside the program: who calls what is handed over, what waits."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Literal

from .. import _surface
from .nodes import defaults, is_none
from .values import NOTHING, Ext, MemberOf, Value, Values

SinkKind = Literal["thread", "exit", "callback", "signal", "handler", "loop", "finalizer"]

COLLECTORS = frozenset({"list", "tuple", "set", "frozenset", "sorted", "reversed"})
"""Builtins that read a whole iterable and keep its elements."""

CONSUMERS = COLLECTORS | {"sum", "min", "max", "any", "all", "enumerate", "zip", "dict"}
"""Builtins that read a whole iterable; a list is as good to them as a generator."""

BLOCKING = "grpc.blocking()"
"""What the sync form of a call is asked for with, as a decorator or in a `with`."""

EXPECT = {"assertRaises": 1, "assertRaisesRegex": 2, "assertWarns": 1, "assertWarnsRegex": 2, "raises": 1}
"""What tests say of an error; the place of the function that should end with it."""

IDENTITY = frozenset(
    {"functools.wraps()", "functools.update_wrapper", "copy.copy", "copy.deepcopy", "weakref.proxy", BLOCKING}
)
"""External callables that give their first argument back, as far as this analysis cares."""

RECORDS = frozenset({"types.SimpleNamespace", "threading.local", "argparse.Namespace"})
"""What can be given any attribute."""

CONTEXTS = frozenset({"click.Context()", "typer.Context()"})
"""What click hands from one command to the next, with an object of the program in `obj`."""
PASSES_CONTEXT = frozenset({"click.pass_context", "click.decorators.pass_context"})
PASSES_OBJECT = frozenset({"click.pass_obj", "click.decorators.pass_obj"})
PASSES_CLASS = "click.make_pass_decorator"

OF_CLASSES = frozenset({"__new__", "__init_subclass__", "__class_getitem__"})
"""Methods that are given the class, without a word."""

SETS_ATTRIBUTE = "builtins.object.__setattr__"
GETTER = "operator.attrgetter"
ENTERS = ("ExitStack().enter_context", "click.Context().with_resource", "typer.Context().with_resource")
CALLED = {
    "enter_context": ("__enter__", "__exit__"),
    "with_resource": ("__enter__", "__exit__"),
    "push": ("__exit__",),
    "closing": ("close",),
}
"""Methods that functions of these names call of what they are given: of `ExitStack`, of click."""

KEEPS = RECORDS | {SETS_ATTRIBUTE, "contextlib.nullcontext"}
"""What is given to these is found again."""

FIELDS = frozenset({"dataclasses.field", "attr.ib", "attrs.field", "attr.field", "pydantic.Field"})

DICTS = frozenset({"collections.OrderedDict", "collections.ChainMap", "weakref.WeakValueDictionary",
                   "types.MappingProxyType"})  # fmt: skip

HOLDERS = frozenset({"collections.deque", "contextvars.ContextVar"})

QUEUES = frozenset(
    {"queue.Queue", "queue.SimpleQueue", "queue.LifoQueue", "queue.PriorityQueue", "asyncio.Queue"}
)

PRIMITIVES = QUEUES | {
    "threading.Lock", "threading.Condition", "threading.Semaphore", "threading.BoundedSemaphore",
    "threading.Event", "threading.Thread",
}  # fmt: skip
"""What is told apart by where it is made: each is used by the code that it reaches, and by no other."""

PARSER = "argparse.ArgumentParser"
SET_DEFAULTS = "set_defaults"


def is_namespace(value: Ext) -> bool:
    """True for what argparse makes of a command line."""
    return value.path in (f"{PARSER}().parse_args()", f"{PARSER}().parse_intermixed_args()")


MOCKS = frozenset(
    f"{module}.{kind}"
    for module in ("unittest.mock", "mock")
    for kind in ("Mock", "MagicMock", "create_autospec", "patch", "patch.object")
)
_MOCK = re.compile(r"(unittest\.)?mock\.(\w*Mock|create_autospec|patch(\.object)?)\(\)")

MOCKER = Ext("unittest.mock")
"""What pytest-mock's fixture has, it has from there, under the same names."""

MOCKERS = frozenset({"pytest_mock.MockerFixture", "pytest_mock.MockFixture"})
MOCKER_FIXTURES = frozenset({"mocker", "class_mocker", "module_mocker", "package_mocker", "session_mocker"})


def is_mock(value: Value) -> bool:
    """True for a mock and what is got from one: it is of whatever colour it is made."""
    return isinstance(value, Ext) and _MOCK.match(value.path) is not None


RESHUFFLES = frozenset(
    {
        "itertools.chain", "itertools.cycle", "itertools.islice", "itertools.chain.from_iterable",
        "itertools.repeat", "random.sample", "random.choices",
    }
)  # fmt: skip
"""External callables that give what is in their arguments in another order."""

PICKS = frozenset({"random.choice", "secrets.choice"})

HARMLESS = frozenset(
    {
        "builtins.isinstance", "builtins.issubclass", "builtins.print", "builtins.repr", "builtins.str",
        "builtins.id", "builtins.type", "builtins.callable", "builtins.hasattr", "builtins.getattr",
        "builtins.setattr", "builtins.super", "builtins.len", "builtins.bool", "builtins.hash",
        "builtins.iter", "builtins.format", "builtins.vars", "builtins.dir", "functools.wraps",
        "builtins.staticmethod", "builtins.classmethod",
        "functools.wraps()", "functools.partial", "functools.update_wrapper", "typing.cast",
        "functools.partialmethod",
        "inspect.iscoroutinefunction", "inspect.isasyncgenfunction", "inspect.isgeneratorfunction",
        "inspect.isfunction", "inspect.signature", "asyncio.iscoroutinefunction",
    }
)  # fmt: skip
"""External callables that look at a function or keep it, and do not call it."""

SEMAPHORES = frozenset({"threading.Semaphore()", "threading.BoundedSemaphore()"})
"""Anybody may release them: one function's `acquire` and another's `release` make a signal."""

LOCKS = SEMAPHORES | {"threading.Lock()", "threading.RLock()", "threading.Condition()"}

_LOCK_WORD = re.compile(r"(?<![bc])lock|mutex|condition|semaphore")
_LOOP_LIBRARIES = ("asyncio.", "anyio.", "trio.", "grpc.")


def is_lock(value: Value) -> bool:
    """True for what is a lock, or is called like one and made outside the program."""
    if not isinstance(value, Ext) or value.path.startswith(_LOOP_LIBRARIES):
        return False
    return value.path in LOCKS or names_lock(value.path)


def names_lock(path: str) -> bool:
    """True where the last part of a dotted name speaks of a lock."""
    return _LOCK_WORD.search(path.removesuffix("()").rpartition(".")[2].lower()) is not None


INTERCEPTOR = "grpc.ServerInterceptor"

CONTINUATION = "grpc.ServerInterceptor.continuation"
"""What an interceptor asks for the handler of a call."""

SLEEP = "time.sleep"

TO_THREAD = "asyncio.to_thread"

_RUN_IN_EXECUTOR = re.compile(r"asyncio\.get_(running|event)_loop\(\)\.run_in_executor")

TAKES_AWAITABLES = frozenset(
    f"asyncio.{name}"
    for name in ("as_completed", "ensure_future", "gather", "shield", "wait", "wait_for", "create_task")
)
"""What waits for what it is given, or has it waited for."""

WANTS_TASKS = frozenset({"asyncio.wait", "asyncio.create_task"})
"""Those of them that do not take whatever can be awaited."""

RUN = "grpc.run"
"""What stands between sync code and a coroutine; `grpc_bridge.run`, by the name it has in the analysis."""

RUN_MEMBER = _surface.Member("", "run", "function", True, "await", "value")

WAITS = frozenset(
    {
        "threading.Thread().join", "threading.Timer().join", "threading.Event().wait",
        "threading.Condition().wait", "threading.Condition().wait_for", "threading.Barrier().wait",
        "queue.Queue().get", "queue.Queue().join", "queue.SimpleQueue().get", "queue.LifoQueue().get",
        "queue.PriorityQueue().get", "multiprocessing.Process().join", "concurrent.futures.wait",
        "subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.check_output",
        "subprocess.Popen().wait", "subprocess.Popen().communicate", "builtins.input",
        "threading.Semaphore().acquire", "threading.BoundedSemaphore().acquire",
    }
)  # fmt: skip
"""External calls that make their thread wait for somebody; off the loop they do no harm."""

RUNS_LOOP = re.compile(r"(asyncio|uvloop)\.(run|.*\.run_until_complete)")
"""External calls that no coroutine may make: they run a loop of their own."""

KEEPS_LOOP = re.compile(r"asyncio\.Runner\(\)\.(?:.*\.)?run|(asyncio|uvloop)\.(?:.*\.)?run_forever")
"""Those for which an `await` is no substitute, for the loop outlives them."""

_FAKES_WAIT = re.compile(
    r"grpc[._]testing\.(channel\(\)\.take_\w+|server_from_dictionary\(\)\.invoke_\w+\(\)\.(termination|take_response))"
)
"""What grpc_testing's fakes are asked for when they wait for the code under test."""

_WAITING_ENDINGS = (".submit().result", ".submit().exception")

UNKNOWN_SERVICES = "grpc.services()"
"""What `grpc.services(path)` returns where the .proto file is not in reach."""

_UNKNOWN_STUB = re.compile(r"(_pb2_grpc|^grpc\.services\(\))\.\w+Stub\(\)\.\w+")

EXECUTORS = (
    "concurrent.futures.ThreadPoolExecutor()",
    "concurrent.futures.ProcessPoolExecutor()",
    "concurrent.futures.thread.ThreadPoolExecutor()",
    "multiprocessing.pool.ThreadPool()",
)

_THREAD_CALLS = {
    "threading.Thread": "target",
    "threading.Timer": "function",
    "multiprocessing.Process": "target",
    "_thread.start_new_thread": "function",
    "asyncio.to_thread": "func",
}
_POSITION = {"threading.Thread": 1, "threading.Timer": 1, "multiprocessing.Process": 1}
_LOOP_METHODS = {"call_soon": 0, "call_soon_threadsafe": 0, "call_later": 1, "call_at": 1}
"""What an event loop calls later, on its own thread."""
_ASYNCIO_METHODS = {**_LOOP_METHODS, "add_done_callback": 0, "add_reader": 1, "add_writer": 1}
_FINALIZERS = frozenset({"weakref.finalize", "weakref.ref", "weakref.WeakMethod"})
_THREAD_METHODS = {"submit": 0, "apply_async": 0, "run_in_executor": 1, "add_done_callback": 0}

_DECORATORS = {
    "contextlib.contextmanager": "contextmanager",
    "contextlib.asynccontextmanager": "asynccontextmanager",
    "builtins.property": "property",
    "functools.cached_property": "property",
    "builtins.staticmethod": "static",
    "builtins.classmethod": "class",
    "pytest.fixture": "fixture",
    "pytest.fixture()": "fixture",
    "pytest.yield_fixture": "fixture",
    "pytest_asyncio.fixture": "fixture",
    "pytest_asyncio.fixture()": "fixture",
    "abc.abstractmethod": "plain",
    "abc.abstractproperty": "property",
    "typing.override": "plain",
    "typing_extensions.override": "plain",
    "functools.wraps()": "plain",
    "typing.no_type_check": "plain",
    BLOCKING: "plain",
    "builtins.super": "plain",
}


@dataclass(frozen=True)
class Sink:
    """A parameter of an external callable that takes a function to call elsewhere or later."""

    kind: SinkKind
    position: int
    keyword: str
    maps: bool = False
    trailing: bool = False

    def function(self, args: list[Values], keywords: dict[str, Values]) -> Values:
        if self.keyword in keywords:
            return keywords[self.keyword]
        return args[self.position] if len(args) > self.position else NOTHING

    def passed(self, args: list[Values]) -> list[Values]:
        return args[self.position + 1 :] if self.trailing else []

    def holds(self, node: ast.Call, argument: ast.expr) -> bool:
        """True where `argument` is the function that this sink takes."""
        if len(node.args) > self.position and node.args[self.position] is argument:
            return True
        return any(k.arg == self.keyword and k.value is argument for k in node.keywords)


def sinks_of(node: ast.Call, callees: Values) -> list[Sink]:
    """The sinks of a call, known by what is called or, where that is unknown, by the method's name."""
    found: list[Sink] = []
    for callee in callees:
        if isinstance(callee, MemberOf) and callee.name in ("add_done_callback", "add_callback", "subscribe"):
            found.append(Sink("callback", 0, "callback"))
        elif isinstance(callee, Ext):
            found += _external_sinks(callee.path)
    if not callees and isinstance(node.func, ast.Attribute):
        found += _by_method_name(node.func.attr)
    return found


def _external_sinks(path: str) -> list[Sink]:
    if path in _THREAD_CALLS:
        position = _POSITION.get(path, 0)
        return [Sink("thread", position, _THREAD_CALLS[path], trailing=path == TO_THREAD)]
    if path == "atexit.register":
        return [Sink("exit", 0, "func", trailing=True)]
    if path == "signal.signal":
        return [Sink("signal", 1, "handler")]
    if path in _FINALIZERS:
        return [Sink("finalizer", 1, "func" if path == "weakref.finalize" else "callback", trailing=True)]
    if path.startswith("grpc.") and path.endswith("_rpc_method_handler"):
        return [Sink("handler", 0, "behavior")]
    method = path.rpartition(".")[2]
    if path.startswith("asyncio.") and method in _ASYNCIO_METHODS:
        return [Sink("loop", _ASYNCIO_METHODS[method], "callback", trailing=True)]
    if path.startswith(EXECUTORS) and method == "map":
        return [Sink("thread", 0, "fn", maps=True)]
    return _by_method_name(method) if "()" in path else []


def _by_method_name(method: str) -> list[Sink]:
    if method == "add_signal_handler":
        return [Sink("signal", 1, "callback", trailing=True)]
    if method in _LOOP_METHODS:
        return [Sink("loop", _LOOP_METHODS[method], "callback", trailing=True)]
    if method in _THREAD_METHODS:
        return [Sink("thread", _THREAD_METHODS[method], "fn", trailing=True)]
    return []


def threaded(paths: set[str], call: ast.Call) -> ast.expr | None:
    """The function that a call has run by asyncio's own threads, as it is written.

    A lambda is one where it is given nothing and does no more than to make one call; `lambda x=x: f(x)` too.
    """
    function: ast.expr | None = None
    if paths == {TO_THREAD} and call.args:
        function = call.args[0]
    elif paths and all(map(_RUN_IN_EXECUTOR.fullmatch, paths)) and len(call.args) > 1:
        first = call.args[0]
        function = call.args[1] if is_none(first) else None
    if isinstance(function, ast.Lambda):
        own = [(arg.arg, value) for arg, value in defaults(function.args)]
        whole = function is call.args[-1] and not call.keywords
        whole = whole and ast.unparse(function.args) == ", ".join(
            f"{name}={name}" for name, value in own if isinstance(value, ast.Name) and value.id == name
        )
        return function if whole and isinstance(function.body, ast.Call) else None
    return function if isinstance(function, (ast.Name, ast.Attribute)) else None


def expected(paths: set[str], call: ast.Call) -> ast.expr | None:
    """The function that `assertRaises` and its like are given to call, as it is written."""
    place = max((EXPECT.get(path.rpartition(".")[2], 0) for path in paths), default=0)
    if not place or len(call.args) <= place:
        return None
    function = call.args[place]
    plain = not any(isinstance(arg, ast.Starred) for arg in call.args[:place])
    return function if plain and isinstance(function, (ast.Name, ast.Attribute)) else None


def is_unknown_stub(path: str) -> bool:
    """True for a method of a stub whose generated code is not in reach."""
    return _UNKNOWN_STUB.search(path) is not None


def waits(path: str, node: ast.Call) -> bool:
    """True for an external call that blocks its thread and that a worker thread can make instead."""
    if path.endswith((".get", ".acquire")) and tries(path.rpartition(".")[2], node):
        return False
    return path in WAITS or path.endswith(_WAITING_ENDINGS) or _FAKES_WAIT.fullmatch(path) is not None


def bounded(made: ast.AST | None) -> bool:
    """True for a queue made with room for so many: to put something into it may wait."""
    if not isinstance(made, ast.Call):
        return False
    size = [*made.args[:1], *(k.value for k in made.keywords if k.arg == "maxsize")]
    factory = (
        bool(size)
        and isinstance(size[0], (ast.Name, ast.Attribute))
        and _last_name(size[0]).endswith("Queue")
    )
    return bool(size) and not factory and not (isinstance(size[0], ast.Constant) and size[0].value in (0, -1))


def _last_name(node: ast.Name | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr


def block_of(method: str, call: ast.Call) -> ast.expr | None:
    """The `block` of a queue's `get` or `put`, the `blocking` of a lock's `acquire`."""
    return argument(call, "blocking" if method == "acquire" else "block", 1 if method == "put" else 0)


def tries(method: str, call: ast.Call) -> bool:
    """True for such a call that is told not to wait, and so returns at once."""
    block = block_of(method, call)
    return isinstance(block, ast.Constant) and not block.value


def argument(call: ast.Call, name: str, position: int) -> ast.expr | None:
    """What a call is given for a parameter."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    return call.args[position] if len(call.args) > position else None


def puts(path: str, node: ast.Call) -> bool:
    """True for `put` into a queue, unless it only tries."""
    return path.startswith("queue.") and path.endswith("().put") and not tries("put", node)


def makes_mock(patch: ast.Call) -> bool:
    """True where a call of `patch` or `patch.object` is not given what it puts in the place."""
    whole = isinstance(patch.func, ast.Attribute) and patch.func.attr == "object"
    return len(patch.args) <= 1 + whole and not any(k.arg in ("new", "new_callable") for k in patch.keywords)


def is_executor(path: str) -> bool:
    return path in EXECUTORS


def decorator_role(path: str) -> str | None:
    """What a known external decorator makes of a function; None where it is not known."""
    if path in _DECORATORS:
        return _DECORATORS[path]
    if path.startswith(("pytest.mark.", "unittest.mock.patch", "mock.patch")):
        return "plain"
    return None
