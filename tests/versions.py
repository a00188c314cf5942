"""What some versions of Python promise and others do not, as far as tests ask for it; all of it is here."""

from __future__ import annotations

import sys
from typing import Any


def told_across_tasks(message: str) -> tuple[Any, ...]:
    """The arguments of the CancelledError of an awaited task that was cancelled with a message.

    Python 3.10 loses the message on the way from one task to the other.
    """
    return (message,) if sys.version_info >= (3, 11) else ()
