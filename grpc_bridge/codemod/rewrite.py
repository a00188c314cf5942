"""Step 6, rewrite: make a module's edits, joined to its text by position, and verify.

Most are made in the text itself; only for what is left LibCST reads the file, or the part of it that matters.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from .insert import insert
from .prune import LINE, Unfit, prune, whole
from .rules.base import Plan


class RewriteError(Exception):
    """The rewritten file would not be what was planned; it is left alone."""


def rewrite(plan: Plan) -> str:
    """The module's text with all of its edits made."""
    source = plan.module.source
    lines, edits = insert(LINE.findall(source.text), source.tree, plan.edits)
    text = "".join(lines)
    if edits or plan.imports or plan.names or plan.released:
        from .concrete import ConcreteError, edited

        try:
            pruned = prune(lines, source.tree, {edit.key.start[0] for edit in edits})
            text = edited(plan, pruned, edits)
        except (Unfit, ConcreteError):
            text = rewrite_whole(plan)
    try:
        _compile(text, source.path)
    except SyntaxError as error:
        raise RewriteError(_why(plan, error)) from error
    return text


def _compile(text: str, path: Path) -> None:
    with warnings.catch_warnings():
        # As where the file is read: what a linter would say of it is not said here.
        warnings.simplefilter("ignore")
        compile(text, str(path), "exec", dont_inherit=True)


def _why(plan: Plan, error: SyntaxError) -> str:
    """Whose fault it is that the result does not compile: some errors are found by no parser."""
    try:
        _compile(plan.module.source.text, plan.module.source.path)
    except SyntaxError as found:
        return f"it does not compile as it is: {found.msg} (line {found.lineno})"
    return f"the result does not compile: {error.msg} (line {error.lineno})"


def rewrite_whole(plan: Plan) -> str:
    """The same, with all of the module read by LibCST."""
    from .concrete import ConcreteError, edited

    try:
        return edited(plan, whole(plan.module.source.text), plan.edits)
    except ConcreteError as error:
        raise RewriteError(str(error)) from error
