"""What some versions of Python and grpcio promise and others do not, as far as tests ask for it."""

from __future__ import annotations

import sys
from typing import Any

import grpc
import pytest

resets_are_heard = pytest.mark.skipif(
    tuple(map(int, grpc.__version__.split(".")[:2])) < (1, 80),
    reason="before grpcio 1.80 C-core now and then does not tell an RPC that its connection was reset",
)


def told_across_tasks(message: str) -> tuple[Any, ...]:
    """The arguments of the CancelledError of an awaited task that was cancelled with a message.

    Python 3.10 loses the message on the way from one task to the other.
    """
    return (message,) if sys.version_info >= (3, 11) else ()
