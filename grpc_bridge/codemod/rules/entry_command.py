"""A command that awaits stays a plain function, and runs a coroutine that does its work."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from ..index import own_nodes
from ..later import cst
from .base import Edit, Rule, View
from .syntax import async_, keyword, spaced
from .syntax import name as syntax_name

RULE = Rule(
    id="GB506",
    slug="entry-command",
    sentence="A command that awaits stays a plain function, and runs a coroutine that does its work.",
    before="""\
@click.command()
@click.argument("name")
def greet(name):
    \"\"\"Greet somebody.\"\"\"
    print(stub.Hi(Request(name=name)).text)
""",
    after="""\
@click.command()
@click.argument("name")
def greet(name):
    \"\"\"Greet somebody.\"\"\"
    asyncio.run(_greet(name))


async def _greet(name):
    print((await stub.Hi(Request(name=name))).text)
""",
)


def match(view: View) -> Iterator[Edit]:
    fn = view.fn
    if fn not in view.colours.entries or not view.becomes_async or not isinstance(fn.node, ast.FunctionDef):
        return
    view.plan.imports.add("asyncio")
    returns = any(isinstance(node, ast.Return) and node.value is not None for node in own_nodes(fn))
    change = partial(split, inner=free_name(view), returns=returns)
    yield view.edit(RULE, "FunctionDef", fn.node, change)
    if ast.get_docstring(fn.node) is not None:
        # It is looked at where it stands.
        yield view.edit(RULE, "SimpleStatementLine", fn.node.body[0], keep)


def free_name(view: View) -> str:
    name = view.fn.name
    wanted = [f"_{name}", f"_async_{name}", f"_{name}_coroutine"]
    return next(free for free in wanted if free not in view.module.top.bound)


def keep(node: cst.SimpleStatementLine) -> cst.SimpleStatementLine:
    return node


def split(node: cst.FunctionDef, inner: str, returns: bool) -> cst.FlattenSentinel[cst.FunctionDef]:
    """The command, which calls the coroutine; and the coroutine, which has its body."""
    docstring: list[cst.BaseStatement] = []
    body = node.body
    if isinstance(body, cst.IndentedBlock) and is_docstring(body.body[0]) and len(body.body) > 1:
        docstring = [body.body[0]]
        second = body.body[1]
        lines = [line for line in getattr(second, "leading_lines", ()) if line.comment is not None]
        body = body.with_changes(body=[second.with_changes(leading_lines=lines), *body.body[2:]])
    call = cst.Call(syntax_name("asyncio.run"), [cst.Arg(cst.Call(cst.Name(inner), passed_on(node.params)))])
    run: cst.BaseSmallStatement = cst.Return(call) if returns else cst.Expr(call)
    block = cst.IndentedBlock(
        [*docstring, cst.SimpleStatementLine([run])],
        indent=body.indent if isinstance(body, cst.IndentedBlock) else None,
    )
    coroutine = node.with_changes(
        name=cst.Name(inner),
        params=without_defaults(node.params),
        body=body,
        decorators=[],
        asynchronous=async_(),
        leading_lines=[cst.EmptyLine(indent=False)] * 2,
    )
    return cst.FlattenSentinel([node.with_changes(body=block), coroutine])


def is_docstring(node: cst.CSTNode) -> bool:
    if not isinstance(node, cst.SimpleStatementLine) or not isinstance(node.body[0], cst.Expr):
        return False
    return isinstance(node.body[0].value, (cst.SimpleString, cst.ConcatenatedString))


def passed_on(params: cst.Parameters) -> list[cst.Arg]:
    """The arguments that hand every parameter on."""
    args = [cst.Arg(param.name) for param in (*params.posonly_params, *params.params)]
    if isinstance(params.star_arg, cst.Param):
        args.append(cst.Arg(params.star_arg.name, star="*"))
    args += [keyword(param.name.value, param.name) for param in params.kwonly_params]
    if params.star_kwarg is not None:
        args.append(cst.Arg(params.star_kwarg.name, star="**"))
    return spaced(args)


def without_defaults(params: cst.Parameters) -> cst.Parameters:
    """Every argument is given, so nothing has a default."""
    bare = {
        field: [
            param.with_changes(default=None, equal=cst.MaybeSentinel.DEFAULT)
            for param in getattr(params, field)
        ]
        for field in ("params", "kwonly_params", "posonly_params")
    }
    return params.with_changes(**bare)
