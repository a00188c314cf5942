"""Commands: functions that an installer's script, click or typer calls, and that may await all the same.

Who calls a command does not await it. So what it does moves into a coroutine beside it, which it runs; that
can be where nobody else has to do with the function.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from .discover import console_scripts
from .external import decorator_role
from .index import Function, Program, dotted
from .infer import Facts
from .sites import Graph, HandSite
from .values import Cls, Ext, Func, Inst

LIBRARIES = ("click.", "typer.")
COMMANDS = frozenset({"command", "group", "callback", "result_callback"})


def entries(program: Program, graph: Graph, facts: Facts) -> set[Function]:
    """The commands that can be split in two."""
    handed = {
        fn
        for sites in graph.sites.values()
        for site in sites
        if isinstance(site, HandSite)
        for fn in site.functions
    }
    found = {fn for fn, _ in scripts(program)}
    found |= {fn for fn in program.functions() if fn.decorators and is_command(fn, facts)}
    return {
        fn
        for fn in found - handed
        if fn.kind == "def"
        and fn.module.in_run
        and fn.parent is fn.module.top
        and fn.cls is None
        and not (fn.is_async or fn.is_generator)
        and all(caller.top_level or not caller.module.in_run for caller in graph.callers.get(fn, ()))
        and all(of_library(d, facts) or understood(d, facts) for d in fn.decorators)
    }


def scripts(program: Program) -> Iterator[tuple[Function, str]]:
    """The functions that the project's metadata declares as commands, and under what name."""
    declared: dict[Path, frozenset[tuple[str, str]]] = {}
    for module in program.modules.values():
        if not module.in_run:
            continue
        folder = module.file.parent
        if folder not in declared:
            declared[folder] = console_scripts(module.path)
        path = ".".join(module.file.with_suffix("").parts) if declared[folder] else ""
        for dotted_name, name in declared[folder]:
            if not path.endswith((f".{dotted_name}", f".{dotted_name}.__init__")):
                continue
            for fn in module.functions:
                if fn.name == name and fn.parent is module.top and fn.cls is None and not fn.is_async:
                    yield fn, f"{dotted_name}:{name}"


def is_command(fn: Function, facts: Facts) -> bool:
    return any(
        dotted(decorator).rpartition(".")[2] in COMMANDS and of_library(decorator, facts)
        for decorator in fn.decorators
    )


def of_library(decorator: ast.expr, facts: Facts) -> bool:
    """True for click's and typer's own, and for what a group of theirs gives: `@cli.command()`."""
    if any(isinstance(value, Ext) and value.path.startswith(LIBRARIES) for value in facts.of(decorator)):
        return True
    inner = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(inner, ast.Attribute) and inner.attr in COMMANDS:
        return any(isinstance(v, Func) and is_command(v.fn, facts) for v in facts.of(inner.value))
    return False


def understood(decorator: ast.expr, facts: Facts) -> bool:
    """True for a decorator of the run, and for one that is known."""
    values = facts.of(decorator)
    if dotted(decorator).endswith((".setter", ".deleter", ".getter")):
        return True
    if any(isinstance(value, (Func, Cls)) for value in values):
        return True
    if any(isinstance(value, Inst) and value.cls.find_method("__call__") for value in values):
        return True
    return any(isinstance(v, Ext) and decorator_role(v.path) is not None for v in values)
