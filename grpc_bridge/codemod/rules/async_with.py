"""A channel, and a context manager that awaits, is entered with `async with`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from ..later import cst
from ..sites import WithSite
from .base import Edit, Rule, View
from .syntax import async_, make_async

RULE = Rule(
    id="GB209",
    slug="async-with",
    sentence="A channel, and a context manager that awaits, is entered with `async with`.",
    before="""\
with grpc.insecure_channel(target) as channel:
    GreeterStub(channel).Hi(request)
""",
    after="""\
async with grpc.insecure_channel(target) as channel:
    await GreeterStub(channel).Hi(request)
""",
)


def match(view: View) -> Iterator[Edit]:
    if not view.is_async:
        return
    asynchronous: dict[ast.With, set[int]] = {}
    for site in view.sites(WithSite):
        if site.channel or any(view.colours.is_async(callee) for callee in site.callees):
            asynchronous.setdefault(site.node, set()).add(site.item)
    for node, items in asynchronous.items():
        yield view.edit(RULE, "With", node, partial(split, items=frozenset(items)))


def split(node: cst.With, items: frozenset[int]) -> cst.With:
    """One statement where all items are asynchronous, else one inside the other."""
    groups: list[tuple[bool, list[cst.WithItem]]] = []
    for index, item in enumerate(node.items):
        colour = index in items
        if groups and groups[-1][0] == colour:
            groups[-1][1].append(item)
        else:
            groups.append((colour, [item]))
    if len(groups) == 1:
        changed: cst.With = make_async(node)
        return changed
    body = node.body
    result = node
    for colour, group in reversed(groups):
        group = [*group[:-1], group[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)]
        first = group is not None and colour == groups[0][0] and group[0] is groups[0][1][0]
        result = cst.With(
            items=group,
            body=body,
            asynchronous=async_() if colour else None,
            leading_lines=node.leading_lines if first else [],
        )
        body = cst.IndentedBlock([result])
    return result
