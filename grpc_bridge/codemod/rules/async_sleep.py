"""`time.sleep` in a coroutine becomes `await asyncio.sleep`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..later import cst
from ..sites import WaitSite
from .base import Edit, Rule, View
from .syntax import await_, name

RULE = Rule(
    id="GB401",
    slug="async-sleep",
    sentence="`time.sleep` in a coroutine becomes `await asyncio.sleep`.",
    before="""\
time.sleep(0.5)
""",
    after="""\
await asyncio.sleep(0.5)
""",
)


def match(view: View) -> Iterator[Edit]:
    if not view.is_async:
        return
    for site in view.sites(WaitSite):
        if site.how == "sleep" and site.generator is None and isinstance(site.node, ast.Call):
            view.plan.imports.add("asyncio")
            func = site.node.func
            if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name):
                released = view.plan.released
                released[func.value.id] = released.get(func.value.id, 0) + 1
            yield view.edit(RULE, "Call", site.node, sleep)


def sleep(node: cst.Call) -> cst.Await:
    return await_(node.with_changes(func=name("asyncio.sleep")))
