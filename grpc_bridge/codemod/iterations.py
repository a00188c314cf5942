"""The places where something is iterated over, or read as a whole."""

from __future__ import annotations

import ast
from functools import cached_property

from . import adapters, external
from .index import Function
from .infer import Facts
from .locks import Locks
from .sites import Graph, IterateSite, Site, WaitSite
from .values import Box, Ext, Gen, Inst, Obj

STREAMS = frozenset({"ResponseStream", "RequestIterator"})


class Iterations:
    """Collects the sites of one function: what all kinds of them need, and those that iterate."""

    def __init__(self, graph: Graph, facts: Facts, locks: Locks, fn: Function) -> None:
        self.graph = graph
        self.facts = facts
        self.locks = locks
        self.fn = fn
        self.locked = False
        self.generator: ast.GeneratorExp | None = None
        self.sites: list[Site] = graph.sites.setdefault(fn, [])

    @cached_property
    def named(self) -> dict[str, ast.GeneratorExp]:
        return adapters.named(self.fn)

    def place(self, node: ast.AST) -> tuple[ast.AST, Function, bool, ast.GeneratorExp | None]:
        return node, self.fn, self.locked, self.generator

    def iterate(self, node: ast.AST, iterable: ast.expr, form: str, owner: ast.AST) -> None:
        site = IterateSite(*self.place(node), form=form, iterable=iterable, owner=owner)
        read = list(adapters.sources(iterable, self.facts, site.adapters))
        for source in read:
            if isinstance(source, ast.Name) and source.id in self.named:
                site.generators.append(self.named[source.id])
                read = [other for other in read if other is not source]
        for value in (value for source in read for value in self.facts.of(source)):
            if isinstance(value, Obj) and value.kind in STREAMS:
                site.stream = True
                self.add_origin(site.origins, value)
            elif isinstance(value, Gen) and not value.fn.is_async:
                site.groups.append(frozenset({value.fn}))
            elif isinstance(value, Inst):
                steps = [value.cls.find_method(name) for name in ("__next__", "__iter__")]
                site.groups.append(frozenset(method for method in steps if method is not None))
            elif not (isinstance(value, Box) and value.kind == "declared") and not external.is_mock(value):
                site.plain = True
                if isinstance(value, Ext) and value.path.endswith(".map()"):
                    self.sites.append(WaitSite(*self.place(node), how="stuck", path=value.path))
        site.callees.update(*site.groups)
        found = site.stream or bool(site.callees) or bool(site.generators)
        if form == "iter":
            # `iter(stream)` waits for nothing.
            site.stream = False
        if site.adapters:
            # asyncstdlib's take both colours.
            site.plain = False
            site.groups.clear()
        if found:
            self.sites.append(site)

    def add_origin(self, origins: set[Function], value: Obj) -> None:
        if value.origin is not None:
            origins.add(value.origin)
