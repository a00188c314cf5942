"""Starting, stopping and waiting for a server is awaited in a coroutine."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..later import cst
from ..sites import CallSite
from .base import Edit, Rule, View
from .syntax import await_

RULE = Rule(
    id="GB301",
    slug="server-lifecycle",
    sentence="Starting, stopping and waiting for a server is awaited in a coroutine.",
    before="""\
server.start()
server.wait_for_termination()
server.stop(grace).wait()
""",
    after="""\
await server.start()
await server.wait_for_termination()
await server.stop(grace)
""",
)


def match(view: View) -> Iterator[Edit]:
    if not view.is_async:
        return
    for site in list(view.sites(CallSite)):
        if site.kinds == {"StopEvent"} and view.spelling(site) == "await":
            yield from wait_for_stop(view, site)
    for site in view.sites(CallSite):
        if site.kinds == {"Server"} and view.spelling(site) == "await":
            if any(row.name == "stop" for row in site.rows) and not site.discarded:
                # Its event is kept to be waited for: the stop has begun, and goes on meanwhile.
                continue
            yield view.edit(RULE, "Call", site.node, await_)


def wait_for_stop(view: View, site: CallSite) -> Iterator[Edit]:
    """`server.stop(g).wait()` is one wait; `event.wait()` is one of its own."""
    func = site.node.func
    inner = func.value if isinstance(func, ast.Attribute) else None
    if site.node.args or site.node.keywords or not isinstance(inner, ast.expr):
        yield view.edit(RULE, "Call", site.node, await_)
        return
    view.plan.claimed.add(inner)
    yield view.edit(RULE, "Call", site.node, await_owner)


def await_owner(node: cst.Call) -> cst.Await:
    assert isinstance(node.func, cst.Attribute)
    return await_(node.func.value.with_changes(lpar=list(node.lpar), rpar=list(node.rpar)))
