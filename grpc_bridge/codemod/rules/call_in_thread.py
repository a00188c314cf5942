"""A coroutine calls blocking code that stays sync in a worker thread."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..later import cst
from ..sites import CallSite, ReadSite
from .base import Edit, Rule, View
from .syntax import await_, comma, to_thread, wrap_call
from .syntax import name as syntax_name

RULE = Rule(
    id="GB503",
    slug="call-in-thread",
    sentence="A coroutine calls blocking code that stays sync in a worker thread.",
    before="""\
client = Client(target)  # its constructor waits
""",
    after="""\
client = await asyncio.to_thread(Client, target)  # its constructor waits
""",
    remedy="Nothing has to be done; it costs a thread for the time of the call.",
)

KINDS: dict[type, str] = {ast.Compare: "Comparison", ast.BinOp: "BinaryOperation"}
"""What LibCST calls the nodes that it does not call as `ast` does."""


def match(view: View) -> Iterator[Edit]:
    if not view.is_async:
        return
    for site in view.sites(CallSite):
        if view.spelling(site) == "to_thread":
            view.plan.imports.add("asyncio")
            names = ", ".join(sorted({callee.label for callee in site.callees}))
            message = f"{names} stays sync and waits, so it is called in a worker thread"
            yield view.edit(RULE, "Call", site.node, to_thread, message)
    for site in view.sites(ReadSite):
        if any(view.colours.stays_sync(callee) for callee in site.callees):
            view.plan.imports.add("asyncio")
            names = ", ".join(sorted({callee.label for callee in site.callees}))
            message = f"reading {names} waits, so it is read in a worker thread"
            kind = KINDS.get(type(site.node), type(site.node).__name__)
            yield view.edit(RULE, kind, site.node, ask if site.truth else read, message)


def ask(node: cst.BaseExpression) -> cst.Await:
    """Whether `node` is true."""
    arguments = [cst.Arg(syntax_name("bool"), comma=comma()), cst.Arg(node)]
    return await_(cst.Call(func=syntax_name("asyncio.to_thread"), args=arguments))


def read(node: cst.BaseExpression) -> cst.Await:
    parens = {"lpar": list(node.lpar), "rpar": list(node.rpar)}
    reader = cst.Lambda(params=cst.Parameters(), body=node.with_changes(lpar=[], rpar=[]))
    return await_(wrap_call("asyncio.to_thread", reader).with_changes(**parens))
