"""The futures that an executor gives a function: where they are kept, and where they are waited for.

A task does as well where a function waits for each, or lets asyncio's `wait` and `as_completed` choose those
that are done. What asks a future for more than a task can answer is trouble.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from .adapters import use_of
from .external import argument
from .index import Function, own_nodes
from .infer import Facts
from .nodes import generator_around, is_none, walk
from .values import Ext

COMPLETED = "concurrent.futures.as_completed"
WAIT = "concurrent.futures.wait"
LATE = "concurrent.futures.TimeoutError"
ALL = "concurrent.futures.ALL_COMPLETED"
LEAVES = (ast.Break, ast.Return, ast.Yield, ast.YieldFrom)
TESTS = (ast.If, ast.While, ast.IfExp, ast.Assert)

Held = Literal["one", "list", "key", "value"]
"""How a variable holds futures: it is one, or they are in a list or a set, or on a side of a dictionary."""


@dataclass(eq=False)
class Readings:
    """What a function does with the futures of one executor."""

    fn: Function
    results: set[ast.Call] = field(default_factory=set, kw_only=True)
    """`future.result()`"""
    direct: set[ast.Call] = field(default_factory=set, kw_only=True)
    """`pool.submit(...)` in `pool.submit(...).result()`"""
    timed: set[ast.Call] = field(default_factory=set, kw_only=True)
    """`future.result(timeout=3)`"""
    late: set[ast.expr] = field(default_factory=set, kw_only=True)
    """Where what those raise is caught by its name."""
    escaping: set[ast.Call] = field(default_factory=set, kw_only=True)
    """Those of which it is not caught in the function."""
    completed: set[ast.Call] = field(default_factory=set, kw_only=True)
    """`as_completed(futures)`"""
    themselves: set[ast.Call] = field(default_factory=set, kw_only=True)
    """Those of them whose futures are looked at, and not only waited for: asyncio's gives others."""
    hurried: set[ast.Call] = field(default_factory=set, kw_only=True)
    """Those of them that end after a time."""
    waits: set[ast.Call] = field(default_factory=set, kw_only=True)
    """`wait(futures)`"""
    chosen: dict[ast.Call, bool] = field(default_factory=dict, kw_only=True)
    """Those of them that leave some behind or are asked which are done; True where there are any for sure."""
    picked: set[ast.expr] = field(default_factory=set, kw_only=True)
    """`wait(futures).done` and `.not_done`"""
    partial: bool = field(default=False, kw_only=True)
    """Some waits may end before all is done."""
    kept: dict[str, Held] = field(default_factory=dict, kw_only=True)
    """The variables that hold futures."""
    generators: set[ast.GeneratorExp] = field(default_factory=set, kw_only=True)
    """Generator expressions in which results are waited for."""
    trouble: str = field(default="", kw_only=True)

    def fail(self, trouble: str) -> None:
        self.trouble = self.trouble or trouble


def is_one_of(node: ast.expr, paths: Collection[str], facts: Facts, called: bool = False) -> bool:
    """True for what is one of some names outside the program; with `called`, for a call of one."""
    if called:
        return isinstance(node, ast.Call) and is_one_of(node.func, paths, facts)
    values = facts.of(node)
    return bool(values) and all(isinstance(v, Ext) and v.path in paths for v in values)


def caught_late(handler: ast.ExceptHandler, facts: Facts) -> Iterator[ast.expr]:
    """The expressions by which a handler catches what a wait raises when its time is over."""
    caught = handler.type
    for part in caught.elts if isinstance(caught, ast.Tuple) else [caught]:
        if part is not None and Ext(LATE) in facts.of(part):
            yield part


