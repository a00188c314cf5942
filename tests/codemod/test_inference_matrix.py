"""Every kind of gRPC's objects is known again wherever a program may put it: carriers times kinds.

Each combination is a file, or several, that hands an object from where it is made to where it is used.
The tree of all is analysed once, and the edits are looked at: to write a thousand files would take minutes.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from grpc_bridge.codemod import callgraph, indexing, infer, propagate, rules
from grpc_bridge.codemod.discover import Source, parse
from grpc_bridge.codemod.rules.base import Plan, View
from grpc_bridge.codemod.runner import migrate

from .tool import generated

# All cases look at one tree, which is analysed in some ten seconds.
pytestmark = [pytest.mark.xdist_group("matrix"), pytest.mark.timeout(240)]


@dataclass(frozen=True)
class Kind:
    """How an object is made, from `stub` and `given`; a use of the variable `x`, and the rule for that."""

    make: str
    use: str
    rule: str
    type: str = ""
    """What annotates it; "" where no annotation says what it is."""
    anywhere: bool = False
    """It may be made while a module is imported."""
    classes: str = ""
    """What makes it needs these, ..."""
    head: str = ""
    """... and what uses it needs this."""
    coroutine: str = ""
    """What becomes a coroutine because it is known."""


HANDLER = """
class Greeter(GreeterServicer):
    def {name}(self, {request}, context):
        return main(GreeterStub(grpc.insecure_channel("own")), {given})


add_GreeterServicer_to_server(Greeter(), grpc.server(None))
"""
PLAIN = """
class Plain(grpc.ServerInterceptor):
    def intercept_service(self, continuation, handler_call_details):
        return continuation(handler_call_details)
"""
INTERCEPTORS = """
class Wrapping(grpc.ServerInterceptor):
    def intercept_service(self, continuation, handler_call_details):
        handler = continuation(handler_call_details)

        def behavior(request, context):
            return handler.unary_unary(request, context)

        return grpc.unary_unary_rpc_method_handler(behavior)


class Greeter(GreeterServicer):
    def Hi(self, request, context):
        return GreeterStub(grpc.insecure_channel("own")).Hi(request)
"""
CLIENT_INTERCEPTOR = """
class Passing(grpc.UnaryUnaryClientInterceptor):
    def intercept_unary_unary(self, continuation, client_call_details, request):
        return continuation(client_call_details, request)
