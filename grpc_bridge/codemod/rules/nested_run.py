"""`asyncio.run` in a function that becomes a coroutine becomes `await`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from ..later import cst
from ..sites import WaitSite
from .base import Edit, Rule, View
from .syntax import await_

RULE = Rule(
    id="GB504",
    slug="nested-run",
    sentence="`asyncio.run` in a function that becomes a coroutine becomes `await`.",
    before="""\
def main(stub):
    print(stub.Hi(request))
    asyncio.run(watch(stub))
""",
    after="""\
async def main(stub):
    print(await stub.Hi(request))
    await watch(stub)
""",
)


def match(view: View) -> Iterator[Edit]:
    if not view.becomes_async:
        return
    for site in view.sites(WaitSite):
        if site.how == "loop" and isinstance(site.node, ast.Call) and (site.node.args or given(site.node)):
            view.release(site.node.func)
            name = given(site.node) if not site.node.args else ""
            yield view.edit(RULE, "Call", site.node, partial(await_argument, name=name))


def given(node: ast.Call) -> str:
    """The keyword by which the coroutine is given; "" if there is none."""
    names = {"main", "future"}
    return next((k.arg for k in node.keywords if k.arg in names), "") or ""


def await_argument(node: cst.Call, name: str) -> cst.Await:
    by_name = (arg for arg in node.args if arg.keyword is not None and arg.keyword.value == name)
    coroutine = next(by_name, node.args[0]).value
    if coroutine.lpar:
        return await_(coroutine)
    return await_(coroutine.with_changes(lpar=list(node.lpar), rpar=list(node.rpar)))
