"""A function under a decorator that is not understood stays sync."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Edit, Rule, View, report_cut

RULE = Rule(
    id="GB705",
    slug="cut-decorator",
    sentence="A function under a decorator that is not understood stays sync.",
    before="""\
@app.route("/orders")
def orders():
    return render(stub.List(Empty()))
""",
    after="",
    remedy="Write the decorator so that it takes coroutines, and have its file in the run.",
)


def match(view: View) -> Iterator[Edit]:
    """The cut itself was made by the analysis; this says so, at the function that stays."""
    yield from report_cut(view, RULE)
