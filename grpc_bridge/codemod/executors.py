"""Executors that a function opens in a `with`, hands its work to and waits for: tasks do as well.

Taken is only what can be seen whole: the executor stays in its block, whatever it is given is a coroutine
function or an RPC, and every answer is waited for there. How many run at once a semaphore tells the tasks.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from .adapters import use_of
from .external import argument
from .index import Function, Program, own_nodes
from .infer import Facts
from .nodes import defaults, generator_around, walk
from .threads import may_block
from .values import Ext, Func, Obj

EXECUTORS = frozenset(
    {"concurrent.futures.ThreadPoolExecutor", "concurrent.futures.thread.ThreadPoolExecutor"}
)
COMPLETED = "concurrent.futures.as_completed"
WAIT = "concurrent.futures.wait"
LATE = "concurrent.futures.TimeoutError"
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


Held = Literal["one", "list", "key", "value"]
"""How a variable holds futures: it is one, or they are in a list, or on a side of a dictionary."""


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
    timed: set[ast.Call] = field(default_factory=set)
    """`future.result(timeout=3)`"""
    late: set[ast.expr] = field(default_factory=set)
    """Where what those raise is caught by its name."""
    escaping: set[ast.Call] = field(default_factory=set)
    """Those of which it is not caught in the function."""
    completed: set[ast.Call] = field(default_factory=set)
    """`as_completed(futures)`"""
    themselves: set[ast.Call] = field(default_factory=set)
    """Those of them whose futures are looked at, and not only waited for: asyncio's gives others."""
    kept: dict[str, Held] = field(default_factory=dict)
    """The variables that hold futures."""
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
        yield from (*self.results, *self.timed, *self.completed, *self.waits)
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
    if any(executor.escaping for executor in found):
        known = {part for executor in found for part in executor.late}
        if any(part not in known for part in _catching(program, facts)):
            for executor in found:
                for call in executor.escaping:
                    executor.fail(f"line {call.lineno} waits for a time, and its end may be caught elsewhere")
    return found


def _catching(program: Program, facts: Facts) -> Iterator[ast.expr]:
    """Where the run catches what a wait for a thread raises when its time is over."""
    for module in program.modules.values():
        if module.in_run and b"TimeoutError" in module.source.data:
            for node in walk(module.source.tree):
                if isinstance(node, ast.ExceptHandler):
                    yield from _named(node, facts)


def _named(handler: ast.ExceptHandler, facts: Facts) -> Iterator[ast.expr]:
    caught = handler.type
    for part in caught.elts if isinstance(caught, ast.Tuple) else [caught]:
        if part is not None and Ext(LATE) in facts.of(part):
            yield part


def _opens(item: ast.withitem, facts: Facts) -> bool:
    call = item.context_expr
    return isinstance(call, ast.Call) and _is(call.func, EXECUTORS, facts)


def _is(node: ast.expr, paths: Iterable[str], facts: Facts) -> bool:
    values = facts.of(node)
    return bool(values) and all(isinstance(v, Ext) and v.path in paths for v in values)


