"""What the rules for queues, locks, events and threads share: where they are made, declared and used."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from functools import partial

from ..later import cst
from ..primitives import NAMES, Primitive, Use, declares
from ..values import Ext
from .base import Edit, Rule, View
from .syntax import name as syntax_name
from .syntax import renamed


def taken(view: View, kinds: Collection[str]) -> list[Primitive]:
    """Those of some kinds that become asyncio's, in the order in which they are made."""
    counterparts = view.colours.counterparts
    return [p for p in counterparts.primitives if p in counterparts.taken and p.kind in kinds]


def uses(view: View, kinds: Collection[str]) -> Iterator[tuple[Primitive, Use]]:
    """Their uses in the function of the view."""
    for primitive in taken(view, kinds):
        for use in primitive.uses:
            if use.fn is view.fn and use.place not in view.plan.claimed:
                yield primitive, use


def make(view: View, rule: Rule, kinds: Collection[str]) -> Iterator[Edit]:
    """`queue.Queue()` becomes `asyncio.Queue()`."""
    for primitive in taken(view, kinds):
        for made, maker in zip(primitive.made, primitive.makers, strict=True):
            if maker is view.fn and made not in view.plan.claimed:
                view.plan.imports.add("asyncio")
                view.release(made)
                name = NAMES[primitive.kind]
                call = isinstance(made, ast.Call)
                change = partial(renamed, function=name) if call else partial(named, name=name)
                yield view.edit(rule, type(made).__name__, made, change)


def declared(view: View, rule: Rule, kinds: Collection[str]) -> Iterator[Edit]:
    """`jobs: queue.Queue` becomes `jobs: asyncio.Queue`."""
    node = view.fn.node
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return
    for primitive in taken(view, kinds):
        names = {
            use.node.id for use in primitive.uses if use.fn is view.fn and isinstance(use.node, ast.Name)
        }
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        found = [arg.annotation for arg in arguments if arg.arg in names]
        for made in primitive.made:
            parent = view.graph.parents[made]
            if isinstance(parent, ast.AnnAssign) and view.fn in primitive.makers:
                found.append(parent.annotation)
        for annotation in found:
            for kind in NAMES:
                if declares(kind, primitive.kind):
                    yield from annotated(view, rule, kind, annotation)


def annotated(view: View, rule: Rule, kind: str, annotation: ast.expr | None) -> Iterator[Edit]:
    for part in ast.walk(annotation) if annotation is not None else ():
        if part in view.plan.claimed:
            continue
        if isinstance(part, (ast.Name, ast.Attribute)) and Ext(kind) in view.facts.of(part):
            view.plan.claimed.add(part)
            view.plan.imports.add("asyncio")
            view.release(part)
            yield view.edit(rule, type(part).__name__, part, partial(named, name=NAMES[kind]))
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            view.plan.claimed.add(part)
            view.plan.imports.add("asyncio")
            module, _, last = kind.partition(".")
            view.plan.released.update({module: 1, last: 1})
            yield view.edit(rule, "SimpleString", part, partial(spelt, old=kind, new=NAMES[kind]))


def named(_: cst.BaseExpression, name: str) -> cst.BaseExpression:
    return syntax_name(name)


def spelt(node: cst.SimpleString, old: str, new: str) -> cst.SimpleString:
    module, _, last = old.partition(".")
    return node.with_changes(value=re.sub(rf"(?<![\w.])({module}\.)?{last}\b", new, node.value))


def report_kept(view: View, rule: Rule, kinds: Collection[str]) -> None:
    """A finding for what stays as it is although coroutines use it."""
    counterparts = view.colours.counterparts
    for primitive in counterparts.primitives:
        if (
            primitive.kind not in kinds
            or primitive in counterparts.taken
            or primitive not in counterparts.relevant
        ):
            continue
        made = primitive.made[0] if primitive.made else None
        concerned = [use.fn for use in primitive.uses if use.waits or use.form in ("with", "iter")]
        if (
            made is None
            or primitive.makers[0] is not view.fn
            or not any(map(view.colours.is_async, concerned))
        ):
            continue
        view.report(rule, made, f"{called(view, made)} stays a {primitive.kind}: {primitive.trouble}")


def called(view: View, made: ast.expr) -> str:
    """What a person calls that which is made here."""
    parent = view.graph.parents[made]
    targets = parent.targets if isinstance(parent, ast.Assign) else [getattr(parent, "target", None)]
    named = targets[0] if isinstance(parent, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) else None
    return ast.unparse(named) if isinstance(named, (ast.Name, ast.Attribute)) else "this"
