"""A function stays sync that the user names in `keep_sync`, or keeps by a comment."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Edit, Rule, View, report_cut

RULE = Rule(
    id="GB711",
    slug="cut-kept",
    sentence="A function stays sync that the user names in `keep_sync`, or keeps by a comment.",
    before="""\
# keep_sync = ["client.upload"]
def upload(stub, rows):
    for row in rows:
        stub.Put(row)


def fetch(stub):  # grpc-bridge: keep
    return stub.Get(Request())
""",
    after="",
    remedy="Take the name or the comment away when the function may change.",
)


def match(view: View) -> Iterator[Edit]:
    """The cut itself was made by the analysis; this says so, at the function that stays."""
    yield from report_cut(view, RULE)