"""
REGISTER = "add_GreeterServicer_to_server(Greeter(), grpc.server(None, interceptors=[x]))"

KINDS = {
    "channel": Kind('grpc.insecure_channel("x")', "x.close()", "GB203", "grpc.Channel", True),
    "stub": Kind('GreeterStub(grpc.insecure_channel("x"))', "print(x.Hi(1))", "GB202", "GreeterStub", True),
    "multi-callable": Kind(
        'GreeterStub(grpc.insecure_channel("x")).Hi',
        "print(x(1))",
        "GB202",
        "grpc.UnaryUnaryMultiCallable",
        True,
    ),
    "multi-callable of a channel": Kind(
        'grpc.insecure_channel("x").stream_stream("/a.B/C")',
        "print(next(x(iter([1]))))",
        "GB206",
        "grpc.StreamStreamMultiCallable",
        True,
    ),
    "call": Kind("stub.Hi.with_call(1)[1]", "print(x.code())", "GB203", "grpc.Call"),
    "stream": Kind("stub.Many(1)", "for reply in x:\n    print(reply)", "GB205"),
    "future": Kind("stub.Hi.future(1)", "print(x.result(5))", "GB203", "grpc.Future"),
    "server": Kind("grpc.server(None)", "x.wait_for_termination()", "GB301", "grpc.Server", True),
    "context": Kind(
        "given",
        'GreeterStub(grpc.insecure_channel("x")).Hi(1)\nx.abort(grpc.StatusCode.OK, "")',
        "GB302",
        "grpc.ServicerContext",
        head=HANDLER.format(name="Hi", request="request", given="context"),
    ),
    "request iterator": Kind(
        "given",
        "for request in x:\n    print(request)",
        "GB205",
        head=HANDLER.format(name="Sum", request="request_iterator", given="request_iterator"),
    ),
    "credentials": Kind(
        "grpc.ssl_channel_credentials()",
        'grpc.secure_channel("x", x).close()',
        "GB203",
        "grpc.ChannelCredentials",
        True,
    ),
    "interceptor of a server": Kind(
        "Plain()", REGISTER, "", "Plain", True, PLAIN, INTERCEPTORS, "Greeter.Hi"
    ),
    "interceptor of a channel": Kind(
        "Passing()",
        'grpc.intercept_channel(grpc.insecure_channel("x"), x).close()',
        "GB203",
        "Passing",
        True,
        CLIENT_INTERCEPTOR,
    ),
}

Carrier = str | Mapping[str, str]
"""A program, or more than one file of it: MAKE makes the object, USE uses it as `x`, TYPE annotates it."""

INSIDE: dict[str, Carrier] = {
    "assignment": """
        def main(stub: GreeterStub, given):
            y = x = MAKE
            USE
        """,
    "walrus": """
        def main(stub: GreeterStub, given):
            if x := MAKE:
                USE
        """,
    "conditional": """
        def main(stub: GreeterStub, given):
            x = MAKE if given else None
            USE
        """,
    "or": """
        def main(stub: GreeterStub, given):
            x = None or MAKE
            USE
        """,
    "unpacking": """
        def main(stub: GreeterStub, given):
            number, x = 1, MAKE
            USE
        """,
    "nested unpacking": """
        def main(stub: GreeterStub, given):
            number, (x, *rest) = 1, (MAKE, 2)
            USE
        """,
    "starred unpacking": """
        def main(stub: GreeterStub, given):
            number, *rest = 1, MAKE
            [x] = rest
            USE
        """,
    "attribute of self": """
        class Holder:
            def __init__(self, value):
                self.value = value

            def use(self):
                x = self.value
                USE


        def main(stub: GreeterStub, given):
            Holder(MAKE).use()
        """,
    "attribute set from outside": """
        class Holder:
            value = None

            def use(self):
                x = self.value
                USE


        def main(stub: GreeterStub, given):
            holder = Holder()
            holder.value = MAKE
            holder.use()
        """,
    "attribute of a class": """
        class Holder:
            value = None


        def use():
            x = Holder.value
            USE


        def main(stub: GreeterStub, given):
            Holder.value = MAKE
            use()
        """,
    "attribute of a module": {
        "_settings": "value = None\n",
        "": """
        import CASE_settings


        def use():
            x = CASE_settings.value
            USE


        def main(stub: GreeterStub, given):
            CASE_settings.value = MAKE
            use()
        """,
    },
    "global": """
        value = None


        def use():
            x = value
            USE


        def main(stub: GreeterStub, given):
            global value
            value = MAKE
            use()
        """,
    "nonlocal": """
        def main(stub: GreeterStub, given):
            value = None

            def set_up():
                nonlocal value
                value = MAKE

            set_up()
            x = value
            USE
        """,
    "closure": """
        def main(stub: GreeterStub, given):
            x = MAKE

            def use():
                USE

            return use()
        """,
    "parameter": """
        def use(x):
            USE


        def main(stub: GreeterStub, given):
            use(MAKE)
        """,
    "keyword": """
        def use(*, x):
            USE


        def main(stub: GreeterStub, given):
            use(x=MAKE)
        """,
    "args": """
        def use(*args):
            x = args[1]
            USE


        def main(stub: GreeterStub, given):
            use(1, MAKE)
        """,
    "kwargs": """
        def use(**kwargs):
            x = kwargs["x"]
            USE


        def main(stub: GreeterStub, given):
            use(x=MAKE)
        """,
    "args and kwargs passed on": """
        def use(number, x):
            USE


        def hand_on(*args, **kwargs):
            return use(*args, **kwargs)


        def main(stub: GreeterStub, given):
            hand_on(1, x=MAKE)
        """,
    "return": """
        def same(value):
            return value


        def main(stub: GreeterStub, given):
            x = same(MAKE)
            USE
        """,
    "return of several": """
        def pair(value):
            return 1, value


        def main(stub: GreeterStub, given):
            number, x = pair(MAKE)
            USE
        """,
    "lambda": """
        same = lambda value: value


        def main(stub: GreeterStub, given):
            x = same(MAKE)
            USE
        """,
    "list": """
        def main(stub: GreeterStub, given):
            values = [MAKE]
            x = values[0]
            USE
        """,
    "list appended to": """
        def main(stub: GreeterStub, given):
            values = []
            values.append(MAKE)
            for x in values:
                USE
        """,
    "tuple": """
        def main(stub: GreeterStub, given):
            values = (1, MAKE)
            x = values[1]
            USE
        """,
    "dictionary": """
        def main(stub: GreeterStub, given):
            values = {"a": MAKE}
            x = values["a"]
            USE
        """,
    "dictionary stored into": """
        def main(stub: GreeterStub, given):
            values = {}
            values["a"] = MAKE
            x = values.get("a")
            USE
        """,
    "values of a dictionary": """
        def main(stub: GreeterStub, given):
            values = {number: MAKE for number in range(2)}
            for number, x in values.items():
                USE
        """,
    "comprehension": """
        def main(stub: GreeterStub, given):
            values = [value for value in [MAKE] if value]
            for x in values:
                USE
        """,
    "enumerate and zip": """
        def main(stub: GreeterStub, given):
            for number, (x, name) in enumerate(zip([MAKE], "a")):
                USE
        """,
    "dataclass": """
        from dataclasses import dataclass


        @dataclass
        class Holder:
            number: int
            value: object = None


        def main(stub: GreeterStub, given):
            holder = Holder(1, value=MAKE)
            x = holder.value
            USE
        """,
    "named tuple": """
        from typing import Any, NamedTuple


        class Holder(NamedTuple):
            number: int
            value: Any


        def main(stub: GreeterStub, given):
            number, x = Holder(1, MAKE)
            USE
        """,
    "simple namespace": """
        from types import SimpleNamespace


        def main(stub: GreeterStub, given):
            holder = SimpleNamespace(value=MAKE)
            x = holder.value
            USE
        """,
    "property": """
        class Holder:
            def __init__(self, value):
                self._value = value

            @property
            def value(self):
                return self._value


        def main(stub: GreeterStub, given):
            x = Holder(MAKE).value
            USE
        """,
    "cached property": """
        from functools import cached_property


        class Holder:
            def __init__(self, value):
                self._value = value

            @cached_property
            def value(self):
                return self._value


        def main(stub: GreeterStub, given):
            x = Holder(MAKE).value
            USE
        """,
    "static method": """
        class Maker:
            @staticmethod
            def same(value):
                return value


        def main(stub: GreeterStub, given):
            x = Maker.same(MAKE)
            USE
        """,
    "class method": """
        class Holder:
            def __init__(self, value):
                self.value = value

            @classmethod
            def of(cls, value):
                return cls(value)


        def main(stub: GreeterStub, given):
            x = Holder.of(MAKE).value
            USE
        """,
    "subclass": """
        class Base:
            def __init__(self, value):
                self.value = value


        class Derived(Base):
            def __init__(self, value):
                super().__init__(value)

            def use(self):
                x = self.value
                USE


        def main(stub: GreeterStub, given):
            Derived(MAKE).use()
        """,
    "method of a base": """
        class Base:
            value = None

            def use(self):
                x = self.value
                USE


        class Derived(Base):
            def __init__(self, value):
                self.value = value


        def main(stub: GreeterStub, given):
            Derived(MAKE).use()
        """,
    "slots": """
        class Holder:
            __slots__ = ("value",)

            def __init__(self, value):
                object.__setattr__(self, "value", value)


        def main(stub: GreeterStub, given):
            x = Holder(MAKE).value
            USE
        """,
    "partial": """
        import functools


        def same(value):
            return value


        def main(stub: GreeterStub, given):
            get = functools.partial(same, MAKE)
            x = get()
            USE
        """,
    "partial of what uses it": """
        import functools


        def use(number, x):
            USE


        def main(stub: GreeterStub, given):
            late = functools.partial(use, 1)
            late(MAKE)
        """,
    "contextmanager": """
        from contextlib import contextmanager


        @contextmanager
        def opened(value):
            yield value


        def main(stub: GreeterStub, given):
            with opened(MAKE) as x:
                USE
        """,
    "class with __enter__": """
        class Opened:
            def __init__(self, value):
                self.value = value

            def __enter__(self):
                return self.value

            def __exit__(self, *error):
                return None


        def main(stub: GreeterStub, given):
            with Opened(MAKE) as x:
                USE
        """,
    "nullcontext and ExitStack": """
        from contextlib import ExitStack, nullcontext


        def main(stub: GreeterStub, given):
            with ExitStack() as stack:
                x = stack.enter_context(nullcontext(MAKE))
                USE
        """,
    "generator": """
        def made(value):
            yield value


        def main(stub: GreeterStub, given):
            for x in made(MAKE):
                USE
        """,
    "getattr": """
        class Holder:
            value = None


        def main(stub: GreeterStub, given):
            holder = Holder()
            setattr(holder, "value", MAKE)
            x = getattr(holder, "value")
            USE
        """,
    "decorator of the program": """
        import functools


        def logged(function):
            @functools.wraps(function)
            def wrapper(*args):
                print(function.__name__)
                return function(*args)

            return wrapper


        @logged
        def same(value):
            return value


        def main(stub: GreeterStub, given):
            x = same(MAKE)
            USE
        """,
    "lru_cache": """
        import functools


        @functools.lru_cache
        def same(value):
            return value


        def main(stub: GreeterStub, given):
            x = same(MAKE)
            USE
        """,
    "cast": """
        from typing import Any, cast


        def main(stub: GreeterStub, given):
            x = cast(Any, MAKE)
            USE
        """,
    "match": """
        def main(stub: GreeterStub, given):
            match given:
                case _:
                    x = MAKE
            USE
        """,
    "try": """
        def main(stub: GreeterStub, given):
            try:
                x = MAKE
            except ValueError:
                return
            USE
        """,
}

ANNOTATED: dict[str, Carrier] = {
    "annotation of a parameter": """
        def main(x: TYPE):
            USE
        """,
    "annotation in quotes": """
        def main(x: "TYPE"):
            USE
        """,
    "optional": """
        from typing import Optional


        def main(x: Optional[TYPE] = None):
            USE
        """,
    "union": """
        def main(x: "TYPE | None" = None):
            USE
        """,
    "annotation of a variable": """
        import elsewhere


        def main():
            x: TYPE = elsewhere.made()
            USE
        """,
    "annotation of a return": """
        import elsewhere


        def made() -> TYPE:
            return elsewhere.made()


        def main():
            x = made()
            USE
        """,
    "annotation of an attribute": """
        class Holder:
            value: TYPE

            def use(self):
                x = self.value
                USE
        """,
    "annotation of what foreign code passes": """
        import elsewhere


        def use(x: TYPE):
            USE


        def main():
            use(elsewhere.made())
        """,
    "dataclass field that foreign code fills": """
        from dataclasses import dataclass

        import elsewhere


        @dataclass
        class Holder:
            value: TYPE

            def use(self):
                x = self.value
                USE


        def main():
            Holder(elsewhere.made()).use()
        """,
    "annotated elements": """
        def main(values: list[TYPE]):
            for x in values:
                USE
        """,
    "annotated values": """
        def main(values: "dict[str, TYPE]"):
            x = values["a"]
            USE
        """,
    "callable": """
        from collections.abc import Callable


        def main(make: Callable[[], TYPE]):
            x = make()
            USE
        """,
    "protocol": """
        from typing import Protocol


        class Holds(Protocol):
            value: TYPE


        def main(holder: Holds):
            x = holder.value
            USE
        """,
    "type alias": """
        from typing import Union

        Alias = Union[TYPE, None]


        def main(x: Alias):
            USE
        """,
    "generic": """
        from typing import Generic, TypeVar

        T = TypeVar("T", bound=TYPE)


        def main(x: T):
            USE
        """,
    "dataclass field": """
        from dataclasses import dataclass


        @dataclass
        class Holder:
            value: TYPE

            def use(self):
                x = self.value
                USE
        """,
}

AT_IMPORT: dict[str, Carrier] = {
    "global": """
        value = MAKE


        def main():
            x = value
            USE
        """,
    "class attribute": """
        class Holder:
            value = MAKE

            def use(self):
                x = self.value
                USE
        """,
    "default": """
        def main(x=MAKE):
            USE
        """,
    "default factory": """
        from dataclasses import dataclass, field


        @dataclass
        class Holder:
            value: object = field(default_factory=lambda: MAKE)

            def use(self):
                x = self.value
                USE
        """,
    "attribute of a module": {
        "_settings": "value = MAKE\n",
        "": """
        import CASE_settings as settings


        def main():
            x = settings.value
            USE
        """,
    },
    "attribute of a module in a package": {
        "_package/__init__": "",
        "_package/settings": "value = MAKE\n",
        "": """
        import CASE_package.settings


        def main():
            x = CASE_package.settings.value
            USE
        """,
    },
    "factory": """
        def make():
            return MAKE


        def main():
            x = make()
            USE
        """,
    "factory that keeps what it made": """
        value = None


        def get():
            global value
            if value is None:
                value = MAKE
            return value


        def main():
            x = get()
            USE
        """,
    "re-export": {
        "_maker": "def make():\n    return MAKE\n",
        "_package/__init__": "from CASE_maker import make as remade\n",
        "": """
        from CASE_package import remade


        def main():
            x = remade()
            USE
        """,
    },
    "import star": {
        "_maker": "value = MAKE\n",
        "_between": "from CASE_maker import *\n",
        "": """
        from CASE_between import *


        def main():
            x = value
            USE
        """,
    },
    "import star of what __all__ names": {
        "_maker": '__all__ = ["_value"]\n_value = MAKE\n',
        "": """
        from CASE_maker import *


        def main():
            x = _value
            USE
        """,
    },
    "relative imports": {
        "_package/__init__": "from .maker import value\n",
        "_package/maker": "value = MAKE\n",
        "_package/inner/__init__": "from .. import value\n",
        "_package/inner/user": """
        from . import value
        from ..maker import value as again


        def main():
            x = value
            USE
            x = again
            USE
        """,
    },
    "namespace package": {
        "_namespace/one/maker": "value = MAKE\n",
        "": """
        from CASE_namespace.one import maker


        def main():
            x = maker.value
            USE
        """,
    },
    "alias of grpc": """
        import grpc as rpc


        def make():
            return ALIASED


        def main():
            x = make()
            USE
        """,
    "names of grpc": """
        from grpc import (
            insecure_channel as connect,
            server as serve,
            ssl_channel_credentials as ssl,
        )


        def make():
            return NAMED


        def main():
            x = make()
            USE
        """,
    "import inside a function": {
        "_maker": "value = MAKE\n",
        "": """
        def main():
            from CASE_maker import value

            x = value
            USE
        """,
    },
    "import_module": {
        "_maker": "value = MAKE\n",
        "": """
        import importlib


        def main():
            maker = importlib.import_module("CASE_maker")
            x = maker.value
            USE
        """,
    },
    "registry": """
        REGISTRY = {}


        def register(name):
            def keep(function):
                REGISTRY[name] = function
                return function

            return keep


        @register("a")
        def make():
            return MAKE


        def main():
            x = REGISTRY["a"]()
            USE
        """,
    "singleton": """
        class Holder:
            _instance = None

            def __new__(cls):
                if cls._instance is None:
                    cls._instance = super().__new__(cls)
                    cls._instance.value = MAKE
                return cls._instance


        def main():
            x = Holder().value
            USE
        """,
}

STUBS = {"installed": "acme.v1.greet_pb2_grpc", "by shape": "greeter_stubs", "pyi": "declared_pb2_grpc"}
"""Where the generated code may come from, and the module's name."""

