"""LibCST for the rules, imported when something of it is used.

It takes as long to import as all the rest of the codemod, and most runs have little or nothing for it to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["cst"]

if TYPE_CHECKING:
    import libcst as cst
else:

    class _Later:
        def __getattr__(self, name: str) -> Any:
            import libcst

            return getattr(libcst, name)

    cst = _Later()
