"""Code outside the run of the corpus's programs, of which the codemod knows nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

R = TypeVar("R")


def apply(function: Callable[[str], R], text: str) -> R:
    """Call a function that it was handed."""
    return function(text)


def registered(function: Callable[..., R]) -> Callable[..., R]:
    """A decorator as frameworks have them."""
    return function