HEAD = "import grpc\n\nfrom {} import GreeterServicer, GreeterStub, add_GreeterServicer_to_server\n\n"
DECLARED = """\
import grpc as _grpc

class GreeterStub:
    def __init__(self, channel: _grpc.Channel) -> None: ...
    Hi: _grpc.UnaryUnaryMultiCallable[int, int]
    Many: _grpc.UnaryStreamMultiCallable[int, int]
    Sum: _grpc.StreamUnaryMultiCallable[int, int]

class GreeterServicer:
    def Hi(self, request, context): ...
    def Sum(self, request_iterator, context): ...

def add_GreeterServicer_to_server(servicer: GreeterServicer, server: _grpc.Server) -> None: ...
"""


@dataclass(frozen=True)
class Case:
    """One combination; its files are called by its name."""

    name: str
    carrier: Carrier
    kind: Kind
    stubs: str = "greet_pb2_grpc"

    def files(self) -> dict[str, str]:
        parts = {"": self.carrier} if isinstance(self.carrier, str) else self.carrier
        return {f"{self.name}{part}.py": self.text(textwrap.dedent(text)) for part, text in parts.items()}

    @property
    def user(self) -> str:
        """The file that uses what another may make."""
        return next(name for name, text in self.files().items() if self.kind.use.split("\n")[0] in text)

    def text(self, template: str) -> str:
        make = self.kind.make
        named = make.replace("grpc.insecure_channel", "connect").replace("grpc.server", "serve")
        words = {
            "CASE": self.name,
            "ALIASED": make.replace("grpc.", "rpc."),
            "NAMED": named.replace("grpc.ssl_channel_credentials", "ssl"),
            "MAKE": make,
            "TYPE": self.kind.type,
        }
        text = template
        for word, meaning in words.items():
            text = text.replace(word, meaning)
        parts = [HEAD.format(self.stubs), self.kind.classes] if text != template else []
        if "USE" in template:
            parts = [HEAD.format(self.stubs), self.kind.classes, self.kind.head]
        return "\n".join([*parts, spelled(text, self.kind.use).lstrip("\n")])

    def uses(self) -> int:
        parts = [self.carrier] if isinstance(self.carrier, str) else self.carrier.values()
        return sum(part.count("USE") for part in parts)


