"""A mock in the place of a stub answers as a stub does in a coroutine: an `AsyncMock`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from ..index import dotted, own_nodes
from ..later import cst
from ..mocks import SETTINGS, Mocks
from ..values import Cls, Ext, Inst
from .base import Edit, Rule, View
from .syntax import keyword, renamed, spaced
from .syntax import name as syntax_name

RULE = Rule(
    id="GB604",
    slug="async-mock",
    sentence="A mock in the place of a stub answers as a stub does in a coroutine.",
    before="""\
stub = mock.Mock()
stub.Get.return_value = reply
assert fetch(stub) == reply
with mock.patch.object(other, "Get", return_value=reply):
    fetch(other)
with mock.patch("client.OrdersStub") as cls:
    cls.return_value.Place.return_value = receipt
    cls.return_value.Watch.return_value = [event]
""",
    after="""\
stub = mock.AsyncMock()
stub.Get.return_value = reply
assert await fetch(stub) == reply
with mock.patch.object(other, "Get", new_callable=mock.AsyncMock, return_value=reply):
    await fetch(other)
with mock.patch("client.OrdersStub") as cls:
    cls.return_value.Place = mock.AsyncMock(return_value=receipt)
    cls.return_value.Watch.return_value.__aiter__.return_value = [event]
""",
    remedy="Make the method an AsyncMock, or what it returns something to iterate over asynchronously.",
)

OBJECT_PATCHES = frozenset({"unittest.mock.patch.object", "mock.patch.object"})
MAKERS = frozenset({"unittest.mock.Mock", "unittest.mock.MagicMock", "mock.Mock", "mock.MagicMock"})


def match(view: View) -> Iterator[Edit]:
    mocks = view.graph.mocks
    if mocks is None or b"mock" not in view.module.source.data:
        return
    nodes = sorted(
        own_nodes(view.fn), key=lambda node: (getattr(node, "lineno", 0), getattr(node, "col_offset", 0))
    )
    set_up: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Call):
            yield from made(view, mocks, node)
            yield from patched(view, node)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            yield from setting(view, mocks, node, set_up)


def made(view: View, mocks: Mocks, node: ast.Call) -> Iterator[Edit]:
    """`Mock()`, all of whose methods that anybody calls are awaited, or of which some are iterated over."""
    if not any(isinstance(v, Ext) and v.path in MAKERS for v in view.facts.of(node.func)):
        return
    methods = mocks.methods(node)
    callers = {fn for value in methods for fn in mocks.callers[value]}
    if not any(map(view.colours.is_async, callers)):
        return
    if not all(map(view.colours.is_async, callers)):
        view.report(RULE, node, "coroutines and sync code call this mock; it stays", True)
        return
    if whole(mocks, node):
        name = mock_name(view, node.func, "AsyncMock")
    elif any("iterated" in answers for answers in methods.values()):
        name = mock_name(view, node.func, "MagicMock")
    else:
        return
    if name != ast.unparse(node.func):
        view.release(node.func)
        yield view.edit(RULE, "Call", node, partial(renamed, function=name))


def whole(mocks: Mocks, made: ast.AST) -> bool:
    """True where the whole mock may be asynchronous: nothing of it is called in another way."""
    return all(a == {"awaited"} for a in mocks.methods(made).values()) and made not in mocks.others


def setting(view: View, mocks: Mocks, node: ast.Assign, set_up: set[str]) -> Iterator[Edit]:
    """`stub.Get.return_value = reply`, where the whole mock is not asynchronous."""
    target = node.targets[0]
    if isinstance(node.value, ast.Call) and dotted(node.value.func).endswith("AsyncMock"):
        set_up.add(ast.unparse(target))
    if not isinstance(target, ast.Attribute) or target.attr not in SETTINGS:
        return
    method = target.value
    if any("AsyncMock" in value.path for value in mocks.of(method)):
        return
    answer = mocks.answer(method)
    callers = mocks.callers_of(method)
    if answer is None or not (view.is_async if not callers else all(map(view.colours.is_async, callers))):
        return
    if answer == "iterated":
        if target.attr == "return_value":
            yield view.edit(RULE, "Attribute", target, iterated)
    elif not callers or not all(v.node and whole(mocks, v.node) for v in mocks.of(method)):
        # The first setting makes the method asynchronous; later ones find it so.
        place = ast.unparse(method)
        if place not in set_up:
            set_up.add(place)
            change = partial(make_method, name=mock_name(view, None, "AsyncMock"))
            yield view.edit(RULE, "Assign", node, change)


def patched(view: View, node: ast.Call) -> Iterator[Edit]:
    """`patch.object(stub, "Get", return_value=reply)`."""
    paths = {value.path for value in view.facts.of(node.func) if isinstance(value, Ext)}
    if not (view.is_async and paths & OBJECT_PATCHES) or len(node.args) != 2:
        return
    method = node.args[1]
    if any(k.arg in ("new", "new_callable") for k in node.keywords) or not isinstance(method, ast.Constant):
        return
    arities = {
        ancestor.stub_methods.get(str(method.value), "")
        for value in view.facts.of(node.args[0])
        if isinstance(value, (Inst, Cls))
        for ancestor in value.cls.ancestors()
    } - {""}
    if arities and all(arity.endswith("_unary") for arity in arities):
        change = partial(made_anew, name=mock_name(view, None, "AsyncMock"))
        yield view.edit(RULE, "Call", node, change)
    elif arities:
        view.report(RULE, node, "what this patch returns has to be iterated over asynchronously", True)


def mock_name(view: View, old: ast.expr | None, new: str) -> str:
    """How a class of unittest.mock is written here, beside `old` or beside what is imported."""
    if isinstance(old, ast.Name) and old.id == new:
        return new
    if isinstance(old, ast.Attribute):
        return f"{ast.unparse(old.value)}.{new}"
    for node in view.module.imports:
        for alias in node.names:
            if isinstance(node, ast.ImportFrom) and node.module in ("unittest.mock", "mock"):
                view.plan.names.add((node.module, new))
                return new
            if f"{getattr(node, 'module', None) or ''}.{alias.name}".endswith(("unittest.mock", ".mock")):
                return f"{alias.asname or alias.name}.{new}"
    view.plan.imports.add("unittest.mock")
    return f"unittest.mock.{new}"


def iterated(node: cst.Attribute) -> cst.Attribute:
    """`stub.Watch.return_value` as `stub.Watch.return_value.__aiter__.return_value`."""
    inner = cst.Attribute(value=node, attr=cst.Name("__aiter__"))
    return cst.Attribute(value=inner, attr=cst.Name("return_value"))


def make_method(node: cst.Assign, name: str) -> cst.Assign:
    """`stub.Get.return_value = reply` as `stub.Get = AsyncMock(return_value=reply)`."""
    target = node.targets[0].target
    assert isinstance(target, cst.Attribute)
    value = cst.Call(syntax_name(name), [keyword(target.attr.value, node.value)])
    return node.with_changes(targets=[node.targets[0].with_changes(target=target.value)], value=value)


def made_anew(node: cst.Call, name: str) -> cst.Call:
    """With `new_callable=AsyncMock` behind what is patched."""
    args = [
        *node.args[:2],
        keyword("new_callable", syntax_name(name)),
        *node.args[2:],
    ]
    return node.with_changes(args=spaced(args))
