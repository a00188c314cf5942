"""The strings that an expression may be, where a name is looked up by one: `getattr(stub, method)`.

Asked for from the place of the look-up backwards, so that a program that looks nothing up pays nothing:
a parameter collects its texts from the calls of its function, from then on. What is not known to be one of
a few strings is not known at all.
"""

from __future__ import annotations

import ast
from abc import ABC
from itertools import islice, product

from .evaluate import Evaluator, Frame
from .index import Function, own_nodes
from .nodes import defaults
from .values import Cls, Ext, Func, Inst, Value, Values

Texts = frozenset[str] | None
"""What a string may be, as far as is known; None where it may be anything."""

UNKNOWN = Ext("a text that is not known")
METHODS = frozenset({"capitalize", "lower", "strip", "title", "upper"})
MAX_TEXTS = 32
MAX_DEPTH = 12


class TextEvaluator(Evaluator, ABC):
    """Texts of expressions; calls are in `calls.CallEvaluator`."""

    def texts(self, node: ast.expr, frame: Frame) -> Texts:
        """The strings that `node` may be, of those that are known so far."""
        found = self._texts(node, frame.scope, 0)
        return found if found is None or len(found) <= MAX_TEXTS else None

    def _texts(self, node: ast.expr, scope: Function, depth: int) -> Texts:
        if depth > MAX_DEPTH:
            return None
        if isinstance(node, ast.Constant):
            return frozenset({node.value}) if isinstance(node.value, str) else None
        if isinstance(node, ast.Name):
            return self._of_name(node.id, scope, depth)
        if isinstance(node, ast.JoinedStr):
            return self._joined([self._texts(part, scope, depth + 1) for part in node.values])
        if isinstance(node, ast.FormattedValue):
            plain = node.conversion == -1 and node.format_spec is None
            return self._texts(node.value, scope, depth + 1) if plain else None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._joined([self._texts(side, scope, depth + 1) for side in (node.left, node.right)])
        if isinstance(node, ast.IfExp):
            return self._either([node.body, node.orelse], scope, depth)
        if isinstance(node, ast.BoolOp):
            return self._either(node.values, scope, depth)
        if isinstance(node, ast.Subscript):
            return self._inside(node.value, scope, depth + 1, values=True)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
            texts = self._texts(node.func.value, scope, depth + 1) if node.func.attr in METHODS else None
            return None if texts is None else frozenset(getattr(text, node.func.attr)() for text in texts)
        return None

    def _joined(self, parts: list[Texts]) -> Texts:
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        return frozenset("".join(chosen) for chosen in islice(product(*known), MAX_TEXTS + 1))

    def _either(self, nodes: list[ast.expr], scope: Function, depth: int) -> Texts:
        found: set[str] = set()
        for node in nodes:
            texts = self._texts(node, scope, depth + 1)
            if texts is None:
                return None
            found |= texts
        return frozenset(found)

    def _of_name(self, name: str, scope: Function, depth: int) -> Texts:
        owner = self.owner_of(name, scope)
        if name not in owner.bound or any(name in fn.outer for fn in owner.module.functions):
            return None
        if any(arg.arg == name for arg in _parameters(owner)):
            return self._of_parameter(owner, name)
        found: set[str] = set()
        for bound, loops in _bindings(owner, name):
            texts = None
            if bound is not None and loops:
                texts = self._inside(bound, owner, depth + 1)
            elif bound is not None:
                texts = self._texts(bound, owner, depth + 1)
            if texts is None:
                return None
            found |= texts
        return frozenset(found)

    def _inside(self, node: ast.expr, scope: Function, depth: int, values: bool = False) -> Texts:
        """What is in a container: what a loop over it gives or, with `values`, what indexing it gives."""
        if depth > MAX_DEPTH:
            return None
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            return self._either(node.elts, scope, depth)
        if isinstance(node, ast.Dict):
            parts = node.values if values else node.keys
            return self._either([part or ast.Constant(None) for part in parts], scope, depth)
        if isinstance(node, ast.Name):
            owner = self.owner_of(node.id, scope)
            bindings = list(_bindings(owner, node.id)) if node.id in owner.bound else []
            if len(bindings) == 1 and bindings[0][0] is not None and not bindings[0][1]:
                return self._inside(bindings[0][0], owner, depth + 1, values)
        return None

    def _of_parameter(self, fn: Function, name: str) -> Texts:
        wanted = self.wanted.setdefault(fn, set())
        if name not in wanted:
            wanted.add(name)
            # The calls of it were evaluated when nobody asked for their texts.
            self.restructure()
        known = self.known(("text", fn, name))
        if UNKNOWN in known:
            return None
        return frozenset(value.path for value in known if isinstance(value, Ext))

    # What calls pass

    def pass_texts(self, callees: Values, node: ast.Call, frame: Frame) -> None:
        """Learn the texts of parameters that are asked for, from one call."""
        for callee in callees if self.wanted else ():
            fn, given = _called(callee)
            if fn is None or fn not in self.wanted:
                continue
            self.spelled.add((fn, node))
            passed = _passed(fn, given, node)
            for name in self.wanted[fn]:
                argument = passed.get(name) if passed is not None else None
                self.learn_texts(fn, name, None if argument is None else self.texts(argument, frame))

    def pass_unknown_texts(self, fn: Function, node: ast.Call | None) -> None:
        """Learn that arguments come from where nobody follows them, unless `pass_texts` saw the call."""
        if fn in self.wanted and (node is None or (fn, node) not in self.spelled):
            for name in self.wanted[fn]:
                self.learn_texts(fn, name, None)

    def give_up_texts(self) -> None:
        """When nothing more is learnt: what nobody passes may be anything."""
        for fn, names in self.wanted.items():
            for name in names:
                if ("text", fn, name) not in self.env:
                    self.learn_texts(fn, name, None)

    def learn_texts(self, fn: Function, name: str, texts: Texts) -> None:
        known: Values = frozenset({UNKNOWN}) if texts is None else frozenset(Ext(text) for text in texts)
        self.learn(("text", fn, name), known)