def spelled(text: str, use: str) -> str:
    """A template with each USE in its place."""
    lines = (
        textwrap.indent(use, line.removesuffix("USE")) if line.strip() == "USE" else line
        for line in text.split("\n")
    )
    return "\n".join(lines)


def slug(text: str) -> str:
    return re.sub(r"\W+", "_", text).strip("_").lower()


def cases() -> Iterator[Case]:
    for group, carriers in (("inside", INSIDE), ("annotated", ANNOTATED), ("at_import", AT_IMPORT)):
        for carrier, template in carriers.items():
            for name, kind in KINDS.items():
                if (group == "annotated" and not kind.type) or (group == "at_import" and not kind.anywhere):
                    continue
                yield Case(f"{group}_{slug(carrier)}_{slug(name)}", template, kind)
    for source, module in STUBS.items():
        for name, kind in KINDS.items():
            yield Case(f"{slug(source)}_{slug(name)}", INSIDE["assignment"], kind, module)


CASES = {case.name: case for case in cases()}


@dataclass
class Analysed:
    """The edits of each file, and what a person is told of it, by its path in the tree."""

    edits: dict[str, list[tuple[int, str]]]
    told: dict[str, list[str]]
    coroutines: dict[str, set[str]]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Analysed:
    root = tmp_path_factory.mktemp("matrix") / "project"
    files = {path: text for case in CASES.values() for path, text in case.files().items()}
    files["greet_pb2_grpc.py"] = files["greeter_stubs.py"] = generated()
    files["declared_pb2_grpc.pyi"] = DECLARED
    for path, text in {**files, "../site-packages/acme/v1/greet_pb2_grpc.py": generated()}.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    sys.path.append(str(root.parent / "site-packages"))
    found = Analysed({}, {}, {})
    try:
        sources = [parse(root / path, text.encode()) for path, text in files.items()]
        program = indexing.build([s for s in sources if isinstance(s, Source)], roots=[root])
    finally:
        sys.path.remove(str(root.parent / "site-packages"))
    facts = infer.infer(program)
    graph = callgraph.build(program, facts)
    colours = propagate.propagate(program, graph, facts)
    for module in program.modules.values():
        plan = Plan(module)
        name = str(module.path.relative_to(root)) if module.in_run else ""
        edits = [
            e for fn in module.functions for e in rules.edits(View(fn, plan, program, graph, facts, colours))
        ]
        found.edits[name] = [(edit.key.start[0], edit.rule) for edit in edits]
        findings = [*plan.findings, *(finding for edit in edits for finding in edit.findings)]
        found.told[name] = [f"{f.line}: {f.rule} {f.message}" for f in findings if f.kind == "cut"]
        found.coroutines[name] = {fn.label for fn in module.functions if colours.is_async(fn)}
    return found


