"""Step 5, cut: which functions cannot become coroutines, and why."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Collection
from dataclasses import dataclass

from . import entries, external
from .index import Class, Function, Program, dotted
from .infer import Facts
from .sites import CallSite, Graph, HandSite, WaitSite
from .values import Ext
from .wrappers import Wrappers

NATURE = {"__init__": "GB713", "__new__": "GB713", "__post_init__": "GB713", "__del__": "GB714"}
"""The rules of methods that Python calls when an object is made and when it goes; of the others, GB701."""

OF_LAMBDAS = frozenset({"GB717", "GB718", "GB719"})
"""The rules of places that say more about a lambda than that it is one."""

CONVERTIBLE_DUNDERS = frozenset({"__call__", "__enter__", "__exit__", "__next__", "__iter__"})
FRAMEWORKS = frozenset(
    {
        "threading", "multiprocessing", "concurrent", "http", "socketserver", "xmlrpc", "queue", "logging",
        "cmd", "code", "html", "xml", "ast", "json", "argparse", "asyncio", "io", "codecs", "string", "email",
        "urllib", "pickle", "selectors",
    }
)  # fmt: skip
"""Modules of the standard library whose classes call the methods of those derived from them."""

DISPATCHED = ("do_", "visit_", "handle_", "on_")
"""What such classes put before the name of something that they look up."""

HARMLESS_BASES = ("builtins.object", "abc.ABC", "typing.", "builtins.Exception", "enum.", "unittest.")


@dataclass(frozen=True)
class Cut:
    """Why a function stays sync.

    `chain`: it may run on a loop's thread, or under a lock, so what it calls stays sync too.
    Otherwise it runs on a plain thread, where `grpc.run` is allowed.
    """

    rule: str
    reason: str
    chain: bool
    because: Function | None = None
    """The function whose colour decides this one's."""


def cuts(
    program: Program, graph: Graph, facts: Facts, keep_sync: Collection[str] = frozenset()
) -> dict[Function, Cut]:
    """The functions that stay sync whatever the rest of the program does."""
    found: dict[Function, Cut] = {}
    commands = entries.entries(program, graph, facts)
    for fn, command in entries.scripts(program):
        if fn not in commands:
            found[fn] = Cut("GB710", f"the command {command} calls it", False)
    wrappers = Wrappers(program, graph, facts)
    for fn in program.functions():
        if fn.is_async or fn.top_level or fn.module.source.generated:
            continue
        if not fn.module.in_run:
            found[fn] = Cut("GB710", "its file is not in the run", True)
            continue
        cut = _by_nature(fn, graph, facts, fn in commands)
        wrapped = wrappers.reason(fn) if fn in facts.handlers else None
        if cut is None and wrapped is not None:
            cut = Cut(*wrapped, chain=False)
        if cut is not None:
            found[fn] = cut
    for sites in graph.sites.values():
        for site in sites:
            if isinstance(site, HandSite):
                for fn in site.functions:
                    cut = _by_hand(fn, site)
                    if cut is None or fn.is_async:
                        continue
                    if fn.kind == "lambda" and cut.rule in OF_LAMBDAS:
                        found[fn] = cut
                    found.setdefault(fn, cut)
    for fn in program.functions():
        if any(Ext(external.BLOCKING) in facts.of(decorator) for decorator in fn.decorators):
            found.setdefault(fn, Cut("GB711", "it is under @grpc.blocking()", True))
    for fn, cut in _kept(program, keep_sync).items():
        # What may run on a loop's thread keeps that reason: it cuts more.
        if fn not in found or not found[fn].chain:
            found[fn] = cut
    return found


def _kept(program: Program, names: Collection[str]) -> dict[Function, Cut]:
    """The functions that the user named; a coroutine that needs one calls it in a worker thread."""
    found: dict[Function, Cut] = {}
    for fn in program.functions() if names else ():
        name = next((name for name in fn.dotted_names() if name in names), None)
        if name is not None:
            found[fn] = Cut("GB711", f"keep_sync names {name}", False)
    return found


def callbacks(graph: Graph) -> set[Function]:
    """Plain functions that gRPC calls when a call is done: what they ask of it is known by then."""
    return {
        fn
        for sites in graph.sites.values()
        for site in sites
        if isinstance(site, HandSite) and site.sink is not None and site.sink.kind == "callback"
        for fn in site.functions
    }


