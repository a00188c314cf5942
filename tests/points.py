"""Await points: something is done at one of them, and a test goes through all, one run for each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Act = Callable[[], object]

MANY_POINTS = 100
"""More than any program in the tests has."""


class Points:
    """Counts the points at which the awaitables given to it wait; acts at one of them, `at`, from 0.

    `moment` says when: "before" the wait begins, "during" it (one turn of the loop later), or "at its end",
    in the turn in which what is waited for has come.
    """

    MOMENTS = ("before", "during", "at its end")

    def __init__(self, at: int, moment: str, act: Act) -> None:
        self._at, self._moment, self._act = at, moment, act
        self._passed = 0
        self.acted = False

    def __call__(self, awaitable: Awaitable[T]) -> _Through[T]:
        """The same awaitable, its points counted."""
        return _Through(self, awaitable)

    def come_to(self, waited_for: asyncio.Future[Any] | None = None) -> None:
        """A point has been reached; None where there is nothing to wait for but the loop's next turn."""
        at_this = self._passed == self._at
        self._passed += 1
        if not at_this:
            return
        if self._moment == "before":
            self._do()
        elif self._moment == "during" or waited_for is None:
            asyncio.get_running_loop().call_soon(self._do)
        else:
            # Before the task's own callback: it is woken, and this has come first.
            waited_for.add_done_callback(lambda _: self._do())

    def _do(self) -> None:
        self.acted = True
        self._act()


class _Through(Generic[T]):
    def __init__(self, points: Points, awaitable: Awaitable[T]) -> None:
        self._points, self._awaitable = points, awaitable

    def __await__(self) -> Generator[Any, Any, T]:
        steps = self._awaitable.__await__()
        error: BaseException | None = None
        waited_for: asyncio.Future[Any] | None = None
        try:
            while True:
                waited_for = next(steps) if error is None else steps.throw(error)
                self._points.come_to(waited_for)
                try:
                    yield waited_for
                    error = None
                except GeneratorExit:
                    # As `await` does: the collector may have closed what is inside already.
                    steps.close()
                    raise
                except BaseException as thrown:
                    error = thrown
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        finally:
            error = waited_for = None  # their traceback holds this very frame
