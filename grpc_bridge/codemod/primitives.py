"""Queues, locks, events and threads of the standard library that a program makes, and every use of each.

Most have a counterpart in asyncio. Which of them take its place is decided by the colours of those who use
them, in `counterparts`; here is only what can be read in the source.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from . import external
from .index import Function, Program, own_nodes
from .infer import Facts
from .nodes import in_generator
from .values import BoxMember, Cls, Ext, Func, Gen, Inst, Mod, Values

QUEUES: Mapping[str, str] = {
    "queue.Queue": "asyncio.Queue",
    "queue.SimpleQueue": "asyncio.Queue",
    "queue.LifoQueue": "asyncio.LifoQueue",
    "queue.PriorityQueue": "asyncio.PriorityQueue",
}
LOCKS: Mapping[str, str] = {
    "threading.Lock": "asyncio.Lock",
    "threading.Condition": "asyncio.Condition",
    "threading.Semaphore": "asyncio.Semaphore",
    "threading.BoundedSemaphore": "asyncio.BoundedSemaphore",
}
EVENT = "threading.Event"
THREAD = "threading.Thread"
NAMES: Mapping[str, str] = {**QUEUES, **LOCKS, EVENT: "asyncio.Event", THREAD: "asyncio.create_task"}

PLAIN = frozenset(
    {
        "put_nowait", "get_nowait", "empty", "full", "qsize", "task_done", "locked", "set", "clear", "is_set",
        "notify", "notify_all", "release", "start", "is_alive",
    }
)  # fmt: skip
"""Methods that wait for nothing, under the same name in asyncio; the last two are those of threads."""

AWAITED = frozenset({"get", "put", "join", "wait", "wait_for", "acquire"})
MENTIONS = frozenset(
    {"builtins.isinstance", "builtins.print", "builtins.repr", "builtins.id", "builtins.len"}
)

Form = Literal["name", "call", "iter", "with"]


@dataclass(eq=False)
class Use:
    """One expression that is the primitive, and what is done with it there."""

    node: ast.expr
    fn: Function
    form: Form
    place: ast.AST
    """The call or the `with`; the expression itself where it is only named."""
    method: str = ""
    waits: bool = False
    """Its counterpart in asyncio has to be awaited."""


@dataclass(eq=False)
class Primitive:
    """All queues (or locks, ...) that meet in one expression: they change together or not at all."""

    kind: str
    made: list[ast.expr] = field(default_factory=list)
    """The calls that make it; or its class, where that is handed on: `defaultdict(queue.Queue)`."""
    makers: list[Function] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    trouble: str = ""
    """Why it stays as it is."""
    target: Function | None = None
    """What a thread runs."""
    lone: bool = False
    """It is a variable of one call of a function, and goes when that returns."""

    @property
    def bounded(self) -> bool:
        return any(external.bounded(made) for made in self.made)

    def fail(self, trouble: str) -> None:
        self.trouble = self.trouble or trouble


def find(program: Program, facts: Facts, parents: Mapping[ast.AST, ast.AST]) -> list[Primitive]:
    """Every primitive of the run, with its uses and with what stands against a change."""
    finder = _Finder(program, facts, parents)
    return finder.find()


class _Finder:
    def __init__(self, program: Program, facts: Facts, parents: Mapping[ast.AST, ast.AST]) -> None:
        self.program = program
        self.facts = facts
        self.parents = parents
        self.functions = {
            node: fn for module in program.modules.values() for node, fn in module.function_of.items()
        }
        self.modules = {module.source.tree: module for module in program.modules.values()}
        self.by_node: dict[ast.AST, Primitive] = {}

    def find(self) -> list[Primitive]:
        references = [
            (node, found)
            for node, values in self.facts.values.items()
            if (found := _primitives(values)) and node in self.parents
        ]
        # In the order of the text: a group is told of by its first place, whatever order the facts came in.
        references.sort(key=lambda reference: self.place(reference[0]))
        for node, found in references:
            self.join(node, found)
        for node, found in references:
            primitive = self.by_node[next(iter(found))]
            if any(value.path == f"{primitive.kind}()" for value in found.values()):
                self.use(primitive, node)
        return sorted(
            set(self.by_node.values()), key=lambda p: (str(p.makers[0].module.path), p.made[0].lineno)
        )

    def join(self, node: ast.AST, found: Mapping[ast.AST, Ext]) -> None:
        """Put the primitives that one expression may be into one group."""
        makers = sorted(found.items(), key=lambda item: self.place(item[0]))
        groups = [self.by_node.get(made) or self.primitive(made, value) for made, value in makers]
        first = groups[0]
        for other in groups[1:]:
            if other is first:
                continue
            if other.kind != first.kind:
                first.fail(f"it may be a {other.kind} in its place")
            first.made += other.made
            first.makers += other.makers
            first.trouble = first.trouble or other.trouble
            self.by_node.update((made, first) for made in other.made)
        others = self.facts.of(node) - set(found.values())
        # An annotation says the same, without saying where it is made.
        if not all(isinstance(v, Ext) and v.node is None and declares(v.path, first.kind) for v in others):
            first.fail(f"what {self.line(first, node)} names may be something else, too")

    def primitive(self, made: ast.AST, value: Ext) -> Primitive:
        kind = value.path.partition("()")[0]
        fn = self.around(made)
        primitive = Primitive(kind, makers=[fn])
        self.by_node[made] = primitive
        if not isinstance(made, ast.expr):
            primitive.fail("it is not made by a call")
            return primitive
        primitive.made.append(made)
        call = made if isinstance(made, ast.Call) else None
        if (kind == THREAD and call is None) or not _names(self.facts.of(call.func if call else made), kind):
            primitive.fail("a factory makes it, and not a call of its class")
        elif fn.top_level and (call is not None or not self.in_class(made)):
            primitive.fail("it is made when its module is imported, and lives longer than an event loop")
        elif self.in_class(made) and call is not None:
            primitive.fail("it is made with its class, and lives longer than an event loop")
        elif call is not None and any(isinstance(arg, ast.Starred) for arg in call.args):
            primitive.fail("its arguments are not known")
        elif call is not None and kind == "threading.Condition" and (call.args or call.keywords):
            primitive.fail("it is a condition of a lock that is made elsewhere")
        parent = self.parents[made]
        primitive.lone = isinstance(parent, (ast.Assign, ast.AnnAssign)) and all(
            isinstance(target, ast.Name) and target.id not in fn.outer
            for target in (parent.targets if isinstance(parent, ast.Assign) else [parent.target])
        )
        if not fn.module.in_run:
            primitive.fail(f"{fn.module.path.name}, which makes it, is not in the run")
        return primitive

    def in_class(self, node: ast.AST) -> bool:
        while not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.Module)):
            node = self.parents[node]
            if isinstance(node, ast.ClassDef):
                return True
        return False

    def place(self, node: ast.AST) -> tuple[str, int, int]:
        path = str(self.around(node).module.path)
        return path, getattr(node, "lineno", 0), getattr(node, "col_offset", 0)

    def around(self, node: ast.AST) -> Function:
        """The function whose code a node is part of."""
        while node in self.parents:
            node = self.parents[node]
            if node in self.functions:
                return self.functions[node]
        return self.modules[node].top  # type: ignore[index]

    def use(self, primitive: Primitive, node: ast.AST) -> None:
        if not isinstance(node, ast.expr) or isinstance(getattr(node, "ctx", None), ast.Store):
            return
        fn = self.around(node)
        parent = self.parents[node]
        if isinstance(parent, ast.Attribute) and parent.value is node:
            self.member(primitive, node, fn, parent)
        elif isinstance(parent, ast.withitem):
            statement = self.parents[parent]
            if len(getattr(statement, "items", ())) > 1 or parent.optional_vars is not None:
                primitive.fail(
                    f"{self.line(primitive, node)} takes it in one `with` with others, or with `as`"
                )
            primitive.uses.append(Use(node, fn, "with", statement, waits=True))
        elif self.is_followed(primitive, node, parent):
            primitive.uses.append(Use(node, fn, "name", node))
        else:
            primitive.fail(f"{self.line(primitive, node)} hands it on to where it cannot be followed")

    def is_followed(self, primitive: Primitive, node: ast.expr, parent: ast.AST) -> bool:
        """True where the inference sees what becomes of an expression."""
        if isinstance(
            parent, (ast.Return, ast.Expr, ast.Compare, ast.NamedExpr, ast.If, ast.BoolOp, ast.UnaryOp)
        ):
            return True
        if isinstance(parent, ast.Yield):
            return True
        if isinstance(parent, (ast.Assign, ast.AnnAssign)):
            targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
            return all(self.is_known_place(target) for target in targets)
        if isinstance(parent, (ast.Tuple, ast.List)):
            return self.is_followed_tuple(node, parent)
        if isinstance(parent, ast.keyword):
            parent = self.parents[parent]
        if isinstance(parent, ast.ListComp) and primitive.kind == THREAD and parent.elt is node:
            return isinstance(self.parents[parent], ast.Assign)
        if isinstance(parent, ast.Call) and parent.func is not node:
            callees = self.facts.of(parent.func)
            if primitive.kind == THREAD and all(isinstance(c, BoxMember) for c in callees):
                return True
            return bool(callees) and all(
                (isinstance(c, (Func, Cls)) and not _is_outside(c))
                or (isinstance(c, Ext) and c.path in MENTIONS)
                for c in callees
            )
        return False

    def is_followed_tuple(self, node: ast.expr, parent: ast.Tuple | ast.List) -> bool:
        """`a, b = Queue(), Queue()`; `return a, b`; `Thread(target=f, args=(a,))`."""
        outer = self.parents[parent]
        if isinstance(outer, ast.Return):
            return True
        if isinstance(outer, ast.Assign):
            return all(isinstance(target, ast.Tuple) for target in outer.targets)
        if isinstance(outer, ast.keyword) and outer.arg == "args":
            call = self.parents[outer]
            return isinstance(call, ast.Call) and _names(self.facts.of(call.func), THREAD)
        return False

    def is_known_place(self, target: ast.expr) -> bool:
        if isinstance(target, ast.Attribute):
            owners = self.facts.of(target.value)
            return bool(owners) and all(isinstance(owner, (Inst, Cls, Mod)) for owner in owners)
        return isinstance(target, ast.Name)

    def member(self, primitive: Primitive, node: ast.expr, fn: Function, member: ast.Attribute) -> None:
        outer = self.parents[member]
        if isinstance(outer, ast.Call) and outer.func is member:
            waits = self.method(primitive, member.attr, outer)
            if waits is None:
                primitive.fail(f"{self.line(primitive, node)} {self.lacking(primitive.kind, outer)}")
                waits = member.attr in AWAITED
            elif waits and in_generator(outer, self.parents):
                primitive.fail(f"{self.line(primitive, node)} waits for it inside a generator expression")
            primitive.uses.append(Use(node, fn, "call", outer, member.attr, waits))
        elif (
            isinstance(outer, ast.Call)
            and member.attr == "get"
            and primitive.kind in QUEUES
            and len(outer.args) == 2
            and outer.args[0] is member
            and self.facts.of(outer.func) == frozenset({Ext("builtins.iter")})
        ):
            # As the requests of a call it is only handed over; in a loop it is waited for.
            waits = not isinstance(self.parents[outer], ast.Call)
            primitive.uses.append(Use(node, fn, "iter", outer, "get", waits))
        else:
            primitive.fail(f"{self.line(primitive, node)} takes its {member.attr} and does not call it there")

    def lacking(self, kind: str, call: ast.Call) -> str:
        """How a call of a method is one that asyncio's counterpart cannot take."""
        assert isinstance(call.func, ast.Attribute)
        name, counterpart = call.func.attr, NAMES[kind]
        if kind == THREAD:
            counterpart = "a task"
        if kind in ("threading.Lock", "threading.Condition") and name in ("acquire", "release"):
            return f"calls {name} by hand, and only what a `with` takes becomes asyncio's"
        if name in AWAITED:
            return f"gives {name} an argument, such as a time limit, that {counterpart}'s does not take"
        return f"calls {name}, which {counterpart} does not have"

    def line(self, primitive: Primitive, node: ast.AST) -> str:
        """Where a node is, for somebody who looks at what makes the primitive."""
        module = self.around(node).module
        here = not primitive.makers or module is primitive.makers[0].module
        return f"line {_line(node)}" if here else f"line {_line(node)} of {module.path.name}"

    def method(self, primitive: Primitive, name: str, call: ast.Call) -> bool | None:
        """Whether the counterpart of a method call is awaited; None where there is none."""
        kind = primitive.kind
        if name in PLAIN:
            return None if kind == "threading.Lock" and name == "release" else False
        if name not in AWAITED or any(isinstance(arg, ast.Starred) for arg in call.args):
            return None
        if kind in QUEUES:
            return self.queue_method(primitive, name, call)
        if kind == THREAD:
            return True
        if kind == "threading.Lock" or (name == "acquire" and kind == "threading.Condition"):
            return None
        limited = call.args[1:] if name == "wait_for" else [*call.args, *call.keywords]
        return None if limited else True

    def queue_method(self, primitive: Primitive, name: str, call: ast.Call) -> bool | None:
        if name == "join":
            return True
        block = external.block_of(name, call)
        if block is not None and not isinstance(block, ast.Constant):
            return None
        return not external.tries(name, call) and (name == "get" or primitive.bounded)


