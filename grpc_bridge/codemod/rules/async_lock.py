"""A lock, an event or a semaphore that only coroutines wait for becomes asyncio's."""

from __future__ import annotations

from collections.abc import Iterator

from ..primitives import EVENT, LOCKS
from .base import Edit, Rule, View
from .primitive import declared, make, report_kept, uses
from .syntax import await_, make_async

RULE = Rule(
    id="GB404",
    slug="async-lock",
    sentence="A lock, an event or a semaphore that only coroutines wait for becomes asyncio's.",
    before="""\
def __init__(self, stub):
    self._lock = threading.Lock()
    self._ready = threading.Event()


def refresh(self):
    self._ready.wait()
    with self._lock:
        self._prices = self._stub.List(Empty())
""",
    after="""\
def __init__(self, stub):
    self._lock = asyncio.Lock()
    self._ready = asyncio.Event()


async def refresh(self):
    await self._ready.wait()
    async with self._lock:
        self._prices = await self._stub.List(Empty())
""",
    remedy="Nothing is wrong: it works as it did, and coroutines wait for it in worker threads. "
    "To have asyncio's, take away the reason given: let coroutines alone use it, make it in a function, "
    "take it with a `with` of its own, and write a time limit as `asyncio.wait_for(event.wait(), 3)`.",
)

KINDS = frozenset({*LOCKS, EVENT})


def match(view: View) -> Iterator[Edit]:
    report_kept(view, RULE, KINDS)
    yield from make(view, RULE, KINDS)
    yield from declared(view, RULE, KINDS)
    for _, use in uses(view, KINDS):
        if use.form == "with":
            yield view.edit(RULE, "With", use.place, make_async)
        elif use.form == "call" and use.waits:
            view.plan.claimed.add(use.place)
            yield view.edit(RULE, "Call", use.place, await_)
