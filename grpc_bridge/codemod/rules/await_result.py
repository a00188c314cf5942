"""What a call or a future may wait for is awaited; in a done-callback it is there."""

from __future__ import annotations

from collections.abc import Iterator

from ..sites import CallSite
from .base import Edit, Rule, View
from .syntax import await_

RULE = Rule(
    id="GB203",
    slug="await-result",
    sentence="What a call or a future may wait for is awaited; in a done-callback it is there.",
    before="""\
future = stub.Get.future(request)
reply = future.result(timeout=1)
""",
    after="""\
future = stub.Get.future(request)
reply = await future.result(timeout=1)
""",
)

OWNERS = frozenset({"Future", "Call", "ResponseStream", "Channel"})


def match(view: View) -> Iterator[Edit]:
    for site in view.sites(CallSite):
        if site.kinds & OWNERS and view.spelling(site) == "await":
            yield view.edit(RULE, "Call", site.node, await_)