def feeders(program: Program, facts: Facts) -> dict[Function, set[Function]]:
    """Generators and `__next__` methods whose values are the requests of a call, and who makes that call."""
    found: dict[Function, set[Function]] = {}
    for maker in program.functions():
        for call in own_nodes(maker) if not maker.module.source.generated else ():
            if not (isinstance(call, ast.Call) and streams_requests(facts, call)):
                continue
            for value in facts.of(call.args[0]):
                if isinstance(value, Gen):
                    found.setdefault(value.fn, set()).add(maker)
                elif isinstance(value, Inst):
                    methods = (value.cls.find_method(name) for name in ("__next__", "__iter__"))
                    for method in filter(None, methods):
                        found.setdefault(method, set()).add(maker)
    return found


def streams_requests(facts: Facts, call: ast.Call) -> bool:
    """True for a call of a method that takes a stream of requests."""
    callees = facts.of(call.func)
    kinds = {getattr(getattr(callee, "owner", callee), "kind", "") for callee in callees}
    return bool(call.args) and kinds <= REQUEST_STREAMS and bool(kinds)


REQUEST_STREAMS = frozenset({"StreamUnaryMultiCallable", "StreamStreamMultiCallable"})


def _primitives(values: Values) -> dict[ast.AST, Ext]:
    return {
        value.node: value
        for value in values
        if isinstance(value, Ext) and value.node is not None and value.path.partition("()")[0] in NAMES
    }


def declares(path: str, kind: str) -> bool:
    """True where an annotation by `path` admits a primitive of this kind."""
    name = path.partition("()")[0]
    return name == kind or (name == "queue.Queue" and kind in ("queue.LifoQueue", "queue.PriorityQueue"))


def _names(values: Values, kind: str) -> bool:
    return bool(values) and all(isinstance(value, Ext) and value.path == kind for value in values)


def _is_outside(value: Func | Cls) -> bool:
    module = value.fn.module if isinstance(value, Func) else value.cls.module
    return not module.in_run


def _line(node: ast.AST) -> int:
    return getattr(node, "lineno", 0)
