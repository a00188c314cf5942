"""A call that waits for a thread, a queue or a process waits in a worker thread."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..sites import WaitSite
from .base import Edit, Rule, View
from .syntax import to_thread

RULE = Rule(
    id="GB402",
    slug="wait-in-thread",
    sentence="A call that waits for a thread, a queue or a process waits in a worker thread.",
    before="""\
worker.join()
""",
    after="""\
await asyncio.to_thread(worker.join)
""",
    remedy="Wait for an asyncio counterpart where there is one.",
)


def match(view: View) -> Iterator[Edit]:
    if not view.is_async:
        return
    for site in view.sites(WaitSite):
        if site.how != "thread" or site.generator is not None or view.colours.counterparts.held(site):
            continue
        if isinstance(view.graph.parents.get(site.node), ast.Await):
            continue
        view.plan.imports.add("asyncio")
        what = site.path.replace("()", "")
        yield view.edit(RULE, "Call", site.node, to_thread, f"{what} blocks; it waits in a worker thread now")