def leaves(body: list[ast.stmt]) -> bool:
    """True where what follows these statements is never reached."""
    last = body[-1]
    if isinstance(last, ast.Try):
        parts = [last.orelse or last.body, *(handler.body for handler in last.handlers)]
        return all(map(leaves, parts)) or bool(last.finalbody and leaves(last.finalbody))
    if isinstance(last, ast.If):
        return bool(last.orelse) and leaves(last.body) and leaves(last.orelse)
    return isinstance(last, (ast.Return, ast.Raise)) or (isinstance(last, ast.With) and leaves(last.body))


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
        for use in self.uses(item.optional_vars.id):
            self.pool(use)
        for name in sorted(executor.kept):
            self.futures(name, executor.kept[name])
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

    def pool(self, use: ast.Name) -> None:
        """Read one use of the pool."""
        method, call = self.called(use)
        if call is None or method not in ("submit", "map") or not call.args:
            self.fail(use, "takes it where it cannot be followed")
            return
        rpc = self.target(call.args[0])
        if method == "map":
            self.map(call)
            return
        self.executor.submits[call] = rpc
        name, held = self.kept_as(call)
        if not name or self.executor.kept.setdefault(name, held) != held:
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

    def kept_as(self, call: ast.Call) -> tuple[str, Held]:
        """The variable that holds the future that `submit` gives, or many of them; "" if there is none."""
        parent: ast.AST = self.parents[call]
        held: Held = "one"
        if isinstance(parent, ast.Call) and parent.func is not call:
            function = parent.func
            if isinstance(function, ast.Attribute) and function.attr == "append":
                return (function.value.id if isinstance(function.value, ast.Name) else ""), "list"
            return "", held
        if isinstance(parent, ast.List) or (isinstance(parent, ast.ListComp) and parent.elt is call):
            held = "list"
            parent = self.parents[parent]
        elif isinstance(parent, ast.DictComp):
            held = "key" if parent.key is call else "value"
            parent = self.parents[parent]
        target: ast.AST | None = None
        if isinstance(parent, ast.Subscript):
            # `futures[pool.submit(f)] = name`
            held, target = "key", parent
        elif isinstance(parent, ast.Assign) and len(parent.targets) == 1:
            target = parent.targets[0]
            if isinstance(target, ast.Subscript) and held == "one":
                held = "value"
        # What an annotation says it to be, it would not be any longer.
        if isinstance(target, ast.Subscript) and isinstance(target.ctx, ast.Store):
            target = target.value
        return (target.id if isinstance(target, ast.Name) else ""), held

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

    def futures(self, name: str, held: Held) -> None:
        """Read what becomes of the futures that a variable holds."""
        if (
            sum(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store) for n in self.own)
            > 1
        ):
            self.executor.fail(f"{name} is bound more than once")
        if held in ("key", "value"):
            read = [self.mapping(use, held) for use in self.uses(name)]
        else:
            read = [self.future(use) or self.many(use) for use in self.uses(name)]
        if not any(read):
            self.executor.fail(f"nobody waits for {name}")

    def future(self, use: ast.expr, done: bool = False) -> bool:
        """Read one use of a future, which may be known to be done; True where it is waited for."""
        method, call = self.called(use)
        if call is None:
            return False
        if method == "result" and len(call.args) + len(call.keywords) <= 1:
            limit = argument(call, "timeout", 0)
            if (limit is None and (call.args or call.keywords)) or isinstance(limit, ast.Starred):
                self.fail(call, "gives result what cannot be followed")
            if done or limit is None or (isinstance(limit, ast.Constant) and limit.value is None):
                self.executor.results.add(call)
            else:
                self.late(call)
            self.wait_in(generator_around(call, self.parents))
            return True
        if method == "exception" and done and not (call.args or call.keywords):
            return False
        if method not in ("done", "cancel", "cancelled", "append"):
            self.fail(call, f"calls {method or 'what'} of a future, which a task has not")
        return False

    def wait_in(self, generator: ast.GeneratorExp | None) -> None:
        """Note a generator expression that waits: what reads it must do with a list."""
        if generator is not None:
            self.executor.generators.add(generator)
            if use_of(generator, self.facts, self.parents) != "whole":
                self.fail(generator, "waits inside a generator expression")

    def late(self, call: ast.Call) -> None:
        """Read a wait that ends after a time, and where its end is caught."""
        self.executor.timed.add(call)
        if any(isinstance(n, ast.Return) for h in self.handlers() for n in walk(h)):
            self.fail(call, "waits for a time, and the block is left before what is late is done")
        node: ast.AST = call
        while node is not self.fn.node:
            parent = self.parents[node]
            for handler in parent.handlers if isinstance(parent, ast.Try) and node in parent.body else ():
                named = set(_named(handler, self.facts))
                self.executor.late |= named
                caught = handler.type
                if named or caught is None or ast.unparse(caught) in ("Exception", "BaseException"):
                    return
            node = parent
        self.executor.escaping.add(call)

    def handlers(self) -> Iterator[ast.ExceptHandler]:
        return (node for node in walk(self.executor.node) if isinstance(node, ast.ExceptHandler))

    def mapping(self, use: ast.Name, side: Held) -> bool:
        """Read one use of a dictionary that has futures on one side; True where all are waited for."""
        parent = self.parents[use]
        method, call = self.called(use)
        if isinstance(parent, ast.Subscript) and parent.value is use:
            if side == "key" or isinstance(parent.ctx, ast.Store):
                return False
            if self.called(parent)[1] is None:
                self.fail(use, "takes a future where it cannot be followed")
            return self.future(parent)
        if call is not None and method == "items" and not call.args:
            return self.loop(call, ("key", "value").index(side))
        if call is not None and method == "values" and side == "value" and not call.args:
            return self.many(call)
        if side == "key" and call is None:
            return self.many(use)
        if self.loops(use) is None and not isinstance(parent, ast.Compare):
            self.fail(use, "takes the futures where they cannot be followed")
        return False

    def many(self, use: ast.expr) -> bool:
        """Read one use of a list of futures; True where all are waited for."""
        parent = self.parents[use]
        if isinstance(parent, ast.Attribute):
            return False
        if isinstance(parent, ast.Subscript) and self.called(parent)[1] is not None:
            return self.future(parent)
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
        done = iterable in self.executor.completed
        waits = [self.future(use, done) for use in uses]
        others = [use for use in uses if self.called(use)[1] is None]
        for use in others:
            if not self.looks_up(use):
                self.fail(use, "takes a future where it cannot be followed")
        if done and isinstance(iterable, ast.Call) and waits != [True]:
            self.executor.themselves.add(iterable)
            self.wait_in(whole if isinstance(whole, ast.GeneratorExp) else None)
        return any(waits)

    def looks_up(self, use: ast.Name) -> bool:
        """True for `names[future]`, where the future is a key."""
        parent = self.parents[use]
        return (
            isinstance(parent, ast.Subscript)
            and parent.slice is use
            and isinstance(parent.value, ast.Name)
            and isinstance(parent.ctx, ast.Load)
            and self.executor.kept.get(parent.value.id) == "key"
        )

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
