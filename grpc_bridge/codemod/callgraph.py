"""The call graph: for every function, the places where it waits, calls, iterates or hands things over."""

from __future__ import annotations

import ast

from . import external, implicit
from .callsites import Calls
from .declared import PROTOCOLS
from .decorators import passed_calls
from .index import Class, Function, Program, dotted, is_main_guard, own_nodes
from .infer import Facts
from .locks import Locks
from .mocks import Mocks
from .nodes import children, defaults, parents
from .sites import CallSite, Graph, HandSite, IterateSite, LockSite, ReadSite, WaitSite, WithSite
from .values import Box, Ext, Gen, Inst, Manager, Obj

PROTOCOL_PAIRS = {
    "__enter__": "__exit__",
    "__exit__": "__enter__",
    "__next__": "__iter__",
    "__iter__": "__next__",
}


def build(program: Program, facts: Facts) -> Graph:
    graph = Graph(passed=passed_calls(facts))
    locks = Locks(facts)
    for module in program.modules.values():
        if not module.source.generated:
            graph.parents.update(parents(module.source.tree))
            for fn in module.functions:
                _Collector(graph, facts, locks, fn).collect()
    for fn, sites in graph.sites.items():
        for site in sites:
            if isinstance(site, (CallSite, IterateSite, WithSite, ReadSite)):
                for callee in site.callees:
                    graph.callers.setdefault(callee, set()).add(fn)
            elif isinstance(site, HandSite):
                for handed in site.functions:
                    graph.handed.setdefault(handed, []).append(site)
    if any(b"mock" in module.source.data for module in program.modules.values()):
        graph.mocks = Mocks(program, facts)
    _families(program, graph)
    for fn, generators in graph.returned.items():
        for generator in generators:
            _join(graph, fn, generator)
    _beside(graph)
    _protocols(graph)
    return graph


def _families(program: Program, graph: Graph) -> None:
    """A method, what it overrides and what overrides it change colour together."""
    for cls in program.classes():
        if cls.module.source.generated:
            continue
        for name, method in cls.methods.items():
            graph.families.setdefault(method, {method})
            if name in ("__init__", "__new__", "__del__"):
                continue
            partners = [PROTOCOL_PAIRS[name]] if name in PROTOCOL_PAIRS else []
            # Those below say so themselves.
            for other in cls.ancestors():
                if not other.module.source.generated:
                    for partner in (name, *partners):
                        if partner in other.methods:
                            _join(graph, method, other.methods[partner])


def _join(graph: Graph, left: Function, right: Function) -> None:
    """Make one family of two, the smaller moving to the larger."""
    families = [graph.families.setdefault(fn, {fn}) for fn in (left, right)]
    smaller, larger = sorted(families, key=len)
    if smaller is not larger:
        larger |= smaller
        graph.families.update(dict.fromkeys(smaller, larger))


def _beside(graph: Graph) -> None:
    """A mixin's method changes with those that its `super()` finds in the classes that it is mixed into."""
    for fn, sites in graph.sites.items():
        for site in sites:
            if isinstance(site, CallSite) and isinstance(site.node.func, ast.Attribute):
                owner = site.node.func.value
                if isinstance(owner, ast.Call) and dotted(owner) == "super":
                    for callee in site.callees:
                        if callee.name == fn.name and fn.cls is not None and not fn.name.startswith("__"):
                            _join(graph, fn, callee)


def _protocols(graph: Graph) -> None:
    """A method of a Protocol changes with the methods that are called through it."""
    for sites in graph.sites.values():
        for site in sites:
            if not isinstance(site, (CallSite, IterateSite)):
                continue
            if any(fn.cls and fn.cls.external_bases & PROTOCOLS for fn in site.callees):
                methods = [fn for fn in site.callees if fn.cls is not None]
                family = set().union(*(graph.families.get(fn, {fn}) for fn in methods))
                for member in family:
                    graph.families[member] = family


def _getter(cls: Class) -> Function | None:
    """What `instance[key]` calls."""
    return cls.find_method("__getitem__") or cls.find_method("__missing__")


