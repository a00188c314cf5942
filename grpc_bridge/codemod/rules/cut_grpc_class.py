"""An interceptor, or another class that gRPC calls, stays sync; it serves both colours."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Edit, Rule, View, report_cut

RULE = Rule(
    id="GB708",
    slug="cut-grpc-class",
    sentence="An interceptor, or another class that gRPC calls, stays sync; it serves both colours.",
    before="""\
class Auth(grpc.UnaryUnaryClientInterceptor):
    def intercept_unary_unary(self, continuation, details, request):
        request.token = self._stub.Get(Empty()).text
        return continuation(details, request)
""",
    after="",
    remedy="Nothing has to be done; for speed, write it against grpc.aio when every caller is a coroutine.",
)


def match(view: View) -> Iterator[Edit]:
    """The cut itself was made by the analysis; this says so, at the function that stays."""
    yield from report_cut(view, RULE)
