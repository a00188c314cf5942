"""The annotations of what became asynchronous say so: an `Iterator` is an `AsyncIterator`, and so on."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import partial

from ..index import dotted, own_nodes
from ..later import cst
from ..sites import CallSite, IterateSite, WithSite
from ..values import Box, Func, Maker, Manager
from .async_for import drives
from .base import Edit, Rule, View
from .syntax import name as syntax_name

RULE = Rule(
    id="GB213",
    slug="async-annotations",
    sentence="Annotations of what became asynchronous say so.",
    before="""\
def watch(stub: GreeterStub) -> Iterator[Reply]:
    yield from stub.Watch(request)


def show(replies: Iterable[Reply], render: Callable[[Reply], str]) -> None:
    for reply in replies:
        print(render(reply))
""",
    after="""\
async def watch(stub: GreeterStub) -> AsyncIterator[Reply]:
    async for item in stub.Watch(request):
        yield item


async def show(replies: AsyncIterable[Reply], render: Callable[[Reply], Awaitable[str]]) -> None:
    async for reply in replies:
        print(await render(reply))
""",
)

STREAMS = {"Iterator": "AsyncIterator", "Iterable": "AsyncIterable", "Generator": "AsyncGenerator"}
MANAGERS = {
    "ContextManager": "AsyncContextManager",
    "AbstractContextManager": "AbstractAsyncContextManager",
}
CALLABLE = {"Callable": "Awaitable"}
HOMES = frozenset({"typing", "typing_extensions", "collections.abc", "contextlib"})
TYPE_COMMENT = re.compile(r"(#\s*type:\s*\(.*\)\s*->\s*)(.+)")
HEAD = re.compile(r"^((?:Optional\[)?(?:\w+\.)*)(\w+)")


def match(view: View) -> Iterator[Edit]:
    node = view.fn.node
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return
    if (view.becomes_async and view.fn.is_generator) or hands_on_stream(view):
        if node.returns is not None:
            yield from convert(view, node.returns, STREAMS)
        else:
            yield from type_comment(view, node)
    elif node.returns is not None and (table := returned(view)) is not None:
        yield from convert(view, node.returns, table)
    if view.is_async:
        yield from parameters(view, node)


def returned(view: View) -> Mapping[str, str] | None:
    """What the annotation of a function becomes that returns another, or a context manager, that awaits."""
    values = {
        value
        for node in own_nodes(view.fn)
        if isinstance(node, ast.Return) and node.value is not None
        for value in view.facts.of(node.value)
        # What is annotated says what is returned; the colour is that of what is returned in fact.
        if not isinstance(value, (Box, Maker))
    }
    if values and all(isinstance(v, Manager) and view.colours.is_async(v.fn) for v in values):
        return MANAGERS
    if values and all(
        isinstance(v, Func) and view.colours.is_async(fn := view.facts.target(v)) and not fn.is_async
        for v in values
    ):
        return CALLABLE
    return None


def hands_on_stream(view: View) -> bool:
    """True for a plain function that starts a stream which coroutines read."""
    fn = view.fn
    if fn.is_async or fn.is_generator or fn in view.colours.waiting or fn not in view.graph.creators:
        return False
    readers = [
        site.fn
        for sites in view.graph.sites.values()
        for site in sites
        if isinstance(site, IterateSite) and fn in site.origins
    ]
    return bool(readers) and all(view.colours.is_async(reader) for reader in readers)


def parameters(view: View, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Edit]:
    """Parameters that are iterated or called, and awaited."""
    args = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    declared = {arg.arg: arg.annotation for arg in args if arg.annotation is not None}
    wanted: dict[str, Mapping[str, str]] = {}
    for site in view.graph.of(view.fn):
        if isinstance(site, IterateSite) and isinstance(site.iterable, ast.Name) and drives(view, site):
            wanted[site.iterable.id] = STREAMS
        elif isinstance(site, CallSite) and view.spelling(site) == "await":
            wanted[dotted(site.node.func)] = CALLABLE
        elif isinstance(site, WithSite) and any(map(view.colours.is_async, site.callees)):
            entered = site.node.items[site.item].context_expr
            if isinstance(entered, ast.Name):
                wanted[entered.id] = MANAGERS
    for name, table in wanted.items():
        if name in declared:
            yield from convert(view, declared[name], table)


def convert(view: View, node: ast.expr, table: Mapping[str, str]) -> Iterator[Edit]:
    """The edits that make an annotation say what `table` makes of it."""
    if isinstance(node, ast.BinOp):
        yield from convert(view, node.left, table)
        yield from convert(view, node.right, table)
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        found = HEAD.match(node.value)
        if found and found[2] in table and table is not CALLABLE:
            ask_for(view, found[2], table[found[2]], qualified="." in found[1])
            yield view.edit(RULE, "SimpleString", node, partial(in_string, table=table))
        return
    head = node.value if isinstance(node, ast.Subscript) else node
    last = dotted(head).rpartition(".")[2]
    if isinstance(node, ast.Subscript) and last in ("Optional", "Union"):
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for part in inner:
            yield from convert(view, part, table)
        return
    if last not in table or not isinstance(head, (ast.Name, ast.Attribute)) or head in view.plan.claimed:
        return
    if home(view, head) is None:
        return
    view.plan.claimed.add(head)
    ask_for(view, last, table[last], qualified=isinstance(head, ast.Attribute))
    if table is CALLABLE:
        if isinstance(node, ast.Subscript):
            prefix = dotted(head).removesuffix(last)
            yield view.edit(RULE, "Subscript", node, partial(await_result, awaitable=f"{prefix}Awaitable"))
    elif isinstance(node, ast.Subscript):
        yield view.edit(RULE, "Subscript", node, partial(rename_generic, counterpart=table[last]))
    else:
        yield view.edit(RULE, type(node).__name__, node, partial(rename, counterpart=table[last]))


def home(view: View, head: ast.Name | ast.Attribute) -> str | None:
    """The module of the standard library that an annotation's name is from."""
    prefix, _, last = dotted(head).rpartition(".")
    for node in view.module.imports:
        for alias in node.names:
            bound = alias.asname or alias.name
            if isinstance(node, ast.Import):
                if prefix and bound == prefix and alias.name in HOMES:
                    return alias.name
            elif not prefix and bound == last and node.module in HOMES:
                return node.module
            elif prefix and bound == prefix and f"{node.module}.{alias.name}" in HOMES:
                return f"{node.module}.{alias.name}"
    return None


