"""A call of a function that became a coroutine is awaited."""

from __future__ import annotations

from collections.abc import Iterator

from ..sites import CallSite
from .base import Edit, Rule, View
from .syntax import await_

RULE = Rule(
    id="GB204",
    slug="await-call",
    sentence="A call of a function that became a coroutine is awaited.",
    before="""\
def main(stub):
    print(fetch(stub))
""",
    after="""\
async def main(stub):
    print(await fetch(stub))
""",
)


def match(view: View) -> Iterator[Edit]:
    for site in view.sites(CallSite):
        if (
            not (site.kinds or site.threaded or site.expected)
            and site.callees
            and view.spelling(site) == "await"
        ):
            yield view.edit(RULE, "Call", site.node, await_)