@pytest.mark.parametrize("name", CASES)
def test_what_is_carried_is_known(name: str, tree: Analysed) -> None:
    case = CASES[name]
    text = case.files()[case.user]
    use = case.kind.use.split("\n")[-1 if case.kind.rule == "GB302" else 0]
    uses = {number for number, line in enumerate(text.split("\n"), 1) if line.strip() == use}
    assert len(uses) == case.uses()
    shown = "\n".join([text, *tree.told[case.user], *map(str, tree.edits[case.user])])
    found = {line for line, rule in tree.edits[case.user] if rule == case.kind.rule}
    assert not case.kind.rule or uses <= found, shown
    assert case.kind.coroutine in {*tree.coroutines[case.user], ""}, shown
    assert tree.told[case.user] == [], shown


def test_an_interceptor_that_calls_the_handler_keeps_it_sync(tmp_path: Path) -> None:
    """What the interceptors' cases stand on: it would be seen if another one were taken for it."""
    kind = KINDS["interceptor of a server"]
    case = Case("app", INSIDE["assignment"], replace(kind, make="Wrapping()"))
    (tmp_path / ".git").mkdir()
    (tmp_path / "greet_pb2_grpc.py").write_text(generated())
    (tmp_path / "app.py").write_text(case.files()["app.py"])
    assert "    def Hi(self, request, context):\n" in migrate([tmp_path]).changed[tmp_path / "app.py"]
