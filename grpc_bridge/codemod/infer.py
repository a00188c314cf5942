"""Step 3, infer: which expressions are channels, stubs, calls, futures, servers, contexts.

An abstract interpreter without context: parameters collect the arguments of all call sites, and a
function is evaluated again when something that it read has grown, until nothing grows. Inside one function
assignments are followed in order, so a name that is used for two things is two things.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from . import external
from .assume import assume
from .decorators import Wrapper
from .evaluate import Frame, State, declared
from .index import Class, Function, Module, Program, is_main_guard
from .nodes import children, defaults
from .targets import TargetEvaluator
from .values import CONTEXT, NOTHING, Box, Cls, Ext, Func, Inst, Mod, Value, Values

MAX_RUNS = 25
"""Of one function; a program of ordinary shape needs two to five."""


@dataclass
class Facts:
    """What inference found, read by the later steps."""

    values: dict[ast.AST, Values] = field(default_factory=dict)
    roles: dict[Function, set[str]] = field(default_factory=dict)
    handlers: dict[Function, str] = field(default_factory=dict)
    fixtures: dict[Function, set[Function]] = field(default_factory=dict)
    properties: dict[ast.AST, set[Function]] = field(default_factory=dict)
    decorated: dict[Function, Values] = field(default_factory=dict)
    interceptors: dict[ast.AST, Values] = field(default_factory=dict)
    """The interceptors that a call of `grpc.server` is given; no entry where it is given none."""
    getters: set[Function] = field(default_factory=set)
    """Functions of which `property(function)` made a property."""
    wrappers: dict[Function, Wrapper] = field(default_factory=dict)
    """The wrappers that decorators of the program return, ..."""
    wrapped: dict[Function, set[Func]] = field(default_factory=dict)
    """... and what these are put around, by the decorator."""
    contents: dict[ast.AST, Values] = field(default_factory=dict)
    """What is in a container, by the expression that makes it."""

    split: frozenset[Function] = frozenset()
    """The wrappers that are looked through: see `decorators`."""

    def target(self, value: Func) -> Function:
        """The function that a call of `value` runs, seen through what is looked through."""
        while value.fn in self.split and value.of is not None:
            value = value.of
        return value.fn

    def around(self, wrapper: Function) -> set[Func]:
        """What a wrapper is put around."""
        return self.wrapped.get(wrapper.parent, set()) if wrapper.parent is not None else set()

    def looked_through(self) -> dict[Function, set[Function]]:
        """The wrappers around each function that are looked through."""
        found: dict[Function, set[Function]] = {}
        for fn in self.split:
            for value in self.around(fn):
                found.setdefault(self.target(value), set()).add(fn)
        return found

    def of(self, node: ast.AST) -> Values:
        return self.values.get(node, NOTHING)

    def has_role(self, fn: Function, role: str) -> bool:
        return role in self.roles.get(fn, set())


def infer(program: Program) -> Facts:
    """Evaluate every function until nothing more is learnt, and again with what had to be assumed."""
    facts = _evaluate(program)
    return _evaluate(program) if assume(program, facts) else facts


def _evaluate(program: Program) -> Facts:
    inference = Inference(program)
    # Generated code first: what an annotation says has to be known before what it is said of.
    modules = sorted(program.modules.values(), key=lambda module: not module.source.generated)
    units = [
        unit
        for module in modules
        for unit in (module.top, *(fn for fn in module.functions if not fn.top_level))
    ]
    runs = dict.fromkeys(units, 0)
    inference.dirty = set(units)
    while inference.dirty:
        for unit in units:
            if unit in inference.dirty:
                # What was learnt before it runs, it reads now.
                inference.dirty.discard(unit)
                if runs[unit] < MAX_RUNS:
                    runs[unit] += 1
                    inference.run(unit)
        if inference.structure_changed:
            # A base class or what a decorator makes of a function: anything may depend on it.
            inference.structure_changed = False
            inference.dirty.update(units)
        if not inference.dirty:
            inference.give_up_decorators()
        if not inference.dirty:
            inference.give_up_texts()
    for key, values in inference.env.items():
        if key[0] == "elem" and isinstance(key[1], ast.AST):
            inference.facts.contents[key[1]] = values
    return inference.facts


class Inference(TargetEvaluator):
    """Statements; expressions are in the base class."""

    def __init__(self, program: Program) -> None:
        super().__init__(program, Facts())

    def run(self, unit: Function) -> None:
        self.unit = unit
        self.aliases.clear()
        if unit.kind == "module":
            self.block(unit.module.source.tree.body, Frame(unit, unit, None, {}))
        elif isinstance(unit.node, ast.Lambda):
            frame = Frame(unit, unit, None, self.parameters(unit))
            self.learn(("ret", unit), self.eval(unit.node.body, frame))
        else:
            self.run_function(unit)

    def run_function(self, fn: Function) -> None:
        assert isinstance(fn.node, (ast.FunctionDef, ast.AsyncFunctionDef))
        frame = Frame(fn, fn, None, self.parameters(fn))
        if fn.node.returns is not None:
            self.learn(("ret", fn), self.annotation(fn.node.returns, frame))
        self.block(fn.node.body, frame)

    def parameters(self, fn: Function) -> State:
        """What the parameters are when the function starts."""
        state: State = {}
        assert isinstance(fn.node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        params = fn.params
        outer = Frame(fn.parent or fn, fn.parent or fn, None, {})
        everything = [*params, *fn.node.args.kwonlyargs]
        annotated: dict[str, Values] = {}
        for arg in everything:
            if arg.annotation is not None:
                annotated[arg.arg] = self.annotation(arg.annotation, outer)
                self.learn(("param", fn, arg.arg), annotated[arg.arg])
        if fn.cls is not None and params and not self.facts.has_role(fn, "static"):
            class_level = self.facts.has_role(fn, "class") or fn.name in external.OF_CLASSES
            me = Cls(fn.cls) if class_level else Inst(fn.cls)
            self.learn(("param", fn, params[0].arg), frozenset({me}))
            self.handler_parameters(fn, fn.cls)
            if fn.name == "intercept_service" and external.INTERCEPTOR in fn.cls.all_external_bases():
                for arg in params[1:2]:
                    self.learn(("param", fn, arg.arg), frozenset({Ext(external.CONTINUATION)}))
        self.fixture_parameters(fn, everything)
        self.patched_parameters(fn, params)
        self.passed_parameters(fn, params)
        for arg in everything:
            state[arg.arg] = declared(annotated.get(arg.arg, NOTHING), self.known(("param", fn, arg.arg)))
            self.learn(("var", fn, arg.arg), state[arg.arg])
        for rest, kind in ((fn.node.args.vararg, "tuple"), (fn.node.args.kwarg, "dict")):
            if rest is not None:
                if rest.annotation is not None:
                    self.learn(("elem", rest), self.annotation(rest.annotation, outer))
                state[rest.arg] = frozenset({Box(rest, "tuple" if kind == "tuple" else "dict")})
                self.learn(("var", fn, rest.arg), state[rest.arg])
        return state

    def handler_parameters(self, fn: Function, cls: Class) -> None:
        for ancestor in (*cls.ancestors(), *self.registered_as(cls)):
            arity = ancestor.servicer_methods.get(fn.name)
            if arity is not None and cls.module.in_run:
                self.mark_handler(fn, arity, skip=1)

    def fixture_parameters(self, fn: Function, args: Iterable[ast.arg]) -> None:
        """pytest hands a fixture's value to the parameter of its name."""
        if not (fn.name.startswith("test") or self.facts.has_role(fn, "fixture")):
            return
        for arg in args:
            fixture = self.find_fixture(fn, arg.arg)
            if fixture is None and arg.arg in external.MOCKER_FIXTURES:
                self.learn(("param", fn, arg.arg), frozenset({external.MOCKER}))
            if fixture is not None and fixture is not fn:
                self.facts.fixtures.setdefault(fn, set()).add(fixture)
                kind = "yield" if fixture.is_generator else "ret"
                self.learn(("param", fn, arg.arg), self.known((kind, fixture)))

    def patched_parameters(self, fn: Function, params: list[ast.arg]) -> None:
        """`@patch("module.Stub")` hands a mock over; the lowest decorator the first."""
        free = iter(params[1 if fn.cls is not None else 0 :])
        for decorator in reversed(fn.decorators):
            values = frozenset(v for v in self.facts.of(decorator) if external.is_mock(v))
            if values and isinstance(decorator, ast.Call) and external.makes_mock(decorator):
                arg = next(free, None)
                if arg is not None:
                    self.learn(("param", fn, arg.arg), values)

    def passed_parameters(self, fn: Function, params: list[ast.arg]) -> None:
        """`@click.pass_obj` and its like hand something over; the lowest decorator first."""
        free = iter(params)
        for decorator in reversed(fn.decorators):
            for value in self.facts.of(decorator):
                if isinstance(value, Ext) and (given := self.passed(value)) is not None:
                    arg = next(free, None)
                    if arg is not None:
                        self.learn(("param", fn, arg.arg), given)

    def passed(self, decorator: Ext) -> Values | None:
        """What a decorator of click's hands over; None for those that hand nothing over."""
        if decorator.path in external.PASSES_CONTEXT:
            return frozenset({Ext("click.Context()")})
        if decorator.path in external.PASSES_OBJECT:
            return self.known(("item", CONTEXT, "obj"))
        if decorator.path == f"{external.PASSES_CLASS}()" and isinstance(decorator.node, ast.Call):
            given = self.facts.of(decorator.node.args[0]) if decorator.node.args else NOTHING
            return frozenset(Inst(value.cls) for value in given if isinstance(value, Cls))
        return None

    def find_fixture(self, fn: Function, name: str) -> Function | None:
        """The pytest fixture that a parameter called `name` of `fn` receives."""
        if fn.cls is not None:
            method = fn.cls.find_method(name)
            if method is not None and self.facts.has_role(method, "fixture"):
                return method
        module = fn.module
        places = [module]
        for folder in module.file.parents:
            conftest = self.program.modules.get(Path(folder / "conftest.py"))
            if conftest is not None:
                places.append(conftest)
        for place in places:
            for value in self.known(("var", place.top, name)):
                if isinstance(value, Func) and self.facts.has_role(value.fn, "fixture"):
                    return value.fn
        return None

    # Statements

    def block(self, statements: list[ast.stmt], frame: Frame) -> None:
        for statement in statements:
            self.statement(statement, frame)

    def statement(self, node: ast.stmt, frame: Frame) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self.define_function(node, frame)
        elif isinstance(node, ast.ClassDef):
            self.define_class(node, frame)
        elif isinstance(node, ast.Return):
            if node.value is not None:
                value = self.eval(node.value, frame)
                if (returns := getattr(frame.scope.node, "returns", None)) is not None:
                    value = declared(self.annotation(returns, frame), value)
                self.learn(("ret", frame.scope), value)
                known = self.wrapper_of(frame.scope)
                if known is not None and node.value not in known.calls:
                    self.learn(("own", frame.scope), value)
        elif isinstance(node, ast.Assign):
            value = self.eval(node.value, frame)
            for target in node.targets:
                self.assign(target, value, frame)
                if isinstance(target, ast.Name) and target.id == "__all__":
                    self.note_all(node.value, frame)
        elif isinstance(node, ast.AnnAssign):
            value = self.annotation(node.annotation, frame)
            if frame.cls is not None and isinstance(node.target, ast.Name):
                self.learn(("declared", frame.cls, node.target.id), value)
            if node.value is not None:
                value = declared(value, self.eval(node.value, frame))
            self.assign(node.target, value, frame)
        elif isinstance(node, ast.AugAssign):
            value = self.eval(node.value, frame)
            if isinstance(node.target, ast.Name):
                current = self.name(node.target.id, frame)
                self.append(current, value)
            else:
                self.append(self.eval(node.target, frame), value)
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            items = self.elements(self.eval(node.iter, frame))
            self.assign(node.target, items, frame)
            self.repeated(node.body, frame)
            self.block(node.orelse, frame)
        elif isinstance(node, ast.While):
            self.eval(node.test, frame)
            self.repeated(node.body, frame)
            self.block(node.orelse, frame)
        elif isinstance(node, ast.If):
            self.eval(node.test, frame)
            owner = frame.scope.module.main if is_main_guard(node) else frame.owner
            body = Frame(frame.scope, owner, frame.cls, dict(frame.state))
            self.narrow(node.test, body)
            self.block(node.body, body)
            self.block(node.orelse, frame)
            frame.state = self.join(frame.state, body.state)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                entered = self.enter(self.eval(item.context_expr, frame))
                if item.optional_vars is not None:
                    self.assign(item.optional_vars, entered, frame)
            self.block(node.body, frame)
        elif isinstance(node, ast.Try) or type(node).__name__ == "TryStar":
            # `except*` has a node of its own, of the same fields, from Python 3.11 on.
            self.try_statement(cast(ast.Try, node), frame)
        elif isinstance(node, ast.Match):
            subject = self.eval(node.subject, frame)
            for case in node.cases:
                inner = frame.branch()
                self.match(case.pattern, subject, inner)
                if case.guard is not None:
                    self.eval(case.guard, inner)
                self.block(case.body, inner)
                frame.state = self.join(frame.state, inner.state)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self.import_statement(node, frame)
        elif isinstance(node, ast.Assert):
            self.eval(node.test, frame)
            self.narrow(node.test, frame)
            if node.msg is not None:
                self.eval(node.msg, frame)
        else:
            for child in children(node):
                if isinstance(child, ast.expr):
                    self.eval(child, frame)

    def narrow(self, test: ast.expr, frame: Frame) -> None:
        """Of a variable of which nothing is known, `isinstance` says what it is."""
        for part in test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]:
            if not (
                isinstance(part, ast.Call) and len(part.args) == 2 and isinstance(part.args[0], ast.Name)
            ):
                continue
            strangers = all(isinstance(v, Ext) and v.node is None for v in self.facts.of(part.args[0]))
            if strangers and Ext("builtins.isinstance") in self.facts.of(part.func):
                classes = self.facts.of(part.args[1])
                found = {*classes, *self.elements(classes)}
                known: Values = frozenset(Inst(value.cls) for value in found if isinstance(value, Cls))
                if known and part.args[0].id in frame.state:
                    frame.state[part.args[0].id] = known

    def note_all(self, node: ast.expr, frame: Frame) -> None:
        """Remember which names a module gives to `import *`."""
        if frame.scope.kind == "module" and isinstance(node, (ast.List, ast.Tuple)):
            names = {str(e.value) for e in node.elts if isinstance(e, ast.Constant)}
            self.learn(("all", frame.scope), frozenset(Ext(name) for name in names))

    def repeated(self, body: list[ast.stmt], frame: Frame) -> None:
        """A loop's body: once, and again only where the first time taught it something."""
        for _ in range(2):
            before = frame.state
            inner = frame.branch()
            self.block(body, inner)
            frame.state = self.join(before, inner.state)
            if all(frame.state[name] == values for name, values in before.items()):
                break

    def try_statement(self, node: ast.Try, frame: Frame) -> None:
        before = frame.branch()
        # Of two imports for one name, the one that is in reach is the one that counts.
        self.found_elsewhere |= self.resolved_imports(node, frame)
        self.block(node.body, frame)
        either = self.join(before.state, frame.state)
        for handler in node.handlers:
            inner = Frame(frame.scope, frame.owner, frame.cls, dict(either))
            if handler.type is not None:
                raised = self.eval(handler.type, inner)
                if handler.name:
                    self.bind(handler.name, self.raised(raised), inner)
            self.block(handler.body, inner)
            frame.state = self.join(frame.state, inner.state)
        self.block(node.orelse, frame)
        self.block(node.finalbody, frame)

    def raised(self, classes: Values) -> Values:
        """What `except classes as error` binds."""
        known = {*classes, *self.elements(classes)}
        found: set[Value] = {Inst(value.cls) for value in known if isinstance(value, Cls)}
        ours = bool(found)
        for value in known:
            # What it has that is of interest here, it has from the program's own.
            if isinstance(value, Ext) and not (ours and value.path.startswith("builtins.")):
                found.add(Ext(f"{value.path}()"))
        return frozenset(found)

    def define_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame) -> None:
        fn = frame.scope.module.function_of[node]
        for arg, default in defaults(node.args):
            self.learn(("param", fn, arg.arg), self.eval(default, frame))
        value: Values = frozenset({Func(fn)})
        for decorator in reversed(node.decorator_list):
            value = self.decorate(fn, decorator, value, frame)
        self.facts.decorated[fn] = value
        self.bind(node.name, value, frame)

    def define_class(self, node: ast.ClassDef, frame: Frame) -> None:
        cls = frame.scope.module.classes[node]
        # What a base is may become known in a later pass; what it seemed before does not count.
        cls.external_bases.clear()
        for base in node.bases:
            for value in self.eval(base, frame):
                if isinstance(value, Cls) and value.cls is not cls and value.cls not in cls.bases:
                    cls.derive_from(value.cls)
                    self.restructure()
                elif isinstance(value, Ext):
                    cls.external_bases.add(value.path)
            if not self.facts.of(base):
                cls.external_bases.add(ast.unparse(base))
        for keyword in node.keywords:
            self.eval(keyword.value, frame)
        inner = Frame(frame.scope, frame.owner, cls, dict(frame.state))
        self.block(node.body, inner)
        made: Values = frozenset({Cls(cls)})
        for decorator in reversed(node.decorator_list):
            made = self.decorate_class(decorator, made, frame)
        self.bind(node.name, made, frame)

    def import_statement(self, node: ast.Import | ast.ImportFrom, frame: Frame) -> None:
        module = frame.scope.module
        if isinstance(node, ast.Import):
            for alias in node.names:
                target = self.program.resolve(module, alias.name)
                if alias.asname:
                    found: Values = frozenset({Mod(target) if target else _external(alias.name)})
                    if target is None and (module, alias.asname) in self.found_elsewhere:
                        found = NOTHING
                    self.bind(alias.asname, found, frame)
                elif target is not None and "." not in alias.name:
                    self.bind(alias.name, frozenset({Mod(target)}), frame)
                else:
                    # `import a.b.c` binds `a`; the rest is found attribute by attribute.
                    head = alias.name.split(".")[0]
                    if head == "grpc" and module.keeps_grpc:
                        self.bind(head, NOTHING, frame)
                        continue
                    package = self.program.resolve(module, head)
                    values = {_external(head)} if package is None else {Mod(package)}
                    if target is None and (module, head) in self.found_elsewhere:
                        values = set()
                    if target is not None:
                        self.submodules.setdefault((module, alias.name), target)
                    self.bind(head, frozenset(values), frame)
            return
        for alias in node.names:
            if alias.name == "*":
                self.star_import(node, frame)
                continue
            self.bind(alias.asname or alias.name, self.imported(node, alias.name, frame), frame)

    def resolved_imports(self, node: ast.Try, frame: Frame) -> set[tuple[Module, str]]:
        """The names that an import somewhere in a `try` statement binds to something of the program."""
        module = frame.scope.module
        found: set[tuple[Module, str]] = set()
        for part in (*node.body, *(s for handler in node.handlers for s in handler.body)):
            if isinstance(part, ast.Import):
                for alias in part.names:
                    if self.program.resolve(module, alias.name):
                        found.add((module, alias.asname or alias.name.split(".")[0]))
            elif isinstance(part, ast.ImportFrom):
                for alias in part.names:
                    if any(self.origins(part, alias.name, module)):
                        found.add((module, alias.asname or alias.name))
        return found

    def origins(self, node: ast.ImportFrom, name: str, module: Module) -> tuple[Module | None, Module | None]:
        """The module from which `from ... import name` takes it, and the module that `name` may be itself."""
        head = node.module or ""
        full = f"{head}.{name}" if head else name
        if node.level:
            return (
                self.program.resolve_relative(module, node.level, node.module),
                self.program.resolve_relative(module, node.level, full),
            )
        return self.program.resolve(module, head), self.program.resolve(module, full)

    def imported(self, node: ast.ImportFrom, name: str, frame: Frame) -> Values:
        module = frame.scope.module
        parent, submodule = self.origins(node, name, module)
        if parent is not None:
            values = self.known(("var", parent.top, name)) or self.lazily(parent, name)
            if values:
                return values
        if submodule is not None:
            return frozenset({Mod(submodule)})
        if parent is not None or (module, name) in self.found_elsewhere:
            return NOTHING
        return frozenset({_external(f"{node.module}.{name}" if node.module else name)})

    def star_import(self, node: ast.ImportFrom, frame: Frame) -> None:
        parent, _ = self.origins(node, "", frame.scope.module)
        if parent is None:
            return
        everything = {value.path for value in self.known(("all", parent.top)) if isinstance(value, Ext)}
        for name in sorted(parent.top.bound):
            if name in everything or not (everything or name.startswith("_")):
                if name not in frame.scope.bound:
                    # Whoever imports from here finds more than before.
                    frame.scope.bound.add(name)
                    self.restructure()
                self.bind(name, self.known(("var", parent.top, name)), frame)


def _external(path: str) -> Ext:
    """A path outside the program; grpc_bridge is grpc under another name."""
    head, dot, rest = path.partition(".")
    return Ext(f"grpc{dot}{rest}") if head == "grpc_bridge" else Ext(path)
