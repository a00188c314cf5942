"""What a process has to do around ``os.fork``.

Before it, every poller steps out of C-core: C-core gets itself ready for a fork only while no other
thread is inside. After it, the child starts afresh: the threads, loops and connections of its parent
are not its own. A channel notices by the generation, and makes itself a transport that shares nothing
with the parent's. What the parent made is left alone: ending it here would end it there.
"""

from __future__ import annotations

import os
from collections.abc import Callable

_before: list[Callable[[], None]] = []
_after_in_parent: list[Callable[[], None]] = []
_after_in_child: list[Callable[[], None]] = []

#: How many forks lie between the first process and this one.
generation = 0

_left_behind: list[object] = []


def register(
    *,
    before: Callable[[], None] | None = None,
    after_in_parent: Callable[[], None] | None = None,
    after_in_child: Callable[[], None] | None = None,
) -> None:
    """Call these around every fork, `before` in reverse order."""
    for hooks, hook in (
        (_before, before),
        (_after_in_parent, after_in_parent),
        (_after_in_child, after_in_child),
    ):
        if hook is not None:
            hooks.append(hook)


def leave_behind(what: object) -> None:
    """Keep something of the parent's from being ended by the garbage collector."""
    _left_behind.append(what)


def _run_before() -> None:
    for hook in reversed(_before):
        hook()


def _run_after_in_parent() -> None:
    for hook in _after_in_parent:
        hook()


def _run_after_in_child() -> None:
    global generation
    generation += 1
    for hook in _after_in_child:
        hook()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_run_before, after_in_parent=_run_after_in_parent, after_in_child=_run_after_in_child
    )
