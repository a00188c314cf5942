"""Executors that a function opens in a `with`, hands its work to and waits for: tasks do as well.

Taken is only what can be seen whole: the executor stays in its block, whatever it is given is a coroutine
function or an RPC, and every answer is waited for there. How many run at once a semaphore tells the tasks.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .adapters import use_of
from .external import argument
from .index import Function, Program, own_nodes
from .infer import Facts
from .nodes import defaults, generator_around
from .threads import may_block
from .values import Ext, Func, Obj

EXECUTORS = frozenset(
    {"concurrent.futures.ThreadPoolExecutor", "concurrent.futures.thread.ThreadPoolExecutor"}
)
COMPLETED = "concurrent.futures.as_completed"
WAIT = "concurrent.futures.wait"
UNARY = frozenset({"UnaryUnaryMultiCallable", "StreamUnaryMultiCallable"})
READERS = frozenset(
    f"builtins.{name}"
    for name in (
        "list",
        "tuple",
        "set",
        "sorted",
        "sum",
        "max",
        "min",
        "dict",
        "zip",
        "enumerate",
        "any",
        "all",
    )
)
LEAVES = (ast.Break, ast.Return, ast.Yield, ast.YieldFrom)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(eq=False)
class Executor:
    """One `with ThreadPoolExecutor() as pool`, and what is done with the pool."""

    fn: Function
    node: ast.With
    submits: dict[ast.Call, bool] = field(default_factory=dict)
    """Calls of `submit`; True for those of an RPC."""
    maps: dict[ast.Call, bool] = field(default_factory=dict)
    """Calls of `map`; True for those whose results nobody looks at."""
    results: set[ast.Call] = field(default_factory=set)
    """`future.result()`"""
    completed: set[ast.Call] = field(default_factory=set)
    generators: set[ast.GeneratorExp] = field(default_factory=set)
    """Generator expressions in which results are waited for."""
    waits: set[ast.Call] = field(default_factory=set)
    targets: set[Function] = field(default_factory=set)
    rpcs: bool = False
    limit: ast.expr | None = None
    """How many run at once, where that is felt."""
    trouble: str = ""

    def fail(self, trouble: str) -> None:
        self.trouble = self.trouble or trouble

    def places(self, parents: Mapping[ast.AST, ast.AST]) -> Iterator[ast.AST]:
        """The nodes of the places at which the function waits for the threads."""
        yield self.node
        yield from (*self.results, *self.completed, *self.waits)
        for call in self.maps:
            yield call
            yield parents[call]


def find(program: Program, facts: Facts, parents: Mapping[ast.AST, ast.AST]) -> list[Executor]:
    """Every executor of the run that is opened in a `with`, with what stands against tasks in its place."""
    found = []
    for module in program.modules.values():
        if not module.in_run or b"ThreadPoolExecutor" not in module.source.data:
            continue
        for fn in module.functions:
            for node in own_nodes(fn) if fn.kind == "def" else ():
                if isinstance(node, ast.With) and any(_opens(item, facts) for item in node.items):
                    found.append(_Reader(fn, node, facts, parents).read())
    return found


def _opens(item: ast.withitem, facts: Facts) -> bool:
    call = item.context_expr
    return isinstance(call, ast.Call) and _is(call.func, EXECUTORS, facts)


def _is(node: ast.expr, paths: Iterable[str], facts: Facts) -> bool:
    values = facts.of(node)
    return bool(values) and all(isinstance(v, Ext) and v.path in paths for v in values)


class _Reader:
    """Reads one such `with`."""

    def __init__(
        self, fn: Function, node: ast.With, facts: Facts, parents: Mapping[ast.AST, ast.AST]
    ) -> None:
        self.fn = fn
        self.facts = facts
        self.parents = parents
        self.executor = Executor(fn, node)
        self.own = set(own_nodes(fn))

    def read(self) -> Executor:
        executor = self.executor
        item = executor.node.items[0]
        call = item.context_expr
        if len(executor.node.items) > 1 or not isinstance(item.optional_vars, ast.Name):
            executor.fail("it is opened together with others, or without a name")
            return executor
        assert isinstance(call, ast.Call)
        names = {name for use in self.uses(item.optional_vars.id) for name in self.pool(use)}
        for name in sorted(names):
            self.futures(name)
        self.limit(call)
        for fn in executor.targets:
            if call_of := may_block(fn, self.facts):
                executor.fail(f"{fn.label} calls {call_of}, which may block the loop")
        return executor

    def fail(self, node: ast.AST, trouble: str) -> None:
        self.executor.fail(f"line {getattr(node, 'lineno', 0)} {trouble}")

    def uses(self, name: str) -> Iterator[ast.Name]:
        """The places at which a variable of the function is read."""
        for node in ast.walk(self.fn.node):
            if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
                if node in self.own:
                    yield node
                else:
                    self.fail(node, f"uses {name} in another function")

    def called(self, node: ast.expr) -> tuple[str, ast.Call | None]:
        """The method of `node` that is called here, and the call."""
        member = self.parents[node]
        call = self.parents[member]
        if isinstance(member, ast.Attribute) and isinstance(call, ast.Call) and call.func is member:
            return member.attr, call
        return "", None

    # The pool

    def pool(self, use: ast.Name) -> Iterator[str]:
        """Read one use of the pool; gives the names under which futures are kept."""
        method, call = self.called(use)
        if call is None or method not in ("submit", "map") or not call.args:
            self.fail(use, "takes it where it cannot be followed")
            return
        rpc = self.target(call.args[0])
        if method == "map":
            self.map(call)
            return
        self.executor.submits[call] = rpc
        name = self.kept_as(call)
        if name:
            yield name
        else:
            self.fail(call, "keeps what it submits where it cannot be followed")

    def target(self, node: ast.expr) -> bool:
        """Note what a thread runs; True for an RPC."""
        values = self.facts.of(node)
        value = next(iter(values)) if len(values) == 1 else None
        if not isinstance(node, (ast.Name, ast.Attribute)):
            value = None
        if isinstance(value, Func) and value.fn.kind == "def" and not value.fn.is_generator:
            self.executor.targets.add(self.facts.target(value))
        elif isinstance(value, Obj) and value.kind in UNARY:
            self.executor.rpcs = True
            return True
        else:
            self.fail(node, "runs what is not one function of this run")
        return False

    def kept_as(self, call: ast.Call) -> str:
        """The variable that holds the future that `submit` gives, or a list of them; "" if there is none."""
        parent: ast.AST = self.parents[call]
        if isinstance(parent, ast.Call) and parent.func is not call:
            function = parent.func
            if isinstance(function, ast.Attribute) and function.attr == "append":
                return function.value.id if isinstance(function.value, ast.Name) else ""
            return ""
        if isinstance(parent, ast.List) or (isinstance(parent, ast.ListComp) and parent.elt is call):
            parent = self.parents[parent]
        if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
            target = parent.targets[0]
        elif isinstance(parent, ast.AnnAssign):
            # What it is said to be, it would not be any longer.
            return ""
        else:
            return ""
        return target.id if isinstance(target, ast.Name) else ""

    def map(self, call: ast.Call) -> None:
        if call.keywords or len(call.args) < 2:
            self.fail(call, "gives map more than functions and iterables")
        parent = self.parents[call]
        self.executor.maps[call] = isinstance(parent, ast.Expr)
        if isinstance(parent, ast.Call) and call in parent.args and _is(parent.func, READERS, self.facts):
            return
        if isinstance(parent, (ast.For, ast.Expr)):
            return
        if isinstance(parent, ast.comprehension):
            outer = self.parents[parent]
            if isinstance(outer, COMPREHENSIONS) and outer.generators[0] is parent:
                return
        self.fail(call, "keeps the results of map for later")

    # What is submitted

    def futures(self, name: str) -> None:
        """Read what becomes of the futures that a variable holds."""
        if (
            sum(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store) for n in self.own)
            > 1
        ):
            self.executor.fail(f"{name} is bound more than once")
        read = [self.future(use) or self.many(use) for use in self.uses(name)]
        if not any(read):
            self.executor.fail(f"nobody waits for {name}")

    def future(self, use: ast.expr) -> bool:
        """Read one use of a future; True where it is waited for."""
        method, call = self.called(use)
        if call is None:
            return False
        if method == "result" and not call.args and not call.keywords:
            self.executor.results.add(call)
            generator = generator_around(call, self.parents)
            if generator is not None:
                self.executor.generators.add(generator)
                if use_of(generator, self.facts, self.parents) != "whole":
                    self.fail(call, "waits inside a generator expression")
            return True
        if method not in ("done", "cancel", "cancelled", "append"):
            self.fail(call, f"calls {method or 'what'} of a future, which a task has not")
        return False

    def many(self, use: ast.expr) -> bool:
        """Read one use of a list of futures; True where all are waited for."""
        parent = self.parents[use]
        if isinstance(parent, ast.Attribute):
            return False
        if isinstance(parent, ast.Call) and use in parent.args:
            if len(parent.args) == 1 and not parent.keywords:
                if _is(parent.func, {COMPLETED}, self.facts):
                    self.executor.completed.add(parent)
                    return self.loop(parent)
                if _is(parent.func, {WAIT}, self.facts) and isinstance(self.parents[parent], ast.Expr):
                    self.executor.waits.add(parent)
                    return True
                if _is(parent.func, {"builtins.len"}, self.facts):
                    return False
            if _is(parent.func, {"builtins.zip"}, self.facts):
                return self.loop(parent, parent.args.index(use))
        elif self.loops(use) is not None:
            return self.loop(use)
        self.fail(use, "takes the futures where they cannot be followed")
        return False

    def loops(self, iterable: ast.expr) -> ast.For | ast.comprehension | None:
        parent = self.parents[iterable]
        if isinstance(parent, (ast.For, ast.comprehension)) and parent.iter is iterable:
            return parent
        return None

    def loop(self, iterable: ast.expr, place: int | None = None) -> bool:
        """Read a loop over futures; True where it waits for each of them."""
        loop = self.loops(iterable)
        target = loop.target if loop is not None else None
        if place is not None:
            target = (
                target.elts[place] if isinstance(target, ast.Tuple) and place < len(target.elts) else None
            )
        if loop is None or not isinstance(target, ast.Name):
            self.fail(iterable, "takes the futures where they cannot be followed")
            return False
        whole: ast.AST = loop if isinstance(loop, ast.For) else self.parents[loop]
        if isinstance(loop, ast.For) and any(
            isinstance(n, LEAVES) for part in loop.body for n in ast.walk(part)
        ):
            self.fail(loop, "leaves before all are done")
        inside = set(ast.walk(whole))
        name = target.id
        uses = [use for use in self.uses(name) if use in inside]
        waits = [self.future(use) for use in uses]
        known = {use for use in uses if self.called(use)[1] is not None}
        for use in uses:
            if use not in known:
                self.fail(use, "takes a future where it cannot be followed")
        return any(waits)

    # How many

    def limit(self, made: ast.Call) -> None:
        """Find how many run at once: tasks know no limit of their own."""
        extra = {k.arg for k in made.keywords} - {"max_workers", "thread_name_prefix"}
        if extra or len(made.args) > 2 or any(isinstance(arg, ast.Starred) for arg in made.args):
            self.executor.fail("it is made with more than a number and a name")
        limit = argument(made, "max_workers", 0)
        if limit is None or (isinstance(limit, ast.Constant) and limit.value is None):
            return
        if any(
            isinstance(n, ast.Call) and _is(n.func, {"builtins.len"}, self.facts) for n in ast.walk(limit)
        ):
            return
        singly = not self.executor.maps and not any(map(self.repeated, self.executor.submits))
        most = limit.value if isinstance(limit, ast.Constant) else None
        if singly and isinstance(most, int) and len(self.executor.submits) <= most:
            return
        self.executor.limit = limit
        if isinstance(limit, ast.Name) and limit.id in self.optional():
            self.executor.fail("how many of its threads run at once may be left open")

    def optional(self) -> set[str]:
        """The parameters that are None where nobody gives them."""
        assert isinstance(self.fn.node, (ast.FunctionDef, ast.AsyncFunctionDef))
        pairs = defaults(self.fn.node.args)
        return {arg.arg for arg, value in pairs if isinstance(value, ast.Constant) and value.value is None}

    def repeated(self, call: ast.AST) -> bool:
        """True for a call in a loop inside the `with`."""
        while call is not self.executor.node:
            if isinstance(call, (ast.For, ast.While, *COMPREHENSIONS)):
                return True
            call = self.parents[call]
        return False
