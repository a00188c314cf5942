"""A mock in the place of a stub answers as a stub does in a coroutine: an `AsyncMock`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from ..external import MOCKER_FIXTURES
from ..index import Class, Function, Module, dotted, own_nodes
from ..later import cst
from ..mocks import SETTINGS, Answer, Mocks, answer_of, has_spec, is_patch
from ..values import Cls, Ext, Func, Inst, Mod
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

PATCHES = frozenset({"unittest.mock.patch", "unittest.mock.patch.object", "mock.patch", "mock.patch.object"})


def match(view: View) -> Iterator[Edit]:
    mocks = view.graph.mocks
    if mocks is None:
        return
    nodes = sorted(
        own_nodes(view.fn), key=lambda node: (getattr(node, "lineno", 0), getattr(node, "col_offset", 0))
    )
    set_up: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            yield from setting(view, mocks, node, set_up)
        elif isinstance(node, ast.Call) and node not in view.plan.claimed:
            if mocks.is_made(node):
                yield from made(view, mocks, node)
            else:
                yield from patched(view, mocks, node)


def made(view: View, mocks: Mocks, node: ast.Call) -> Iterator[Edit]:
    """`Mock()`, all of whose methods that anybody calls are awaited, or of which some are iterated over."""
    methods = mocks.methods(node, view.colours)
    if not is_ours(view, node, mocks.callers_of(methods)):
        return
    if mocks.whole(node, view.colours):
        yield from renamed_class(view, node, "AsyncMock")
        return
    text = view.module.source.text
    names = {mock.path.rpartition(".")[2]: mock for mock in methods}
    if any("iterated" in methods[mock] and f"{name}.return_value" in text for name, mock in names.items()):
        yield from renamed_class(view, node, "MagicMock")
    for given in node.keywords:
        if given.arg in names:
            yield from replaced(view, mocks, given.value, mocks.answer([names[given.arg]], view.colours))
        elif given.arg is None and isinstance(given.value, ast.Dict):
            for key in given.value.keys:
                name = str(key.value).partition(".")[0] if isinstance(key, ast.Constant) else ""
                if name in names and "plain" not in methods[names[name]] and not has_spec(node):
                    assert key is not None
                    view.report(RULE, key, f"{name} of this mock is awaited or iterated over now", True)


def is_ours(view: View, node: ast.AST, callers: set[Function]) -> bool:
    """True where coroutines call a mock, and nobody else; a finding where others call it too."""
    found = {view.colours.is_async(fn) for fn in callers}
    if found == {True, False}:
        view.report(RULE, node, "coroutines and sync code call this mock; it stays", True)
    return found == {True}


def renamed_class(view: View, node: ast.Call, new: str) -> Iterator[Edit]:
    name = mock_name(view, node.func, new)
    if name != ast.unparse(node.func):
        view.release(node.func)
        yield view.edit(RULE, "Call", node, partial(renamed, function=name))


def setting(view: View, mocks: Mocks, node: ast.Assign, set_up: set[str]) -> Iterator[Edit]:
    """`stub.Get.return_value = reply`, where the whole mock is not asynchronous."""
    target = node.targets[0]
    if isinstance(node.value, ast.Call) and dotted(node.value.func).endswith("AsyncMock"):
        set_up.add(ast.unparse(target))
    if not isinstance(target, ast.Attribute):
        return
    if target.attr not in SETTINGS:
        if mocks.is_made(node.value):
            method = [Ext(f"{value.path}.{target.attr}", value.node) for value in mocks.of(target.value)]
            yield from replaced(view, mocks, node.value, mocks.answer(method, view.colours))
        return
    methods = mocks.of(target.value)
    if any("AsyncMock" in value.path or is_patch(value) for value in methods):
        return
    answer = mocks.answer(methods, view.colours)
    callers = mocks.callers_of(methods)
    if answer is None or not (view.is_async if not callers else all(map(view.colours.is_async, callers))):
        return
    if answer == "iterated":
        if target.attr == "return_value" and mocks.is_plain(methods, view.colours):
            if not mocks.is_made(node.value):
                name = mock_name(view, None, "MagicMock")
                yield view.edit(RULE, "Assign", node, partial(answer_with, name=name))
        elif target.attr == "return_value":
            yield view.edit(RULE, "Attribute", target, iterated)
    elif answer == "awaited" and not all(mocks.is_asynchronous(value, view.colours) for value in methods):
        # The first setting makes the method asynchronous; later ones find it so.
        place = ast.unparse(target.value)
        if place not in set_up:
            set_up.add(place)
            change = partial(make_method, name=mock_name(view, None, "AsyncMock"))
            yield view.edit(RULE, "Assign", node, change)


def replaced(view: View, mocks: Mocks, new: ast.expr, answer: Answer | None) -> Iterator[Edit]:
    """`new` takes the place of what coroutines call."""
    if answer not in ("awaited", "iterated") or is_asynchronous(view, new):
        return
    if mocks.is_made(new) and answer == "awaited":
        view.plan.claimed.add(new)
        yield from renamed_class(view, new, "AsyncMock")
    elif mocks.is_made(new) and not new.args and [k.arg for k in new.keywords] == ["return_value"]:
        view.plan.claimed.add(new)
        view.release(new.func)
        yield view.edit(RULE, "Call", new, partial(iterable, name=mock_name(view, new.func, "MagicMock")))
    else:
        way = "is awaited" if answer == "awaited" else "is iterated over asynchronously"
        view.report(RULE, new, f"what this stands for {way} now", True)


def is_asynchronous(view: View, new: ast.expr) -> bool:
    if isinstance(new, ast.Call) and dotted(new.func).endswith("AsyncMock"):
        return True
    values = view.facts.of(new)
    return bool(values) and all(
        isinstance(v, Func) and view.colours.is_async(view.facts.target(v)) for v in values
    )


def patched(view: View, mocks: Mocks, node: ast.Call) -> Iterator[Edit]:
    """`patch.object(stub, "Get", return_value=reply)`, and pytest's `setattr`, which takes what is new."""
    paths = {value.path for value in view.facts.of(node.func) if isinstance(value, Ext)}
    sets = dotted(node.func) == "monkeypatch.setattr"
    if not (paths & PATCHES or sets) or not node.args:
        return
    where = 1 if isinstance(node.args[0], ast.Constant) else 2
    answer, rpc = place_of(view, node.args[:where])
    given = {k.arg: k.value for k in node.keywords}
    new = given.get("value" if sets else "new") or next(iter(node.args[where:]), None)
    callers = mocks.callers_of(v for v in mocks.callers if v.node is node and is_patch(v))
    if answer is None or not (view.is_async or callers):
        return
    if new is not None:
        yield from replaced(view, mocks, new, answer)
    elif sets or "new_callable" in given or not (is_ours(view, node, callers) or not callers):
        return
    elif answer == "iterated":
        if "return_value" not in given or "autospec" in given:
            view.report(RULE, node, "what this patch returns has to be iterated over asynchronously", True)
        else:
            yield view.edit(RULE, "Call", node, iterable)
    elif rpc:
        change = partial(made_anew, name=mock_name(view, node.func, "AsyncMock"), where=where)
        yield view.edit(RULE, "Call", node, change)


