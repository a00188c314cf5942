"""Step 2, index: reads the modules of the run, and those from outside that say what its stubs are."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import generated, protofile
from .discover import Source
from .index import COMPILERS, SUBMODULES, Class, Function, FunctionNode, Module, Program, dotted
from .nodes import children, defaults, walk
from .outside import Finder, at


def build(sources: Sequence[Source], around: Sequence[Source] = (), roots: Sequence[Path] = ()) -> Program:
    """Index the files of the run, those around it, and the generated code they use.

    `roots` are the folders of the run: paths of .proto files may start there.
    """
    program = Program()
    for source in sources:
        add(program, source, in_run=True)
    for source in around:
        add(program, source, in_run=False)
    _read_outside(program, Finder(roots))
    for module in list(program.modules.values()):
        _compile_protos(program, module, roots)
    return program


def add(program: Program, source: Source, in_run: bool) -> Module:
    """Index one file and make it part of the program."""
    module = Module(source, source.path.stem, in_run=in_run)
    _Scopes(module).visit_module()
    generated.read(module)
    program.modules[module.file] = module
    program.resolved.clear()
    return module


def _read_outside(program: Program, finder: Finder) -> None:
    """Add the modules from outside the run that say what its stubs are."""
    pending = list(program.modules.values())
    while pending:
        module = pending.pop()
        for name, relative in _imported_names(module):
            if relative is not None:
                path = at(relative)
                source = finder.read(path) if path and path.resolve() not in program.modules else None
            elif program.resolve(module, name) is None:
                source = finder.find(module.path, name)
            else:
                source = None
            if source is None:
                continue
            known = program.modules.get(source.path.resolve())
            added = known or add(program, source, in_run=False)
            if relative is None:
                program.elsewhere[name] = added
            if known is None:
                pending.append(added)


def _imported_names(module: Module) -> Iterator[tuple[str, Path | None]]:
    """Every name under which a module may be imported; for a relative import, its file without the ending."""
    for node in module.imports:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, None
            continue
        folder = module.file.parent
        for _ in range(node.level - 1):
            folder = folder.parent
        base = folder.joinpath(*(node.module or "").split(".")) if node.level and node.module else folder
        if node.module:
            yield node.module, base if node.level else None
        for alias in node.names:
            if alias.name != "*":
                yield f"{node.module or ''}.{alias.name}", base / alias.name if node.level else None


def _compile_protos(program: Program, module: Module, roots: Sequence[Path]) -> None:
    """Stand a generated module in for every .proto file that `module` compiles at run time."""
    if b"services" not in module.source.data or module.source.generated:
        return
    for node in walk(module.source.tree):
        if not isinstance(node, ast.Call) or dotted(node.func).rpartition(".")[2] not in COMPILERS:
            continue
        given = [*node.args[:1], *(k.value for k in node.keywords if k.arg == "protobuf_path")]
        path = protofile.find(_text(module, given[0]), module.path, roots) if given else None
        if path is None:
            continue
        if path not in program.modules:
            add(program, protofile.stand_in(path), in_run=False)
        program.compiled[node] = program.modules[path]


def _text(module: Module, node: ast.expr) -> str:
    """The string that an expression is: a literal, or a name that the module binds once, to one. Else ""."""
    if isinstance(node, ast.Name):
        bindings = [
            other
            for other in walk(module.source.tree)
            if isinstance(other, ast.Name) and other.id == node.id and not isinstance(other.ctx, ast.Load)
        ]
        for statement in module.source.tree.body:
            if isinstance(statement, ast.Assign) and statement.targets == bindings:
                node = statement.value
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


BINDERS = (
    ast.Name, ast.Global, ast.Nonlocal, ast.ExceptHandler, ast.Import, ast.ImportFrom, ast.Yield,
    ast.YieldFrom, ast.MatchAs, ast.MatchStar, ast.MatchMapping,
)  # fmt: skip


class _Scopes:
    """Walks one module once: creates functions and classes, and collects what each scope binds."""

    def __init__(self, module: Module) -> None:
        self.module = module

    def visit_module(self) -> None:
        top = self.module.top
        self.module.functions += [top, self.module.main]
        for child in children(self.module.source.tree):
            self.visit(child, top, None)

    def visit(self, node: ast.AST, scope: Function, cls: Class | None) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            self.visit_function(node, scope, cls)
        elif isinstance(node, ast.ClassDef):
            self.visit_class(node, scope, cls)
        else:
            if isinstance(node, BINDERS):
                self.bind(node, scope, cls)
            for child in children(node):
                self.visit(child, scope, cls)

    def visit_function(self, node: FunctionNode, scope: Function, cls: Class | None) -> None:
        lambda_ = isinstance(node, ast.Lambda)
        name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
        fn = Function(name, "lambda" if lambda_ else "def", node, self.module, scope)
        fn.is_async = isinstance(node, ast.AsyncFunctionDef)
        self.module.functions.append(fn)
        self.module.function_of[node] = fn
        if not isinstance(node, ast.Lambda):
            if cls is None:
                scope.bound.add(name)
            else:
                fn.cls = cls
                # The setter of a property has its getter's name and is not the method.
                kinds = {dotted(d).rpartition(".")[2] for d in node.decorator_list if "." in dotted(d)}
                for kind in kinds & {"setter", "deleter"}:
                    cls.accessors[name, kind] = fn
                if kinds.isdisjoint(("setter", "deleter")):
                    cls.methods[name] = fn
            for decorator in node.decorator_list:
                self.visit(decorator, scope, cls)
        args = node.args
        for _, default in defaults(args):
            self.visit(default, scope, cls)
        for arg in [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]:
            if arg is not None:
                fn.bound.add(arg.arg)
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        for child in body:
            self.visit(child, fn, None)

    def visit_class(self, node: ast.ClassDef, scope: Function, outer: Class | None) -> None:
        cls = Class(node.name, node, self.module, scope, outer)
        self.module.classes[node] = cls
        if outer is None:
            scope.bound.add(node.name)
        for child in [*node.decorator_list, *node.bases, *node.keywords]:
            self.visit(child, scope, outer)
        for child in node.body:
            self.visit(child, scope, cls)

    def bind(self, node: ast.AST, scope: Function, cls: Class | None) -> None:
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                self.capture(node.id, scope)
            elif cls is None:
                scope.bound.add(node.id)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            scope.outer.update(node.names)
            around = scope.parent
            while around is not None and isinstance(node, ast.Nonlocal):
                around.shared.update(node.names)
                around = around.parent
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
            if node.name is not None and cls is None:
                scope.bound.add(node.name)
        elif isinstance(node, ast.MatchMapping):
            if node.rest is not None and cls is None:
                scope.bound.add(node.rest)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self.module.imports.append(node)
            if isinstance(node, ast.Import):
                self.module.keeps_grpc |= any(
                    alias.name.startswith("grpc.") and alias.name not in SUBMODULES and alias.asname is None
                    for alias in node.names
                )
            for alias in node.names if cls is None else ():
                scope.bound.add(alias.asname or alias.name.split(".")[0])
        elif isinstance(node, (ast.Yield, ast.YieldFrom)):
            scope.is_generator = True

    def capture(self, name: str, scope: Function) -> None:
        """A name read in an inner scope is a captured variable of every scope around it."""
        outer = scope.parent
        while outer is not None:
            outer.captured.add(name)
            outer = outer.parent
