"""`__enter__`/`__exit__` and `__iter__`/`__next__` that await take their asynchronous names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from ..later import cst
from .await_next import rename_stop
from .base import Edit, Rule, View

RULE = Rule(
    id="GB211",
    slug="async-protocol",
    sentence="`__enter__`/`__exit__` and `__iter__`/`__next__` that await take their asynchronous names.",
    before="""\
class Client:
    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._channel.close()
""",
    after="""\
class Client:
    async def __aenter__(self):
        return self

    async def __aexit__(self, *exc):
        await self._channel.close()
""",
)

NAMES = {
    "__enter__": "__aenter__",
    "__exit__": "__aexit__",
    "__iter__": "__aiter__",
    "__next__": "__anext__",
}


def match(view: View) -> Iterator[Edit]:
    fn = view.fn
    if not (view.becomes_async and fn.cls is not None and fn.name in NAMES):
        return
    yield view.edit(RULE, "FunctionDef", fn.node, partial(rename, name=NAMES[fn.name]))
    if fn.name == "__next__":
        for node in ast.walk(fn.node):
            if isinstance(node, ast.Raise) and node.exc is not None:
                raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
                if isinstance(raised, ast.Name) and raised.id == "StopIteration":
                    yield view.edit(RULE, "Name", raised, rename_stop)


def rename(node: cst.FunctionDef, name: str) -> cst.FunctionDef:
    return node.with_changes(name=cst.Name(name))
