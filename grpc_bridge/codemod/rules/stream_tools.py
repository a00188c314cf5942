"""`enumerate`, `zip`, `map`, `filter` and itertools over a stream become those of asyncstdlib."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from .. import adapters
from ..later import cst
from ..sites import IterateSite
from .async_for import drives
from .base import Edit, Rule, View
from .syntax import name

RULE = Rule(
    id="GB212",
    slug="stream-tools",
    sentence="`enumerate`, `zip`, `map`, `filter` and itertools over a stream become those of asyncstdlib.",
    before="""\
for number, reply in enumerate(stub.Watch(request), 1):
    print(number, reply)
first = list(itertools.islice(stub.Watch(request), 3))
""",
    after="""\
async for number, reply in asyncstdlib.enumerate(stub.Watch(request), 1):
    print(number, reply)
first = [item async for item in asyncstdlib.islice(stub.Watch(request), 3)]
""",
)


def match(view: View) -> Iterator[Edit]:
    if not view.is_async:
        return
    for site in view.sites(IterateSite):
        if drives(view, site):
            for call in site.adapters:
                yield from rename(view, call)


def rename(view: View, call: ast.Call) -> Iterator[Edit]:
    """The call of an adapter, if no other site has named it yet."""
    found = adapters.adapter(call, view.facts)
    if found is None or call.func in view.plan.claimed:
        return
    view.plan.claimed.add(call.func)
    view.plan.imports.add("asyncstdlib")
    head = call.func
    while isinstance(head, ast.Attribute):
        head = head.value
    if isinstance(head, ast.Name):
        view.plan.released[head.id] = view.plan.released.get(head.id, 0) + 1
    yield view.edit(RULE, "Call", call, partial(call_counterpart, counterpart=found.name))


def call_counterpart(node: cst.Call, counterpart: str) -> cst.Call:
    return node.with_changes(func=name(f"asyncstdlib.{counterpart}"))
