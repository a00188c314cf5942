"""The differences from grpcio that parity tests accept: each is an entry of docs/differences.md.

Anything else that differs is a bug, and known bugs stand here too until they are mended. An entry that no run
shows any more fails the tests: both lists stay true.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    number: int
    """The entry's number in docs/differences.md, which explains it to users."""

    scenario: str
    leg: str
    """`threads` or `coroutine`."""

    observation: str
    """The name under which the scenario records the value."""

    value: str
    """What this leg observes, as the record shows it, in place of grpcio's value."""


DIFFERENCES: tuple[Difference, ...] = (
    Difference(1, "server_streaming", "coroutine", "the error is the call", "False"),
    Difference(2, "context_members", "coroutine", "what ends the requests", "CancelledError"),
)

BUGS: dict[tuple[str, str], str] = {}
"""Legs that differ and must not: expected to fail until they are mended, and then to be taken out of here."""