class _Collector(Calls):
    """Visits one function's own code, not that of the functions inside it."""

    def collect(self) -> None:
        fn, node = self.fn, self.fn.node
        if fn.name == "__iter__" and fn.cls is not None and not fn.is_generator:
            self.iterator()
        if isinstance(node, ast.Lambda):
            self.visit(node.body)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self.locked = self.locks.taken_by_hand(fn)
            for statement in node.body:
                self.visit(statement)
        elif isinstance(node, ast.Module):
            for statement in node.body:
                if is_main_guard(statement) == (fn.kind == "main"):
                    self.visit(statement)

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, (ast.Name, ast.Constant)):
            # Half of all nodes, and nothing happens there.
            return
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            # What is inside is another function's.
            decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
            for child in [*decorators, *(value for _, value in defaults(node.args))]:
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
            if any(isinstance(v, Gen) and self.locks.held_at_yield(v.fn) for v in self.facts.of(node.iter)):
                before, self.locked = self.locked, True
                for part in children(node):
                    self.visit(part)
                self.locked = before
                return
        elif isinstance(node, ast.AsyncFor):
            self.read_already(node.iter)
        elif isinstance(node, ast.AsyncWith):
            entered = {value for item in node.items for value in self.facts.of(item.context_expr)}
            if any(isinstance(value, Obj) and value.kind == "Channel" for value in entered):
                self.graph.channels.add(self.fn)
        elif isinstance(node, ast.YieldFrom):
            self.iterate(node, node.value, "yield from", node)
        elif isinstance(node, ast.Starred) and isinstance(node.ctx, ast.Load):
            self.iterate(node.value, node.value, "whole star", node)
        elif isinstance(node, ast.Assign):
            self.escape(node)
            if any(isinstance(target, (ast.Tuple, ast.List)) for target in node.targets):
                self.iterate(node.value, node.value, "whole unpack", node)
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
            self.escape(node)
            if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
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
                if isinstance(value, Inst) and (method := _getter(value.cls))
            }
            if getters:
                self.sites.append(ReadSite(*self.place(node), callees=getters))
        for use in implicit.uses(node, self.facts):
            if use.methods:
                self.sites.append(
                    ReadSite(*self.place(use.node), callees=use.methods, truth=use.truth, stores=use.stores)
                )
        for part in children(node):
            self.visit(part)

    def iterator(self) -> None:
        """An `__iter__` that returns a generator, or a stream: who iterates over its object reads that."""
        for node in own_nodes(self.fn):
            for value in self.facts.of(node.value) if isinstance(node, ast.Return) and node.value else ():
                if isinstance(value, Gen) and not value.fn.is_async:
                    self.graph.returned.setdefault(self.fn, set()).add(value.fn)
                elif isinstance(value, Obj) and value.kind == "ResponseStream":
                    self.graph.iterators.add(self.fn)

    def read_already(self, iterable: ast.expr) -> None:
        if any(isinstance(v, Obj) and v.kind == "ResponseStream" for v in self.facts.of(iterable)):
            self.graph.streams.setdefault(self.fn, []).append(iterable)

    def visit_with(self, node: ast.With) -> None:
        locks = sync_form = False
        for index, item in enumerate(node.items):
            values = self.facts.of(item.context_expr)
            site = WithSite(*self.place(node), item=index)  # type: ignore[arg-type]
            site.channel = any(isinstance(v, Obj) and v.kind == "Channel" for v in values)
            for value in values:
                if isinstance(value, Manager):
                    site.groups.append(frozenset({value.fn}))
                elif isinstance(value, Inst):
                    found = [value.cls.find_method(n) for n in ("__enter__", "__exit__")]
                    site.groups.append(frozenset(method for method in found if method is not None))
                elif isinstance(value, Box) and isinstance(value.node, ast.Subscript):
                    # An annotation says what is entered; the colour is that of whatever is passed.
                    continue
                elif not (isinstance(value, Obj) and value.kind == "Channel"):
                    site.plain = True
            site.callees.update(*site.groups)
            self.sites.append(site)
            locks = locks or self.locks.taken_by(item.context_expr)
            sync_form = sync_form or Ext(external.BLOCKING) in values
            if any(isinstance(v, Ext) and external.is_executor(v.path) for v in values):
                self.sites.append(WaitSite(*self.place(node), how="stuck", path="with executor"))
            self.visit(item.context_expr)
        before, self.locked = self.locked, self.locked or locks
        start = len(self.sites)
        for statement in node.body:
            self.visit(statement)
        if sync_form:
            self.graph.sync_form.update(self.sites[start:])
        if locks:
            inside = [site for site in self.sites[start:] if not isinstance(site, LockSite)]
            taken = [item.context_expr for item in node.items]
            self.sites += [
                LockSite(*self.place(node), key=self.locks.key(self.fn, lock), inside=inside)
                for lock in taken
                if self.locks.taken_by(lock)
            ]
        self.locked = before

    def visit_comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        outer = self.generator
        for index, generator in enumerate(node.generators):
            # The first iterable is evaluated where the expression stands, the rest inside it.
            if index and isinstance(node, ast.GeneratorExp):
                self.generator = node
            self.visit(generator.iter)
            if isinstance(node, ast.GeneratorExp):
                self.generator = node
            if generator.is_async:
                self.read_already(generator.iter)
            else:
                self.iterate(generator, generator.iter, "comprehension", node)
            for condition in generator.ifs:
                self.visit(condition)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for part in parts:
            self.visit(part)
        self.generator = outer
