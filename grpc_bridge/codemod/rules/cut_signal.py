"""A signal handler stays sync: the interpreter calls it between two steps of the main thread."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Edit, Rule, View, report_cut

RULE = Rule(
    id="GB718",
    slug="cut-signal",
    sentence="A signal handler stays sync: the interpreter calls it between two steps of the main thread.",
    before="""\
signal.signal(signal.SIGHUP, lambda number, frame: stub.Reload(Empty()))
""",
    after="",
    remedy="Let `loop.add_signal_handler` set an event that a coroutine waits for before it makes the call.",
)


def match(view: View) -> Iterator[Edit]:
    """The cut itself was made by the analysis; this says so, at the function that stays."""
    yield from report_cut(view, RULE)
