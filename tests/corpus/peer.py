"""What the peer of the corpus's programs answers."""

from __future__ import annotations

import threading

import grpc

from tests.protos.exchange_pb2 import Reply
from tests.protos.exchange_pb2_grpc import ExchangeServicer, add_ExchangeServicer_to_server

__all__ = ["Peer", "add_ExchangeServicer_to_server"]


class Peer(ExchangeServicer):
    """Answers in capitals, doubles numbers, and refuses what is negative; `failures` come first."""

    def __init__(self, failures: int = 0) -> None:
        self._failures = failures
        self._lock = threading.Lock()

    def Ask(self, request, context):
        with self._lock:
            failing, self._failures = self._failures > 0, max(0, self._failures - 1)
        if failing:
            context.abort(grpc.StatusCode.UNAVAILABLE, "try again")
        if request.number < 0:
            context.abort(grpc.StatusCode.OUT_OF_RANGE, "below zero")
        return Reply(text=request.text.upper(), number=request.number * 2)

    def Watch(self, request, context):
        for number in range(abs(request.number)):
            yield Reply(text=request.text.upper(), number=number)
        if request.number < 0:
            context.abort(grpc.StatusCode.DATA_LOSS, "the rest is lost")

    def Collect(self, request_iterator, context):
        return Reply(number=sum(request.number for request in request_iterator))

    def Talk(self, request_iterator, context):
        for request in request_iterator:
            if request.text == "refuse":
                context.abort(grpc.StatusCode.PERMISSION_DENIED, "refused")
            yield Reply(text=request.text.upper(), number=request.number * 2)