def _by_nature(fn: Function, graph: Graph, facts: Facts, command: bool) -> Cut | None:
    if fn.module.keeps_grpc:
        return Cut("GB102", "this file's grpc is grpcio's", True)
    if fn.kind == "lambda":
        return None if passes_through(fn, graph) else Cut("GB716", "a lambda cannot await", True)
    name = fn.name
    if name.startswith("__") and name.endswith("__") and name not in CONVERTIBLE_DUNDERS:
        return Cut(NATURE.get(name, "GB701"), f"Python calls {name} itself and does not await it", True)
    if facts.has_role(fn, "property") or fn in facts.getters:
        return Cut("GB715", "a property is read, not called", True)
    if any(dotted(d).endswith((".setter", ".deleter")) for d in fn.decorators):
        return Cut("GB715", "an assignment calls it, and does not await it", True)
    if fn in graph.driven:
        return Cut("GB720", f"its generator's {graph.driven[fn]} is used, which asynchronous ones lack", True)
    if any(isinstance(site, WaitSite) and site.how == "own loop" for site in graph.of(fn)):
        return Cut("GB721", "it keeps an event loop of its own", False)
    if fn.cls is not None:
        cut = _by_class(fn, fn.cls, graph)
        if cut is not None:
            return cut
    if fn.name in ("setUpModule", "tearDownModule") and fn.parent is fn.module.top and fn.cls is None:
        return Cut("GB703", f"unittest calls {fn.name} outside any loop, and does not await it", False)
    if facts.has_role(fn, "fixture") and _wide_scope(fn):
        return Cut("GB602", "a fixture that outlives the test's event loop", False)
    for decorator in fn.decorators:
        if Ext("atexit.register") in facts.of(decorator):
            return Cut("GB719", "the interpreter runs it when it exits, outside any loop", False)
        if not (command or entries.understood(decorator, facts)):
            return Cut("GB705", f"the decorator @{dotted(decorator)} is not understood", False)
    return None


def passes_through(fn: Function, graph: Graph) -> bool:
    """True for a lambda that only makes one call and returns it: what it returns can be awaited."""
    body = fn.node.body if isinstance(fn.node, ast.Lambda) else None
    sites = [site for site in graph.of(fn) if not isinstance(site, HandSite)]
    inner = [site for site in sites if site.node is not body]
    # Whether what is called inside waits is known only when the colours are: see `propagate`.
    return len(sites) > len(inner) and all(isinstance(s, CallSite) and not s.intrinsic for s in inner)


def _by_class(fn: Function, cls: Class, graph: Graph) -> Cut | None:
    bases = cls.all_external_bases()
    if fn.name in ("setUpClass", "tearDownClass") and any(base.startswith("unittest.") for base in bases):
        return Cut("GB703", f"unittest calls {fn.name} outside any loop, and does not await it", False)
    if "builtins.type" in bases:
        return Cut("GB701", f"a metaclass's {fn.name} is called by Python, which does not await it", True)
    if fn.name.startswith("_") and fn.name.endswith("_") and any(base.startswith("enum.") for base in bases):
        return Cut("GB701", f"Python calls {fn.name} itself and does not await it", True)
    for base in sorted(bases):
        if base.startswith("grpc.") and not base.startswith("grpc.aio"):
            if base.endswith("MultiCallable"):
                return Cut("GB708", f"callers of both colours know it as a {base}", True)
            return Cut("GB708", f"{base} is called by gRPC, which runs it on both colours", True)
        if _base_calls(base, fn.name) and not fn.name.startswith(("test", "setUp", "tearDown")):
            return Cut("GB703", f"{base} calls {fn.name} itself", False)
    unknown = sorted(base for base in bases if not _known_base(base))
    if unknown and not graph.callers.get(fn) and not fn.name.startswith("_"):
        return Cut("GB703", f"{unknown[0]} may call {fn.name}, and its code is not in the run", False)
    return None


def _known_base(base: str) -> bool:
    head = base.split(".")[0]
    return head in sys.stdlib_module_names or head in ("builtins", "grpc") or base.startswith(HARMLESS_BASES)


def _base_calls(base: str, name: str) -> bool:
    """True where a class of the standard library has a method `name` of its own, or looks for one."""
    module, _, cls = base.rpartition(".")
    if base.startswith(HARMLESS_BASES) or module.split(".")[0] not in FRAMEWORKS:
        return False
    if name.startswith(DISPATCHED):
        return True
    return hasattr(getattr(importlib.import_module(module), cls, None), name)


def _wide_scope(fn: Function) -> bool:
    for decorator in fn.decorators:
        if isinstance(decorator, ast.Call):
            for keyword in decorator.keywords:
                if keyword.arg == "scope":
                    value = keyword.value
                    return not (isinstance(value, ast.Constant) and value.value == "function")
    return False


def _by_hand(fn: Function, site: HandSite) -> Cut | None:
    if site.sorts:
        return Cut("GB717", f"{site.to} sorts by what it returns, and does not await it", True)
    if site.sink is None:
        rule = "GB720" if site.generators and fn in site.generators else "GB702"
        return Cut(rule, f"it is handed to {site.to}, which is not in the run", True)
    if site.sink.kind == "exit":
        return Cut("GB719", "the interpreter runs it when it exits, outside any loop", False)
    if site.sink.kind == "signal":
        return Cut("GB718", "a signal calls it, and does not await it", True)
    if site.sink.kind == "finalizer":
        return Cut("GB714", f"{site.to} calls it when an object goes, and does not await it", True)
    if site.sink.kind == "loop":
        return Cut("GB702", f"{site.to} has the loop call it, which does not await it", True)
    if site.sink.kind == "thread":
        return Cut("GB703", f"{site.to} runs it in a plain thread", False)
    if site.sink.kind == "handler":
        return None
    return Cut("GB702", "gRPC calls it back, and does not await it", True)
