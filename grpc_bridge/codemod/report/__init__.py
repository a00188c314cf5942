"""How a run's findings are shown: as text, JSON, SARIF or HTML, by the ending of the file's name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from ..runner import Result


def render(suffix: str, result: Result, written: bool) -> str:
    """The report as the text of a file that ends in `suffix`; `written` says that the tree was changed."""
    # Each has its own needs, jinja2 among them: only the one that is asked for is loaded.
    name = {".txt": "text", ".json": "json", ".sarif": "sarif", ".html": "html"}[suffix]
    return cast(str, import_module(f"{__name__}.{name}").render(result, written))
