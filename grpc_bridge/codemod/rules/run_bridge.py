"""Sync code on a plain thread that needs a coroutine runs it with `grpc.run`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ..sites import CallSite
from .base import Edit, Rule, View
from .syntax import wrap_call

RULE = Rule(
    id="GB502",
    slug="run-bridge",
    sentence="Sync code on a plain thread that needs a coroutine runs it with `grpc.run`.",
    before="""\
def report():  # runs in a thread
    print(fetch(stub))
""",
    after="""\
def report():  # runs in a thread
    print(grpc.run(fetch(stub)))
""",
    remedy="Nothing has to be done while the caller is sync; it goes when the caller becomes a coroutine.",
)


def match(view: View) -> Iterator[Edit]:
    for site in view.sites(CallSite):
        if view.spelling(site) == "run":
            function = f"{view.bridge_name()}.run"
            names = ", ".join(sorted({callee.label for callee in site.callees}))
            message = f"{view.fn.label} is sync and {names} is a coroutine"
            wrap = partial(wrap_call, function)
            yield view.edit(RULE, "Call", site.node, wrap, message, functions=site.callees)
