"""Fakes of stubs: classes of the program that stand where a stub stands, as tests and local modes have them.

What calls `self.stub.Ask(request)` awaits a real stub, so it has to be able to await a fake one as well.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .index import Function, Program
from .sites import CallSite, Graph, IterateSite, Site


def fakes(program: Program, graph: Graph) -> dict[Function, set[Function]]:
    """The methods of fakes, and who calls each where it may as well call a stub."""
    names = {name for cls in program.classes() for name in cls.stub_methods}
    found: dict[Function, set[Function]] = {}
    for fn, sites in graph.sites.items():
        for site in sites:
            for callee in _beside_a_stub(site):
                if callee.cls is not None and callee.name in names and not callee.is_async:
                    found.setdefault(callee, set()).add(fn)
    return found


def _beside_a_stub(site: Site) -> Iterator[Function]:
    """The functions of the program that a place calls or reads where it may call or read an RPC."""
    if isinstance(site, CallSite) and any(kind.endswith("MultiCallable") for kind in site.kinds):
        method = site.node.func.attr if isinstance(site.node.func, ast.Attribute) else ""
        yield from (callee for callee in site.callees if callee.name == method)
    elif isinstance(site, IterateSite) and site.stream:
        yield from (callee for callee in site.callees if callee.is_generator)
