"""The call graph: for every function, the places where it waits, calls, iterates or hands things over."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from .. import _surface
from . import adapters, external, implicit
from .index import Class, Function, Program, dotted, is_main_guard, own_nodes
from .infer import Facts
from .nodes import children, walk
from .values import (
    Box,
    Cls,
    Ext,
    Func,
    Gen,
    Inst,
    Maker,
    Manager,
    MemberOf,
    Obj,
    Value,
    Values,
)

CREATES = frozenset({"ResponseStream", "Future", "Call"})
"""Objects that belong to the context (thread or loop) in which they were made."""

STREAMS = frozenset({"ResponseStream", "RequestIterator"})
PROTOCOL_PAIRS = {
    "__enter__": "__exit__",
    "__exit__": "__enter__",
    "__next__": "__iter__",
    "__iter__": "__next__",
}


@dataclass(eq=False)
class Site:
    """A place in `fn`; `locked` where a threading lock is held there."""

    node: ast.AST
    fn: Function
    locked: bool
    generator: ast.GeneratorExp | None
    """The generator expression around the place, whose body runs later and elsewhere."""


@dataclass(eq=False)
class CallSite(Site):
    node: ast.Call
    rows: list[_surface.Member] = field(default_factory=list)
    """grpcio members that this call may be and that are awaited in a coroutine."""
    kinds: set[str] = field(default_factory=set)
    origins: set[Function] = field(default_factory=set)
    callees: set[Function] = field(default_factory=set)
    plain: bool = False
    """It may also be something that nobody awaits."""
    awaited: bool = False
    unknown: bool = False
    """It is an RPC, and whether it streams is not known."""
    discarded: bool = False
    """The call is a statement of its own: nobody looks at its value."""
    threaded: bool = False
    """It is `await asyncio.to_thread(callee, ...)`."""

    @property
    def intrinsic(self) -> bool:
        return any(row.blocks for row in self.rows)


@dataclass(eq=False)
class IterateSite(Site):
    form: str = "for"
    iterable: ast.expr | None = None
    owner: ast.AST | None = None
    origins: set[Function] = field(default_factory=set)
    stream: bool = False
    callees: set[Function] = field(default_factory=set)
    plain: bool = False
    adapters: list[ast.Call] = field(default_factory=list)
    """`enumerate`, `zip` and the like between the stream and who reads it, outermost first."""


@dataclass(eq=False)
class WithSite(Site):
    node: ast.With
    item: int = 0
    channel: bool = False
    callees: set[Function] = field(default_factory=set)
    plain: bool = False


@dataclass(eq=False)
class ReadSite(Site):
    """Python itself calls a method of the program: a property is read, two things are compared."""

    callees: set[Function] = field(default_factory=set)
    truth: bool = False
    """It is asked whether the node is true."""


@dataclass(eq=False)
class WaitSite(Site):
    """An external call that waits: `how` says what a coroutine does about it."""

    how: str = "thread"
    path: str = ""


@dataclass(eq=False)
class HandSite(Site):
    """A function, multi-callable or stream is handed to code that is not in the program."""

    sink: external.Sink | None = None
    functions: set[Function] = field(default_factory=set)
    origins: set[Function] = field(default_factory=set)
    multi: bool = False
    to: str = ""


LockKey = tuple[object, str]
"""A lock by where it is kept: a class or a module, and the name there."""


@dataclass(eq=False)
class LockSite(Site):
    """A `with` takes a threading lock; `inside` are the places where it is held."""

    key: LockKey | None = None
    inside: list[Site] = field(default_factory=list)


@dataclass
class Graph:
    sites: dict[Function, list[Site]] = field(default_factory=dict)
    creators: set[Function] = field(default_factory=set)
    callers: dict[Function, set[Function]] = field(default_factory=dict)
    families: dict[Function, set[Function]] = field(default_factory=dict)
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)
    holders: dict[Function, bool] = field(default_factory=dict)
    """Whether a function that yields holds a lock meanwhile."""
    driven: dict[Function, str] = field(default_factory=dict)
    """Generators that are not only iterated over, by what is asked of them."""

    def of(self, fn: Function) -> list[Site]:
        return self.sites.get(fn, [])


def build(program: Program, facts: Facts) -> Graph:
    graph = Graph()
    for module in program.modules.values():
        if not module.source.generated:
            for parent in walk(module.source.tree):
                for child in children(parent):
                    graph.parents[child] = parent
            for fn in module.functions:
                _Collector(graph, facts, fn).collect()
    for fn, sites in graph.sites.items():
        for site in sites:
            if isinstance(site, (CallSite, IterateSite, WithSite, ReadSite)):
                for callee in site.callees:
                    graph.callers.setdefault(callee, set()).add(fn)
    _families(program, graph)
    _protocols(graph)
    return graph


def _families(program: Program, graph: Graph) -> None:
    """A method, what it overrides and what overrides it change colour together."""
    for cls in program.classes():
        if cls.module.source.generated:
            continue
        for name, method in cls.methods.items():
            family = graph.families.setdefault(method, {method})
            partners = [PROTOCOL_PAIRS[name]] if name in PROTOCOL_PAIRS else []
            for other in (*cls.ancestors(), *cls.descendants()):
                if other.module.source.generated or name in ("__init__", "__new__", "__del__"):
                    continue
                for partner in (name, *partners):
                    if partner in other.methods:
                        family |= graph.families.setdefault(other.methods[partner], {other.methods[partner]})
            for member in family:
                graph.families[member] = family


def _protocols(graph: Graph) -> None:
    """A method of a Protocol changes with the methods that are called through it."""
    for sites in graph.sites.values():
        for site in sites:
            if not isinstance(site, CallSite):
                continue
            if any(fn.cls and "typing.Protocol" in fn.cls.external_bases for fn in site.callees):
                methods = [fn for fn in site.callees if fn.cls is not None]
                family = set().union(*(graph.families.get(fn, {fn}) for fn in methods))
                for member in family:
                    graph.families[member] = family


class _Collector:
    """Visits one function's own code, not that of the functions inside it."""

    def __init__(self, graph: Graph, facts: Facts, fn: Function) -> None:
        self.graph = graph
        self.facts = facts
        self.fn = fn
        self.locked = False
        self.generator: ast.GeneratorExp | None = None
        self.sites: list[Site] = graph.sites.setdefault(fn, [])

    def collect(self) -> None:
        fn, node = self.fn, self.fn.node
        if isinstance(node, ast.Lambda):
            self.visit(node.body)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self.locked = self.takes_lock(node)
            for statement in node.body:
                self.visit(statement)
        elif isinstance(node, ast.Module):
            for statement in node.body:
                if is_main_guard(statement) == (fn.kind == "main"):
                    self.visit(statement)

    def takes_lock(self, node: ast.AST) -> bool:
        """True where a lock is taken by hand: it covers what comes before its release; where, none says."""
        if b"acquire" not in self.fn.module.source.data:
            return False
        own = set(own_nodes(self.fn))
        called: set[str] = set()
        called_here: set[str] = set()
        for call in walk(node):
            if isinstance(call, ast.Call):
                paths = {value.path for value in self.facts.of(call.func) if isinstance(value, Ext)}
                called |= paths
                called_here |= paths if call in own else set()
        if any(f"{lock}.acquire" in called for lock in external.LOCKS - external.SEMAPHORES):
            return True
        return any({f"{lock}.acquire", f"{lock}.release"} <= called_here for lock in external.SEMAPHORES)

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for child in [*node.decorator_list, *node.args.defaults]:
                self.visit(child)
            return
        if isinstance(node, ast.Lambda):
            for child in node.args.defaults:
                self.visit(child)
            return
        if isinstance(node, ast.With):
            self.visit_with(node)
            return
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            self.visit_comprehension(node)
            return
        if isinstance(node, ast.Call):
            self.call(node)
        elif isinstance(node, ast.For):
            self.iterate(node, node.iter, "for", node)
            if any(isinstance(v, Gen) and self.holds_lock(v.fn) for v in self.facts.of(node.iter)):
                before, self.locked = self.locked, True
                for part in children(node):
                    self.visit(part)
                self.locked = before
                return
        elif isinstance(node, ast.YieldFrom):
            self.iterate(node, node.value, "yield from", node)
        elif isinstance(node, ast.Starred) and isinstance(node.ctx, ast.Load):
            self.iterate(node.value, node.value, "whole star", node)
        elif isinstance(node, ast.Assign):
            self.escape(node)
            if any(isinstance(target, (ast.Tuple, ast.List)) for target in node.targets):
                self.iterate(node.value, node.value, "whole unpack", node)
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
            self.iterate(node.value, node.value, "whole add", node)
        elif isinstance(node, ast.Compare):
            for operator, operand in zip(node.ops, node.comparators, strict=True):
                if isinstance(operator, (ast.In, ast.NotIn)):
                    self.iterate(operand, operand, "whole in", node)
        elif isinstance(node, (ast.Attribute, ast.Subscript)) and node in self.facts.properties:
            self.sites.append(ReadSite(*self.place(node), callees=self.facts.properties[node]))
        if isinstance(node, ast.Attribute):
            for value in self.facts.of(node.value):
                if isinstance(value, Gen):
                    self.graph.driven[value.fn] = node.attr
        if isinstance(node, ast.Yield) and not isinstance(self.graph.parents.get(node), ast.Expr):
            self.graph.driven.setdefault(self.fn, "send")
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            getters = {
                method
                for value in self.facts.of(node.value)
                if isinstance(value, Inst) and (method := value.cls.find_method("__getitem__"))
            }
            if getters:
                self.sites.append(ReadSite(*self.place(node), callees=getters))
        for use in implicit.uses(node, self.facts):
            if use.methods:
                self.sites.append(ReadSite(*self.place(use.node), callees=use.methods, truth=use.truth))
        for part in children(node):
            self.visit(part)

    def place(self, node: ast.AST) -> tuple[ast.AST, Function, bool, ast.GeneratorExp | None]:
        return node, self.fn, self.locked, self.generator

    def visit_with(self, node: ast.With) -> None:
        locks = False
        for index, item in enumerate(node.items):
            values = self.facts.of(item.context_expr)
            site = WithSite(*self.place(node), item=index)  # type: ignore[arg-type]
            site.channel = any(isinstance(v, Obj) and v.kind == "Channel" for v in values)
            for value in values:
                if isinstance(value, Manager):
                    site.callees.add(value.fn)
                elif isinstance(value, Inst):
                    found = [value.cls.find_method(n) for n in ("__enter__", "__exit__")]
                    site.callees.update(method for method in found if method is not None)
                elif not (isinstance(value, Obj) and value.kind == "Channel"):
                    site.plain = True
            self.sites.append(site)
            locks = locks or self.is_lock(item.context_expr, values)
            if any(isinstance(v, Ext) and external.is_executor(v.path) for v in values):
                self.sites.append(WaitSite(*self.place(node), how="stuck", path="with executor"))
            self.visit(item.context_expr)
        before, self.locked = self.locked, self.locked or locks
        start = len(self.sites)
        for statement in node.body:
            self.visit(statement)
        if locks:
            inside = [site for site in self.sites[start:] if not isinstance(site, LockSite)]
            taken = [item.context_expr for item in node.items]
            self.sites += [
                LockSite(*self.place(node), key=self.lock_key(lock), inside=inside)
                for lock in taken
                if self.is_lock(lock, self.facts.of(lock))
            ]
        self.locked = before

    def lock_key(self, node: ast.expr) -> LockKey | None:
        if isinstance(node, ast.Attribute):
            owners = list(classes_of(self.facts.of(node.value)))
            return (list(owners[0].ancestors())[-1], node.attr) if owners else None
        return (self.fn.module, node.id) if isinstance(node, ast.Name) else None

    def is_lock(self, node: ast.expr, values: Values) -> bool:
        if any(external.is_lock(value) for value in values):
            return True
        entered = {value.fn for value in values if isinstance(value, (Manager, Gen))}
        entered |= {
            method
            for value in values
            if isinstance(value, Inst) and (method := value.cls.find_method("__enter__"))
        }
        if any(self.holds_lock(fn) for fn in entered):
            return True
        return not values and external.names_lock(dotted(node))

    def holds_lock(self, fn: Function) -> bool:
        """True where a lock is held while a generator or context manager of the program has yielded."""
        if fn not in self.graph.holders:
            self.graph.holders[fn] = False
            inner = _Collector(Graph(), self.facts, fn)
            inner.graph.holders = self.graph.holders
            self.graph.holders[fn] = inner.takes_lock(fn.node) or any(
                isinstance(node, (ast.Yield, ast.YieldFrom)) and inner.within_lock(fn.node, node)
                for node in own_nodes(fn)
            )
        return self.graph.holders[fn]

    def within_lock(self, top: ast.AST, node: ast.AST) -> bool:
        """True where `node` stands in a `with` statement of `top` that takes a lock."""
        return any(
            isinstance(outer, ast.With)
            and any(part is node for statement in outer.body for part in walk(statement))
            and any(self.is_lock(i.context_expr, self.facts.of(i.context_expr)) for i in outer.items)
            for outer in walk(top)
        )

    def visit_comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        outer = self.generator
        for index, generator in enumerate(node.generators):
            # The first iterable is evaluated where the expression stands, the rest inside it.
            if index and isinstance(node, ast.GeneratorExp):
                self.generator = node
            self.visit(generator.iter)
            if isinstance(node, ast.GeneratorExp):
                self.generator = node
            if not generator.is_async:
                self.iterate(generator, generator.iter, "comprehension", node)
            for condition in generator.ifs:
                self.visit(condition)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for part in parts:
            self.visit(part)
        self.generator = outer

    def iterate(self, node: ast.AST, iterable: ast.expr, form: str, owner: ast.AST) -> None:
        site = IterateSite(*self.place(node), form=form, iterable=iterable, owner=owner)
        read = list(adapters.sources(iterable, self.facts, site.adapters))
        for value in (value for source in read for value in self.facts.of(source)):
            if isinstance(value, Obj) and value.kind in STREAMS:
                site.stream = True
                self.add_origin(site.origins, value)
            elif isinstance(value, Gen):
                site.callees.add(value.fn)
            elif isinstance(value, Inst):
                steps = [value.cls.find_method(name) for name in ("__next__", "__iter__")]
                site.callees.update(method for method in steps if method is not None)
            elif not (isinstance(value, Box) and value.kind == "declared"):
                site.plain = True
                if isinstance(value, Ext) and value.path.endswith(".map()"):
                    self.sites.append(WaitSite(*self.place(node), how="stuck", path=value.path))
        found = site.stream or bool(site.callees)
        if form == "iter":
            # `iter(stream)` waits for nothing.
            site.stream = False
        if site.adapters:
            # asyncstdlib's take both colours.
            site.plain = False
        if found:
            self.sites.append(site)

    def add_origin(self, origins: set[Function], value: Obj) -> None:
        if value.origin is not None:
            origins.add(value.origin)

    def call(self, node: ast.Call) -> None:
        callees = self.facts.of(node.func)
        site = CallSite(*self.place(node))  # type: ignore[arg-type]
        parent = self.graph.parents.get(node)
        site.awaited = isinstance(parent, ast.Await)
        site.discarded = isinstance(parent, ast.Expr)
        if site.awaited and _paths(callees) == {external.TO_THREAD} and node.args:
            site.threaded = True
            callees = self.facts.of(node.args[0])
        for callee in callees:
            self.classify(site, callee, node)
        if site.threaded:
            # What asyncio awaits is the thread; what runs there may do with a thread or without.
            site.awaited = site.plain = False
            site.rows.clear()
        if site.rows or site.callees or site.unknown:
            self.sites.append(site)
        if any(isinstance(v, Obj) and v.kind in CREATES and v.origin is self.fn for v in self.facts.of(node)):
            self.graph.creators.add(self.fn)
        self.external_call(node, self.facts.of(node.func), site)

    def classify(self, site: CallSite, callee: Value, node: ast.Call) -> None:
        if isinstance(callee, Func):
            if callee.fn.is_generator or self.facts.has_role(callee.fn, "contextmanager"):
                site.plain = True
            elif not callee.fn.is_async:
                site.callees.add(callee.fn)
            else:
                site.plain = True
        elif isinstance(callee, Cls):
            init = callee.cls.find_method("__init__")
            if init is not None and not callee.cls.module.source.generated:
                site.callees.add(init)
        elif isinstance(callee, Inst):
            method = callee.cls.find_method("__call__")
            if method is not None:
                site.callees.add(method)
        elif isinstance(callee, Obj):
            self.grpc_member(site, _surface.member(callee.kind, "__call__"), callee)
        elif isinstance(callee, MemberOf):
            row = _surface.member(callee.owner.kind, callee.name)
            if row is not None and row.spelling == "anext":
                step = IterateSite(*self.place(node), form="method next", stream=True, owner=node)
                self.add_origin(step.origins, callee.owner)
                self.sites.append(step)
                return
            self.grpc_member(site, row, callee.owner)
        elif not isinstance(callee, Maker):
            # An annotation says what is returned; the colour is that of whatever is passed.
            if isinstance(callee, Ext) and callee.path == external.RUN and len(node.args) == 1:
                site.rows.append(external.RUN_MEMBER)
                site.kinds.add("run")
                return
            site.plain = True
            site.unknown = isinstance(callee, Ext) and external.is_unknown_stub(callee.path)

    def grpc_member(self, site: CallSite, row: _surface.Member | None, owner: Obj) -> None:
        if row is not None and row.spelling == "await":
            site.rows.append(row)
            site.kinds.add(owner.kind)
            self.add_origin(site.origins, owner)
        else:
            site.plain = True

    def external_call(self, node: ast.Call, callees: Values, site: CallSite) -> None:
        paths = [callee.path for callee in callees if isinstance(callee, Ext)]
        for path in paths:
            if path == external.SLEEP:
                self.sites.append(WaitSite(*self.place(node), how="sleep", path=path))
            elif external.RUNS_LOOP.fullmatch(path):
                self.sites.append(WaitSite(*self.place(node), how="loop", path=path))
            elif external.waits(path, node) and not (path.endswith(".acquire") and self.locked):
                self.sites.append(WaitSite(*self.place(node), how="thread", path=path))
        sinks = external.sinks_of(node, callees)
        # A handler's behaviour, called by an interceptor, may be anybody's.
        behavior = any(isinstance(v, MemberOf) and v.owner.kind == "RpcMethodHandler" for v in callees)
        unknown = not callees or bool(paths) or behavior
        arguments: list[ast.expr] = [*node.args, *(keyword.value for keyword in node.keywords)]
        builtin = paths[0].removeprefix("builtins.") if paths and paths[0].startswith("builtins.") else ""
        lazy = adapters.adapter(node, self.facts)
        if lazy is not None and not adapters.at_once(node, self.facts, self.graph.parents):
            lazy = None
        whole = builtin not in external.CONSUMERS and adapters.reads_whole(node, self.facts)
        for argument in arguments:
            values = self.facts.of(argument)
            sink = next((sink for sink in sinks if sink.holds(node, argument)), None)
            if site.threaded and argument is node.args[0] and site.callees:
                continue
            if sink is None and builtin in ("next", "anext") and argument is node.args[0]:
                if builtin == "next":
                    self.iterate(node, argument, "next", node)
                continue
            if sink is None and builtin == "iter" and len(arguments) == 1:
                self.iterate(node, argument, "iter", node)
            if lazy is not None and argument in node.args[lazy.first : lazy.last]:
                continue
            if sink is None and whole and not isinstance(argument, (ast.GeneratorExp, ast.Starred)):
                self.iterate(argument, argument, f"collect {builtin}", node)
                if builtin not in ("sorted", "min", "max") or argument in node.args:
                    streams = {v for v in values if isinstance(v, (Gen, Obj))}
                    if builtin or streams or adapters.adapter(argument, self.facts):
                        continue
            if sink is None and builtin in external.CONSUMERS:
                if not isinstance(argument, ast.GeneratorExp):
                    self.iterate(argument, argument, f"collect {builtin}", node)
                if builtin not in ("sorted", "min", "max") or argument in node.args:
                    continue
            if sink is None and (not unknown or any(path in external.HARMLESS for path in paths)):
                continue
            # What a thread is given in a tuple is passed to its target, and followed there.
            handed = values if sinks else self.with_contents(values)
            self.hand_over(dotted(node.func) or "a call", argument, handed, sink)

    def escape(self, node: ast.Assign) -> None:
        """A function that is put where code outside the program finds it: `button.on_click = fetch`."""
        for target in node.targets:
            if isinstance(target, (ast.Attribute, ast.Subscript)):
                owners = self.facts.of(target.value)
                known = any(not isinstance(owner, (Ext, Obj)) for owner in owners)
                if not known:
                    values = self.with_contents(self.facts.of(node.value))
                    self.hand_over(dotted(target) or "an object", node.value, values, None)

    def hand_over(self, to: str, argument: ast.expr, values: Values, sink: external.Sink | None) -> None:
        site = HandSite(*self.place(argument), sink=sink, to=to)
        for value in values:
            if isinstance(value, Func) and not value.fn.is_async:
                site.functions.add(value.fn)
            elif isinstance(value, Obj) and value.kind.endswith("MultiCallable"):
                site.multi = True
            elif isinstance(value, (Gen, Manager)):
                site.functions.add(value.fn)
            elif isinstance(value, Obj) and value.kind in STREAMS and value.origin is not None:
                site.origins.add(value.origin)
        if site.functions or site.multi or site.origins:
            self.sites.append(site)

    def with_contents(self, values: Values) -> Values:
        """Values, and those that are in the containers among them."""
        found = set(values)
        pending = [value for value in values if isinstance(value, Box)]
        while pending:
            for value in self.facts.contents.get(pending.pop().node, frozenset()) - found:
                found.add(value)
                if isinstance(value, Box):
                    pending.append(value)
        return frozenset(found)


def _paths(values: Values) -> set[str]:
    return {value.path if isinstance(value, Ext) else "" for value in values}


def sites_of(graph: Graph, fn: Function, kind: type[Site]) -> Iterator[Site]:
    return (site for site in graph.of(fn) if isinstance(site, kind))


def classes_of(values: Values) -> Iterator[Class]:
    return (value.cls for value in values if isinstance(value, Inst))
