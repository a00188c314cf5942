"""`asyncio.run` in a function that becomes a coroutine becomes `await`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

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
        if site.how == "loop" and isinstance(site.node, ast.Call) and len(site.node.args) == 1:
            head = site.node.func
            while isinstance(head, ast.Attribute):
                head = head.value
            if isinstance(head, ast.Name) and head.id == "asyncio":
                view.plan.released["asyncio"] = view.plan.released.get("asyncio", 0) + 1
            yield view.edit(RULE, "Call", site.node, await_argument)


def await_argument(node: cst.Call) -> cst.Await:
    coroutine = node.args[0].value
    if coroutine.lpar:
        return await_(coroutine)
    return await_(coroutine.with_changes(lpar=list(node.lpar), rpar=list(node.rpar)))