def ask_for(view: View, old: str, new: str, qualified: bool) -> None:
    """See to it that the new name is imported as the old one is, and the old one only while it is used."""
    module = None if qualified else home(view, ast.Name(old))
    if module is not None:
        view.plan.names.add((module, new))
        if new != "Awaitable":
            view.plan.released[old] = view.plan.released.get(old, 0) + 1


def type_comment(view: View, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Edit]:
    """`# type: (...) -> Iterator[int]` on the head of a function or under it."""
    for line in view.module.lines[node.lineno - 1 : node.body[0].lineno]:
        found = TYPE_COMMENT.search(line)
        named = HEAD.match(found[2]) if found else None
        if named and named[2] in STREAMS:
            ask_for(view, named[2], STREAMS[named[2]], qualified="." in named[1])
            yield view.edit(RULE, "FunctionDef", node, in_comment)
            return


# Rewriting


def rename(node: cst.Name | cst.Attribute, counterpart: str) -> cst.Name | cst.Attribute:
    if isinstance(node, cst.Attribute):
        return node.with_changes(attr=cst.Name(counterpart))
    return node.with_changes(value=counterpart)


def rename_generic(node: cst.Subscript, counterpart: str) -> cst.Subscript:
    """An asynchronous generator returns nothing: its third parameter goes."""
    assert isinstance(node.value, (cst.Name, cst.Attribute))
    elements = list(node.slice)
    if counterpart == "AsyncGenerator" and len(elements) == 3:
        elements = [elements[0], elements[1].with_changes(comma=cst.MaybeSentinel.DEFAULT)]
    return node.with_changes(value=rename(node.value, counterpart), slice=elements)


def await_result(node: cst.Subscript, awaitable: str) -> cst.Subscript:
    *before, last = node.slice
    if not isinstance(last.slice, cst.Index):
        return node
    wrapped = cst.Subscript(
        value=syntax_name(awaitable), slice=[cst.SubscriptElement(cst.Index(last.slice.value))]
    )
    return node.with_changes(slice=[*before, last.with_changes(slice=cst.Index(wrapped))])


def in_text(text: str, table: Mapping[str, str]) -> str:
    found = HEAD.match(text)
    if found is None or found[2] not in table:
        return text
    rest = text[found.end() :]
    if found[2] == "Generator":
        try:
            tree = ast.parse(f"_{rest}", mode="eval").body
        except SyntaxError:
            return text
        if (
            isinstance(tree, ast.Subscript)
            and isinstance(tree.slice, ast.Tuple)
            and len(tree.slice.elts) == 3
        ):
            _, second, third = tree.slice.elts
            rest = rest[: (second.end_col_offset or 0) - 1] + rest[(third.end_col_offset or 0) - 1 :]
    return f"{found[1]}{table[found[2]]}{rest}"


def in_string(node: cst.SimpleString, table: Mapping[str, str]) -> cst.SimpleString:
    quote = node.quote
    start = len(node.prefix) + len(quote)
    text = node.value[start : -len(quote)]
    return node.with_changes(value=f"{node.value[:start]}{in_text(text, table)}{quote}")


def in_comment(node: cst.FunctionDef) -> cst.FunctionDef:
    """The type comment is behind the colon, or the first thing under it."""

    def spelt(comment: cst.Comment) -> cst.Comment:
        found = TYPE_COMMENT.match(comment.value)
        return comment.with_changes(value=found[1] + in_text(found[2], STREAMS)) if found else comment

    body = node.body
    if not isinstance(body, cst.IndentedBlock):
        return node
    if body.header.comment is not None:
        header = body.header.with_changes(comment=spelt(body.header.comment))
        body = body.with_changes(header=header)
    first = body.body[0]
    lines = getattr(first, "leading_lines", ())
    fresh = [line.with_changes(comment=spelt(line.comment)) if line.comment else line for line in lines]
    if fresh:
        body = body.with_changes(body=[first.with_changes(leading_lines=fresh), *body.body[1:]])
    return node.with_changes(body=body)