class Futures:
    """Reads them. `block` is the `with` whose end waits for all that is left; None where there is none."""

    def __init__(
        self,
        readings: Readings,
        facts: Facts,
        parents: Mapping[ast.AST, ast.AST],
        block: ast.With | None,
    ) -> None:
        self.readings = readings
        self.fn = readings.fn
        self.facts = facts
        self.parents = parents
        self.block = block
        self.own = set(own_nodes(self.fn))
        self.sets: dict[str, bool] = {}
        """The variables that hold what `wait` returned; True for those that are done."""
        self.singles: dict[str, bool] = {}
        """Those that hold one of such a set."""
        self.bound: dict[str, int] = {}
        """How often a variable may be bound."""

    def fail(self, node: ast.AST, trouble: str) -> None:
        self.readings.fail(f"line {getattr(node, 'lineno', 0)} {trouble}")

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

    def submitted(self, call: ast.Call) -> None:
        """Note where the future that a call gives is kept."""
        if self.called(call)[0] == "result":
            self.future(call)
            outer = self.called(call)[1]
            self.readings.direct.add(call)
            if outer in self.readings.timed and self.block is not None:
                self.fail(call, "keeps what it submits where it cannot be followed")
            return
        name, held = self.kept_as(call)
        if not name or self.readings.kept.setdefault(name, held) != held:
            self.fail(call, "keeps what it submits where it cannot be followed")

    def kept_as(self, call: ast.Call) -> tuple[str, Held]:
        """The variable that holds the future that `submit` gives, or many of them; "" if there is none."""
        parent: ast.AST = self.parents[call]
        held: Held = "one"
        if isinstance(parent, ast.Call) and parent.func is not call:
            function = parent.func
            if isinstance(function, ast.Attribute) and function.attr in ("append", "add"):
                return (function.value.id if isinstance(function.value, ast.Name) else ""), "list"
            return "", held
        if isinstance(parent, (ast.List, ast.Set)) or (
            isinstance(parent, (ast.ListComp, ast.SetComp)) and parent.elt is call
        ):
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

    def follow(self) -> None:
        """Read what becomes of all that is kept."""
        for name in sorted(self.readings.kept):
            self.variable(name, self.readings.kept[name])
        done: set[str] = set()
        while more := self.sets.keys() - done - self.readings.kept.keys():
            name = min(more)
            done.add(name)
            for use in self.uses(name):
                self.many(use, self.sets[name])
        for name in sorted(self.singles):
            for use in self.uses(name):
                if self.called(use)[1] is None and not self.looks_up(use):
                    self.fail(use, "takes a future where it cannot be followed")
                self.future(use, self.singles[name])
        for name in {*self.readings.kept, *self.sets, *self.singles}:
            stores = [
                n
                for n in self.own
                if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store)
            ]
            if len(stores) > self.bound.get(name, 0) + (name in self.readings.kept):
                self.readings.fail(f"{name} is bound more than once")
        # Who looks at no result does not want to hear of errors either.
        self.readings.partial |= bool(self.readings.chosen) and not self.readings.results
        if self.block is not None and self.readings.partial:
            self.end(self.block)

    def end(self, block: ast.With) -> None:
        """The block's end waits for what is left, so a `return` may stand at its end only."""
        last = block.body[-1]
        for node in walk(block):
            if isinstance(node, ast.Return) and node in self.own and node is not last:
                self.fail(node, "leaves the block before all are done")
        if isinstance(last, ast.Return):
            for node in walk(last):
                if node in self.readings.waits:
                    self.fail(node, "leaves the block before all are done")
                if isinstance(node, ast.Call) and ast.unparse(node.func).endswith((".done", ".cancelled")):
                    self.fail(node, "asks what is done before the block waits for all")

    def variable(self, name: str, held: Held) -> None:
        """Read what becomes of the futures that a variable holds."""
        if held in ("key", "value"):
            read = [self.mapping(use, held) for use in self.uses(name)]
        elif held == "one":
            read = [self.future(use, alone=True) for use in self.uses(name)]
        else:
            read = [self.many(use) for use in self.uses(name)]
        if not any(read):
            self.readings.fail(f"nobody waits for {name}")

    # One of them

    def future(self, use: ast.expr, done: bool = False, alone: bool = False) -> bool:
        """Read one use of a future, which may be known to be done; True where it is waited for."""
        method, call = self.called(use)
        if call is None:
            if alone:
                return self.listed(use)
            return False
        if method == "result" and len(call.args) + len(call.keywords) <= 1:
            limit = argument(call, "timeout", 0)
            if (limit is None and (call.args or call.keywords)) or isinstance(limit, ast.Starred):
                self.fail(call, "gives result what cannot be followed")
            if done or limit is None or is_none(limit):
                self.readings.results.add(call)
            else:
                self.readings.timed.add(call)
                self.late(call)
            self.wait_in(generator_around(call, self.parents))
            return True
        if method == "exception" and done and not (call.args or call.keywords):
            return False
        if method == "cancel":
            self.fail(call, "cancels it, which would end even what runs already")
        elif method not in ("done", "cancelled"):
            self.fail(call, f"calls {method or 'what'} of a future, which a task has not")
        return False

    def listed(self, use: ast.expr) -> bool:
        """Read a future that is named with others: `wait([left, right])`."""
        parent = self.parents[use]
        outer = self.parents[parent]
        if isinstance(parent, (ast.List, ast.Tuple, ast.Set)) and isinstance(outer, ast.Call):
            return self.group(outer, parent)
        self.fail(use, "takes the futures where they cannot be followed")
        return False

    def wait_in(self, generator: ast.GeneratorExp | None) -> None:
        """Note a generator expression that waits: what reads it must do with a list."""
        if generator is not None:
            self.readings.generators.add(generator)
            if use_of(generator, self.facts, self.parents) != "whole":
                self.fail(generator, "waits inside a generator expression")

    def late(self, call: ast.Call) -> None:
        """Read a wait that ends after a time, and where its end is caught."""
        if self.block is not None and any(
            isinstance(inner, ast.Return)
            for node in walk(self.block)
            if isinstance(node, ast.ExceptHandler)
            for inner in walk(node)
        ):
            self.fail(call, "waits for a time, and the block is left before what is late is done")
        node: ast.AST = call
        while node is not self.fn.node:
            parent = self.parents[node]
            for handler in parent.handlers if isinstance(parent, ast.Try) and node in parent.body else ():
                named = set(caught_late(handler, self.facts))
                self.readings.late |= named
                caught = handler.type
                if named or caught is None or ast.unparse(caught) in ("Exception", "BaseException"):
                    return
            node = parent
        self.readings.escaping.add(call)

    # Many of them

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

    def many(self, use: ast.expr, done: bool = False) -> bool:
        """Read one use of a list or set of futures; True where all are waited for."""
        parent = self.parents[use]
        method, call = self.called(use)
        if call is not None:
            if method == "pop" and not call.args:
                return self.one_of(call, done)
            if method not in ("append", "add", "remove", "discard"):
                self.fail(use, "takes the futures where they cannot be followed")
            return False
        if isinstance(parent, ast.Subscript) and self.called(parent)[1] is not None:
            return self.future(parent, done)
        if self.tested(use):
            return False
        if isinstance(parent, ast.Call) and use in parent.args:
            if is_one_of(parent.func, {COMPLETED, WAIT}, self.facts):
                return self.group(parent, use)
            if len(parent.args) == 1 and not parent.keywords:
                if is_one_of(parent.func, {"builtins.len"}, self.facts):
                    return False
                first = self.parents[parent]
                if (
                    is_one_of(parent.func, {"builtins.iter"}, self.facts)
                    and isinstance(first, ast.Call)
                    and first.args == [parent]
                    and is_one_of(first.func, {"builtins.next"}, self.facts)
                ):
                    # `next(iter(done))`
                    return self.one_of(first, done)
            if is_one_of(parent.func, {"builtins.zip"}, self.facts):
                return self.loop(parent, parent.args.index(use), done)
        elif self.loops(use) is not None:
            return self.loop(use, done=done)
        self.fail(use, "takes the futures where they cannot be followed")
        return False

    def one_of(self, taken: ast.expr, done: bool) -> bool:
        """Read a future that is taken out of many: `next(iter(done)).result()`, or `first = done.pop()`."""
        parent = self.parents[taken]
        if self.called(taken)[1] is None:
            target = (
                parent.targets[0] if isinstance(parent, ast.Assign) and len(parent.targets) == 1 else None
            )
            if isinstance(target, ast.Name) and self.singles.setdefault(target.id, done) == done:
                self.bound[target.id] = self.bound.get(target.id, 0) + 1
            else:
                self.fail(taken, "takes a future where it cannot be followed")
            return False
        return self.future(taken, done)

    def tested(self, use: ast.expr) -> bool:
        """True where it is only asked whether there are any."""
        parent = self.parents[use]
        if isinstance(parent, ast.UnaryOp):
            return isinstance(parent.op, ast.Not)
        if isinstance(parent, ast.BoolOp):
            use, parent = parent, self.parents[parent]
        return isinstance(parent, TESTS) and parent.test is use

    def group(self, call: ast.Call, futures: ast.expr) -> bool:
        """Read a call of `as_completed` or `wait`; True where all are waited for."""
        readings = self.readings
        if call in readings.completed or call in readings.waits:
            return True
        parameters = (
            {"timeout"} if is_one_of(call.func, {COMPLETED}, self.facts) else {"timeout", "return_when"}
        )
        if (
            not is_one_of(call.func, {COMPLETED, WAIT}, self.facts)
            or call.args[:1] != [futures]
            or len(call.args) > 1 + len(parameters)
            or any(isinstance(part, ast.Starred) for part in (*call.args, *getattr(futures, "elts", ())))
            or not {keyword.arg for keyword in call.keywords} <= parameters
        ):
            self.fail(call, "takes the futures where they cannot be followed")
            return False
        limit = argument(call, "timeout", 1)
        limited = limit is not None and not is_none(limit)
        if "return_when" not in parameters:
            readings.completed.add(call)
            if limited:
                readings.hurried.add(call)
                readings.partial = True
                self.late(call)
            return self.loop(call)
        readings.waits.add(call)
        until = argument(call, "return_when", 2)
        readings.partial |= limited or not (until is None or is_one_of(until, {ALL}, self.facts))
        if limited or until is not None or not isinstance(self.parents[call], ast.Expr):
            readings.chosen[call] = self.some(call, futures)
            self.returned(call)
        return True

    def some(self, call: ast.Call, futures: ast.expr) -> bool:
        """True where there is a future to wait for, which asyncio's `wait` demands."""
        if not isinstance(futures, ast.Name):
            return isinstance(futures, (ast.List, ast.Tuple, ast.Set))
        statement: ast.AST = call
        while not isinstance(statement, ast.stmt):
            statement = self.parents[statement]
        loop = self.parents[statement]
        return (
            isinstance(loop, ast.While)
            and isinstance(loop.test, ast.Name)
            and loop.test.id == futures.id
            and loop.body[0] is statement
        )

    def returned(self, call: ast.Call) -> None:
        """Read what becomes of the two sets that `wait` returns."""
        parent = self.parents[call]
        if isinstance(parent, ast.Expr):
            return
        if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
            target = parent.targets[0]
            if isinstance(target, ast.Tuple) and len(target.elts) == 2:
                for element, done in zip(target.elts, (True, False), strict=True):
                    name = element.id if isinstance(element, ast.Name) else ""
                    if (
                        not name
                        or self.sets.setdefault(name, done) != done
                        or (name in self.readings.kept and (done or self.readings.kept[name] != "list"))
                    ):
                        self.fail(element, "keeps the futures where they cannot be followed")
                    self.bound[name] = self.bound.get(name, 0) + 1
                return
        if isinstance(parent, ast.Attribute) and parent.attr in ("done", "not_done"):
            self.readings.picked.add(parent)
            self.many(parent, parent.attr == "done")
            return
        self.fail(call, "takes the futures where they cannot be followed")

    def loops(self, iterable: ast.expr) -> ast.For | ast.comprehension | None:
        parent = self.parents[iterable]
        if isinstance(parent, (ast.For, ast.comprehension)) and parent.iter is iterable:
            return parent
        return None

    def loop(self, iterable: ast.expr, place: int | None = None, done: bool = False) -> bool:
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
        completed = iterable in self.readings.completed
        waits = [self.future(use, done or completed) for use in uses]
        others = [use for use in uses if self.called(use)[1] is None]
        for use in others:
            if not self.looks_up(use):
                self.fail(use, "takes a future where it cannot be followed")
        hurried = iterable in self.readings.hurried
        if isinstance(iterable, ast.Call) and completed and (waits != [True] or hurried):
            self.readings.themselves.add(iterable)
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
            and self.readings.kept.get(parent.value.id) == "key"
        )