def place_of(view: View, place: list[ast.expr]) -> tuple[Answer | None, bool]:
    """What is done with what is to be found at a patched place; and whether that is an RPC."""
    name = place[-1].value if isinstance(place[-1], ast.Constant) else None
    if not isinstance(name, str):
        return None, False
    owners: set[Module | Class] = set()
    if len(place) == 1:
        head, _, name = name.rpartition(".")
        owner = view.program.lookup(view.module, head)
        owners |= {owner} if owner is not None else set()
    for value in view.facts.of(place[0]) if len(place) > 1 else ():
        if isinstance(value, (Inst, Cls)):
            owners.add(value.cls)
        elif isinstance(value, Mod):
            owners.add(value.module)
    for owner in owners:
        if isinstance(owner, Module):
            functions = (fn for fn in owner.functions if fn.parent is owner.top and fn.cls is None)
            function = next((fn for fn in functions if fn.name == name), None)
        else:
            for ancestor in owner.ancestors():
                if name in ancestor.stub_methods:
                    stream = ancestor.stub_methods[name].endswith("_stream")
                    return ("iterated" if stream else "awaited"), True
            function = owner.find_method(name)
        if function is not None and not view.facts.has_role(function, "contextmanager"):
            return answer_of(function, view.colours), False
    return None, False


def mock_name(view: View, old: ast.expr | None, new: str) -> str:
    """How a class of unittest.mock is written here, beside `old` or beside what is imported."""
    name = dotted(old) if old is not None else ""
    if name == new:
        return new
    head = name.removesuffix(".object").rpartition(".")[0]
    if head:
        return f"{head}.{new}"
    for arg in view.fn.params:
        if arg.arg in MOCKER_FIXTURES:
            return f"{arg.arg}.{new}"
    by_name = [n for n in view.module.imports if getattr(n, "module", "") in ("unittest.mock", "mock")]
    for alias in (alias for node in by_name for alias in node.names):
        if alias.name == new and alias.asname is None:
            return new
    # Beside a bare name, another from the same place.
    for node in [*(by_name if name.endswith("Mock") else ()), *view.module.imports]:
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


def answer_with(node: cst.Assign, name: str) -> cst.Assign:
    """`stub.Watch.return_value = items` where that is a `Mock`, which has no `__aiter__` to set."""
    key = cst.SimpleString('"__aiter__.return_value"')
    mapping = cst.Dict([cst.DictElement(key, node.value)])
    return node.with_changes(value=cst.Call(syntax_name(name), [cst.Arg(mapping, star="**")]))


def make_method(node: cst.Assign, name: str) -> cst.Assign:
    """`stub.Get.return_value = reply` as `stub.Get = AsyncMock(return_value=reply)`."""
    target = node.targets[0].target
    assert isinstance(target, cst.Attribute)
    value = cst.Call(syntax_name(name), [keyword(target.attr.value, node.value)])
    return node.with_changes(targets=[node.targets[0].with_changes(target=target.value)], value=value)


def iterable(node: cst.Call, name: str = "") -> cst.Call:
    """`return_value=items` as what an asynchronous iteration reads, in a call of `name` or of what it is."""
    key = cst.SimpleString('"return_value.__aiter__.return_value"')
    args = [
        cst.Arg(cst.Dict([cst.DictElement(key, arg.value)]), star="**", comma=arg.comma)
        if arg.keyword is not None and arg.keyword.value == "return_value"
        else arg
        for arg in node.args
    ]
    return node.with_changes(func=syntax_name(name) if name else node.func, args=args)


def made_anew(node: cst.Call, name: str, where: int) -> cst.Call:
    """With `new_callable=AsyncMock` behind what is patched."""
    args = [
        *node.args[:where],
        keyword("new_callable", syntax_name(name)),
        *node.args[where:],
    ]
    return node.with_changes(args=spaced(args))
