"""A name for what a file will become: its content and all that is to be done to it."""

from __future__ import annotations

import hashlib
from functools import partial
from types import FunctionType

from .rules.base import Plan


class _Opaque(Exception):
    """Something that has no text by which it could be told from another."""


def digest(plan: Plan) -> str:
    """The same for the same file with the same edits, in any run; "" where that cannot be said."""
    if not plan.edits:
        return ""
    try:
        parts = [
            *(f"{edit.rule} {edit.key} {_text(edit.apply)}" for edit in plan.edits),
            _text(plan.imports),
            _text(plan.released),
            _text(plan.names),
            _text(plan.helpers),
        ]
    except _Opaque:
        return ""
    source = plan.module.source
    return hashlib.sha256(source.data + "\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _text(value: object) -> str:
    if value is None or isinstance(value, (str, int, bytes)):
        return repr(value)
    if isinstance(value, (set, frozenset)):
        return "{" + ",".join(sorted(_text(item) for item in value)) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_text(item) for item in value) + "]"
    if isinstance(value, dict):
        return _text([f"{_text(key)}:{_text(item)}" for key, item in sorted(value.items())])
    if isinstance(value, partial):
        return f"{_text(value.func)}({_text(value.args)},{_text(value.keywords)})"
    if isinstance(value, FunctionType) and value.__closure__ is None:
        return f"{value.__module__}.{value.__qualname__}"
    raise _Opaque
