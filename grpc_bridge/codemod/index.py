"""What the index knows of a program: modules, classes, functions, and the names that each scope binds."""

from __future__ import annotations

import ast
import builtins
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from .discover import Source
from .nodes import children

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
BUILTINS = frozenset(dir(builtins))
SUBMODULES = frozenset({"grpc.aio", "grpc.experimental"})
"""Submodules of grpc that grpc_bridge has as well."""
COMPILERS = frozenset({"services", "protos_and_services"})
"""grpcio's functions that compile a .proto file while the program runs and return its stubs."""


@dataclass(eq=False)
class Function:
    """A function, a lambda, or the top level of a module (and of its `__main__` block)."""

    name: str
    kind: Literal["def", "lambda", "module", "main"]
    node: ast.AST
    module: Module
    parent: Function | None
    cls: Class | None = None
    bound: set[str] = field(default_factory=set)
    outer: set[str] = field(default_factory=set)
    captured: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)
    """Names that functions inside it may bind: `nonlocal`."""
    is_generator: bool = False
    is_async: bool = False
    is_declared: bool = False
    """It has no body, and stands for what overrides it: see `declared`."""
    nodes: list[ast.AST] | None = None
    """What `own_nodes` found."""

    @property
    def label(self) -> str:
        if self.kind == "module":
            return "the module's top level"
        if self.kind == "main":
            return "the __main__ block"
        return f"{self.cls.name}.{self.name}" if self.cls else self.name

    @property
    def qualname(self) -> str:
        """Its name in its module, with those of the functions and classes around it."""
        around = self.cls.qualname if self.cls else self.parent.qualname if self.parent else ""
        return f"{around}.{self.name}".lstrip(".") if self.parent is not None else ""

    def dotted_names(self) -> Iterator[str]:
        """Every dotted name of it, and of the class, module and packages that it is in."""
        path = self.module.file
        folders = list(path.parts[1:-1])
        package = path.parent
        packages = 0
        while (package / "__init__.py").is_file():
            package = package.parent
            packages += 1
        whole = [
            *folders,
            *([] if path.name == "__init__.py" else [path.stem]),
            *filter(None, self.qualname.split(".")),
        ]
        for end in range(len(folders) - packages + 1, len(whole) + 1):
            for start in range(min(end, len(folders) + 1)):
                yield ".".join(whole[start:end])

    @property
    def top_level(self) -> bool:
        return self.kind in ("module", "main")

    @property
    def params(self) -> list[ast.arg]:
        if not isinstance(self.node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            return []
        args = self.node.args
        return [*args.posonlyargs, *args.args]

    @property
    def decorators(self) -> list[ast.expr]:
        if isinstance(self.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return self.node.decorator_list
        return []

    @property
    def line(self) -> int:
        return getattr(self.node, "lineno", 1)

    @property
    def column(self) -> int:
        return getattr(self.node, "col_offset", 0) + 1


@dataclass(eq=False)
class Class:
    name: str
    node: ast.ClassDef
    module: Module
    scope: Function
    outer: Class | None = None
    methods: dict[str, Function] = field(default_factory=dict)
    accessors: dict[tuple[str, str], Function] = field(default_factory=dict)
    """The setters and deleters of its properties."""
    bases: list[Class] = field(default_factory=list)
    external_bases: set[str] = field(default_factory=set)
    subclasses: list[Class] = field(default_factory=list)
    stub_methods: dict[str, str] = field(default_factory=dict)
    """For a generated stub: the arity of each method."""
    servicer_methods: dict[str, str] = field(default_factory=dict)
    """For a generated servicer: the arity of each handler."""
    _above: tuple[Class, ...] | None = field(default=None, repr=False)
    _below: tuple[Class, ...] | None = field(default=None, repr=False)

    @property
    def qualname(self) -> str:
        around = self.outer.qualname if self.outer else self.scope.qualname
        return f"{around}.{self.name}".lstrip(".")

    def derive_from(self, base: Class) -> None:
        """Add a base class. What was remembered of both families is forgotten."""
        below, above = self.descendants(), base.ancestors()
        self.bases.append(base)
        base.subclasses.append(self)
        for cls in (self, *below):
            cls._above = None
        for cls in above:
            cls._below = None

    def ancestors(self) -> tuple[Class, ...]:
        """This class and the program's classes above it, nearest first."""
        if self._above is None:
            self._above = _in_reach([self], lambda cls: cls.bases)
        return self._above

    def descendants(self) -> tuple[Class, ...]:
        """The program's classes below this one, nearest first."""
        if self._below is None:
            self._below = _in_reach(self.subclasses, lambda cls: cls.subclasses)
        return self._below

    def next_in_line(self) -> list[Class]:
        """Where `super()` may look first: in the bases, and in what stands beside it in a subclass."""
        above = set(self.ancestors())
        beside = {
            base
            for cls in self.descendants()
            for ancestor in cls.ancestors()
            if len(ancestor.bases) > 1
            for base in ancestor.bases
            if base not in above and self not in base.ancestors()
        }
        return [*self.bases, *sorted(beside, key=lambda cls: (str(cls.module.path), cls.node.lineno))]

    def find_method(self, name: str) -> Function | None:
        for cls in self.ancestors():
            if name in cls.methods:
                return cls.methods[name]
        return None

    def all_external_bases(self) -> set[str]:
        return {base for cls in self.ancestors() for base in cls.external_bases}


def _in_reach(start: Sequence[Class], step: Callable[[Class], Sequence[Class]]) -> tuple[Class, ...]:
    """The classes that steps lead to from some, those first, each once, nearest first."""
    seen = dict.fromkeys(start)
    queue = deque(seen)
    while queue:
        for cls in step(queue.popleft()):
            if cls not in seen:
                seen[cls] = None
                queue.append(cls)
    return tuple(seen)


@dataclass(eq=False)
class Module:
    source: Source
    name: str
    top: Function = field(init=False)
    main: Function = field(init=False)
    functions: list[Function] = field(default_factory=list)
    classes: dict[ast.ClassDef, Class] = field(default_factory=dict)
    function_of: dict[ast.AST, Function] = field(default_factory=dict)
    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list)
    adders: dict[str, Class] = field(default_factory=dict)
    """For a generated module: the servicer class that each `add_XServicer_to_server` registers."""
    in_run: bool = True
    file: Path = field(init=False)
    """Where it is when links are followed."""
    lines: list[str] = field(init=False)
    keeps_grpc: bool = False
    """`import grpc.x` binds the name `grpc` here: two imports of one name cannot both hold."""

    def __post_init__(self) -> None:
        self.file = self.source.path.resolve()
        self.top = Function("<module>", "module", self.source.tree, self, None)
        self.main = Function("<main>", "main", self.source.tree, self, self.top)
        # `ast` counts \n, \r\n and \r as line ends, and nothing else that `splitlines` would.
        self.lines = self.source.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    @property
    def path(self) -> Path:
        return self.source.path


@dataclass
class Program:
    modules: dict[Path, Module] = field(default_factory=dict)
    elsewhere: dict[str, Module] = field(default_factory=dict)
    """Generated modules from outside the run, by the name under which they are imported."""
    compiled: dict[ast.Call, Module] = field(default_factory=dict)
    """What `grpc.services(path)` and `grpc.protos_and_services(path)` make of the .proto file they name."""
    resolved: dict[tuple[Path, str], Module | None] = field(default_factory=dict)
    """What an import means in a folder, as far as that was asked; forgotten when a module is added."""
    assumed: dict[ast.AST, str] = field(default_factory=dict)
    """What is taken for so without proof, by the expression that it is about."""

    def functions(self) -> Iterator[Function]:
        for module in self.modules.values():
            yield from module.functions

    def classes(self) -> Iterator[Class]:
        for module in self.modules.values():
            yield from module.classes.values()

    def resolve(self, importer: Module, dotted_name: str) -> Module | None:
        """The module of the program that `import dotted_name` in `importer` means."""
        parts = dotted_name.split(".")
        if parts[0] in sys.stdlib_module_names:
            return None
        place = (importer.file.parent, dotted_name)
        if place not in self.resolved:
            found = (self.at(folder.joinpath(*parts)) for folder in importer.file.parents)
            self.resolved[place] = next((module for module in found if module is not None), None)
        return self.resolved[place] or self.elsewhere.get(dotted_name)

    def at(self, base: Path) -> Module | None:
        """The module whose file is called like `base`, which has no ending."""
        for candidate in (
            base.with_name(f"{base.name}.py"),
            base / "__init__.py",
            base.with_name(f"{base.name}.pyi"),
        ):
            if candidate in self.modules:
                return self.modules[candidate]
        return None

    def lookup(self, importer: Module, path: str) -> Module | Class | None:
        """The module or the class of the program that a dotted path leads to."""
        module = self.resolve(importer, path) if path else None
        if module is not None:
            return module
        head, _, name = path.rpartition(".")
        module = self.resolve(importer, head) if head else None
        classes = module.classes.values() if module is not None else ()
        return next((cls for cls in classes if cls.name == name), None)

    def resolve_relative(self, importer: Module, level: int, dotted_name: str | None) -> Module | None:
        folder = importer.file.parent
        for _ in range(level - 1):
            folder = folder.parent
        return self.at(folder.joinpath(*dotted_name.split(".")) if dotted_name else folder)


def dotted(node: ast.AST) -> str:
    """`a.b.c` for a chain of names (calls are looked through: `a.b(1)` is `a.b`), else ""."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        head = dotted(node.value)
        return f"{head}.{node.attr}" if head else ""
    if isinstance(node, ast.Call):
        return dotted(node.func)
    return ""


def own_nodes(fn: Function) -> list[ast.AST]:
    """The nodes of a function's body without those of the functions inside it."""
    if fn.nodes is None:
        fn.nodes = []
        pending = children(fn.node)
        while pending:
            node = pending.pop()
            fn.nodes.append(node)
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
                pending += children(node)
    return fn.nodes


def is_main_guard(node: ast.stmt) -> bool:
    """True for `if __name__ == "__main__":`."""
    if not isinstance(node, ast.If) or not isinstance(node.test, ast.Compare):
        return False
    sides = [node.test.left, *node.test.comparators]
    names = {side.id for side in sides if isinstance(side, ast.Name)}
    texts = {side.value for side in sides if isinstance(side, ast.Constant)}
    return "__name__" in names and "__main__" in texts
