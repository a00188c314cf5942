"""A stream is read with `async for`, in statements and in comprehensions."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from functools import partial

from ..adapters import use_of
from ..later import cst
from ..sites import CallSite, IterateSite, Site
from .base import Edit, Rule, View
from .syntax import await_, make_async, renamed

RULE = Rule(
    id="GB205",
    slug="async-for",
    sentence="A stream is read with `async for`, in statements and in comprehensions.",
    before="""\
for reply in stub.Watch(request):
    print(reply)
names = [r.name for r in stub.Watch(request)]
total = sum(r.size for r in stub.Watch(request))
if any(r.failed for r in stub.Watch(request)):
    retry()
""",
    after="""\
async for reply in stub.Watch(request):
    print(reply)
names = [r.name async for r in stub.Watch(request)]
total = sum([r.size async for r in stub.Watch(request)])
if await asyncstdlib.any(r.failed async for r in stub.Watch(request)):
    retry()
""",
)


def match(view: View) -> Iterator[Edit]:
    if not view.is_async:
        return
    executors = view.colours.counterparts.executors
    generators = {generator for fn, generator in executors.generators if fn is view.fn}
    for site in view.sites(Site):
        if site.generator is not None and waits(view, site):
            generators.add(site.generator)
    for site in view.sites(IterateSite):
        if not drives(view, site):
            continue
        if site.form == "for":
            yield view.edit(RULE, "For", site.node, make_async)
        elif site.form == "comprehension" and site.iterable is not None:
            yield view.edit(RULE, "CompFor", site.iterable, make_async)
    for generator in generators:
        yield from reader(view, generator)


def reader(view: View, generator: ast.GeneratorExp) -> Iterator[Edit]:
    """A generator expression that awaits is asynchronous: what reads it has to be so too, or gets a list."""
    use = use_of(generator, view.facts, view.graph.parents)
    parent = view.graph.parents[generator]
    if use == "for":
        yield view.edit(RULE, "For", parent, make_async)
    elif use == "comprehension":
        yield view.edit(RULE, "CompFor", anchor(generator), make_async)
    elif use == "any" and isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name):
        view.plan.imports.add("asyncstdlib")
        yield view.edit(RULE, "Call", parent, partial(await_as, function=f"asyncstdlib.{parent.func.id}"))
    elif use == "whole":
        yield view.edit(RULE, "GeneratorExp", anchor(generator), make_list)


def await_as(node: cst.Call, function: str) -> cst.Await:
    return await_(renamed(node, function))


def anchor(generator: ast.GeneratorExp) -> ast.expr:
    """What stands for the expression's place: its own depends on whose parentheses are around it."""
    node = generator.elt
    while isinstance(node, ast.Tuple):
        node = node.elts[0]
    return node


def drives(view: View, site: IterateSite) -> bool:
    """True where what is iterated is asynchronous."""
    return (
        site.stream
        or any(view.colours.is_async(callee) for callee in site.callees)
        or any(waits(view, inner) for inner in inside(view, site.generators))
    )


def inside(view: View, generators: Collection[ast.GeneratorExp]) -> Iterator[Site]:
    """The places inside generator expressions of the function."""
    return (site for site in view.graph.of(view.fn) if generators and site.generator in generators)


def waits(view: View, site: Site) -> bool:
    if isinstance(site, IterateSite):
        return drives(view, site)
    return isinstance(site, CallSite) and view.spelling(site) in ("await", "to_thread")


def make_list(node: cst.GeneratorExp) -> cst.ListComp:
    return cst.ListComp(elt=node.elt, for_in=node.for_in)
