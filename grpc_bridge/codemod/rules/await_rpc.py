"""A call that waits for one response is awaited, `with_call` included."""

from __future__ import annotations

from collections.abc import Iterator

from ..sites import CallSite
from .base import Edit, Rule, View
from .syntax import await_

RULE = Rule(
    id="GB202",
    slug="await-rpc",
    sentence="A call that waits for one response is awaited, `with_call` included.",
    before="""\
reply = stub.Get(request)
reply, call = stub.Get.with_call(request, timeout=1)
""",
    after="""\
reply = await stub.Get(request)
reply, call = await stub.Get.with_call(request, timeout=1)
""",
)


def match(view: View) -> Iterator[Edit]:
    for site in view.sites(CallSite):
        rpc = any(kind.endswith("MultiCallable") for kind in site.kinds)
        if rpc and not (site.threaded or site.expected) and view.spelling(site) == "await":
            yield view.edit(RULE, "Call", site.node, await_)