def affixes(node: ast.expr) -> tuple[str, str]:
    """What a text starts and ends with, as far as that is written there: `f"handle_{kind}"`."""
    if isinstance(node, ast.JoinedStr) and node.values:
        first, last = node.values[0], node.values[-1]
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        first, last = node.left, node.right
    else:
        return "", ""
    start, end = (
        part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else ""
        for part in (first, last)
    )
    return start or (affixes(first)[0] if first is not node else ""), end


def _parameters(fn: Function) -> list[ast.arg]:
    if not isinstance(fn.node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        return []
    args = fn.node.args
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *(a for a in (args.vararg, args.kwarg) if a)]


def _called(callee: Value) -> tuple[Function | None, int]:
    """The function that a call of a value runs, and how many of its arguments it has already."""
    if isinstance(callee, Func):
        return callee.fn, callee.given
    if isinstance(callee, Cls):
        return callee.cls.find_method("__init__"), 1
    if isinstance(callee, Inst):
        return callee.cls.find_method("__call__"), 1
    return None, 0


def _passed(fn: Function, given: int, node: ast.Call) -> dict[str, ast.expr] | None:
    """The argument of each parameter, defaults among them; None where stars hide which is which."""
    if any(isinstance(arg, ast.Starred) for arg in node.args) or any(k.arg is None for k in node.keywords):
        return None
    assert isinstance(fn.node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
    names = [arg.arg for arg in fn.params]
    found: dict[str, ast.expr] = {
        arg.arg: default for arg, default in defaults(fn.node.args) if isinstance(default, ast.Constant)
    }
    found |= dict(zip(names[given:], node.args, strict=False))
    return found | {k.arg: k.value for k in node.keywords if k.arg is not None}


def _bindings(fn: Function, name: str) -> list[tuple[ast.expr | None, bool]]:
    """What a name of `fn` is bound to, with whether a loop binds it; None is something that says no text."""
    found: list[tuple[ast.expr | None, bool]] = []
    explained: set[ast.AST] = set()
    nodes = own_nodes(fn)
    for node in nodes:
        targets: list[ast.expr] = []
        value: ast.expr | None = None
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, (ast.For, ast.comprehension)):
            targets, value = [node.target], node.iter
        elif isinstance(node, ast.AnnAssign):
            targets, value = [node.target], node.value
        for target in targets:
            if isinstance(target, ast.Name) and target.id == name:
                explained.add(target)
                found.append((value, isinstance(node, (ast.For, ast.comprehension))))
    found += [
        (None, False)
        for node in nodes
        if isinstance(node, ast.Name)
        and node.id == name
        and not isinstance(node.ctx, ast.Load)
        and node not in explained
    ]
    bound_otherwise = (ast.Import, ast.ImportFrom, ast.ExceptHandler, ast.FunctionDef, ast.ClassDef)
    if not found or any(isinstance(n, bound_otherwise) and name in _names(n) for n in nodes):
        found.append((None, False))
    return found


def _names(node: ast.AST) -> set[str]:
    """The names that an import, a definition or an exception handler binds."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {alias.asname or alias.name.split(".")[0] for alias in node.names}
    return {str(getattr(node, "name", ""))}
