"""What a rule is, what it sees of the program, and the edits it asks for."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from ..findings import Finding
from ..index import Function, Module, Program
from ..infer import Facts
from ..later import cst
from ..options import Style
from ..sites import CallSite, Graph, IterateSite, ReadSite, WaitSite, WithSite
from ..waiting import Colours

Spelling = Literal["await", "to_thread", "run", "asyncio.run"]
Apply = Callable[[Any], "cst.CSTNode | cst.RemovalSentinel | cst.FlattenSentinel[Any]"]
STATEMENTS = frozenset(
    {
        "FunctionDef",
        "ClassDef",
        "For",
        "While",
        "With",
        "SimpleStatementLine",
        "SimpleStatementSuite",
        "Import",
        "ImportFrom",
    }
)
"""Nodes that are found by where they start; the others by their whole extent."""


@dataclass(frozen=True)
class Rule:
    """A rule's identity: the file's name is the slug, and `before`/`after` are its documentation."""

    id: str
    slug: str
    sentence: str
    before: str
    after: str
    remedy: str = ""
    """What a person can do about it, for rules that leave something to them."""

    def documentation(self) -> str:
        """The rule's section of docs/rules.md, which `--explain` prints."""
        before, after = self.before.splitlines(), self.after.splitlines()
        if after:
            most = len(before) + len(after)
            _, _, _, *lines = difflib.unified_diff(before, after, n=most, lineterm="")
            shown = ["```diff", *(line.rstrip() for line in lines)]
        else:
            shown = ["```python", *before]
        body = "\n".join([*shown, "```"])
        remedy = f"\nWhat to do: {self.remedy}\n" if self.remedy else ""
        return f"### {self.id} {self.slug}\n\n{self.sentence}\n\n{body}\n{remedy}"


@dataclass(frozen=True)
class Key:
    """Where a node of the concrete tree is: its kind and its position in the text."""

    kind: str
    start: tuple[int, int]
    end: tuple[int, int] | None


@dataclass(frozen=True)
class Edit:
    """One change of one node, what is said about it, and the functions that have to stay sync without it."""

    rule: str
    key: Key
    apply: Apply
    """Changes the node and nothing beside it; statements in the node's blocks may be stand-ins (`prune`)."""
    findings: tuple[Finding, ...] = ()
    functions: frozenset[Function] = frozenset()


@dataclass
class Plan:
    """All edits of one module, the imports they need, and what they say."""

    module: Module
    edits: list[Edit] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)
    names: set[tuple[str, str]] = field(default_factory=set)
    """Names that join an import statement: its module, and the name."""
    helpers: dict[str, str] = field(default_factory=dict)
    """Functions that are put before the module's first, by name: their source."""
    style: Style = "iterate"
    released: dict[str, int] = field(default_factory=dict)
    """Names of which some uses went away, and how many."""
    findings: list[Finding] = field(default_factory=list)
    claimed: set[ast.AST] = field(default_factory=set)
    """Nodes that one rule has taken care of together with the node around them."""


@dataclass
class View:
    """What a rule sees: one function (or top level), its sites, and the verdict on everything."""

    fn: Function
    plan: Plan
    program: Program
    graph: Graph
    facts: Facts
    colours: Colours
    spellings: dict[CallSite, Spelling | None] = field(default_factory=dict, init=False)
    by_kind: dict[type[Any], list[Any]] = field(default_factory=dict, init=False)
    """What was asked before: nearly every rule asks."""

    @cached_property
    def is_async(self) -> bool:
        return self.colours.is_async(self.fn) and self.fn.kind == "def"

    @property
    def becomes_async(self) -> bool:
        return self.is_async and not self.fn.is_async

    @property
    def module(self) -> Module:
        return self.plan.module

    def sites(self, kind: type[Any]) -> Iterator[Any]:
        if kind not in self.by_kind:
            self.by_kind[kind] = [
                s
                for s in self.graph.of(self.fn)
                if isinstance(s, kind) and s not in self.colours.barred
                # A coroutine that has nothing to do with gRPC sleeps as it did.
                if not (isinstance(s, WaitSite) and self.fn.is_async and self.fn not in self.colours.waiting)
            ]
        return (s for s in self.by_kind[kind] if s.node not in self.plan.claimed)

    def spelling(self, site: CallSite) -> Spelling | None:
        """How this call is written where it stands; None where it stays as it is."""
        if site not in self.spellings:
            self.spellings[site] = self._spelling(site)
        return self.spellings[site]

    def _spelling(self, site: CallSite) -> Spelling | None:
        coroutines = {callee for callee in site.callees if self.colours.is_async(callee)}
        coroutines -= self.colours.entries
        if self.fn.kind == "lambda" and self.colours.is_async(self.fn):
            return None
        if not self.is_async:
            if not coroutines or any(callee.is_async for callee in coroutines):
                return None
            return "asyncio.run" if self.fn.kind == "main" else "run"
        if site.awaited:
            return None
        blocking = {callee for callee in site.callees if self.colours.stays_sync(callee)}
        others = site.callees - coroutines - blocking
        if (site.rows or coroutines) and not (site.plain or blocking or others):
            return "await"
        return "to_thread" if blocking and not (site.rows or coroutines or site.threaded) else None

    # Edits

    def position(self, line: int, column: int) -> tuple[int, int]:
        """A position of `ast` (bytes) as one of LibCST (characters)."""
        text = self.module.lines[line - 1]
        return line, column if text.isascii() else len(text.encode()[:column].decode(errors="ignore"))

    def key(self, kind: str, node: ast.AST) -> Key:
        start = self.position(node.lineno, node.col_offset)  # type: ignore[attr-defined]
        if kind in STATEMENTS:
            return Key(kind, start, None)
        return Key(kind, start, self.position(node.end_lineno, node.end_col_offset))  # type: ignore[attr-defined]

    def edit(
        self,
        rule: Rule,
        kind: str,
        node: ast.AST,
        apply: Apply,
        message: str | None = None,
        functions: Iterable[Function] = (),
    ) -> Edit:
        """An edit of `node`, noted as a change; `message` makes it a finding for a person.

        `functions` would have to stay sync if the edit were not made; this one, where none is named.
        """
        findings = [self.finding(rule, node, rule.sentence, "change")]
        if message is not None:
            findings.append(self.finding(rule, node, message))
        needed = frozenset(functions) or frozenset({self.fn})
        return Edit(rule.id, self.key(kind, node), apply, tuple(findings), needed)

    def report(self, rule: Rule, node: ast.AST, message: str, decide: bool = False) -> None:
        self.plan.findings.append(self.finding(rule, node, message, decide=decide))

    def finding(
        self,
        rule: Rule,
        node: ast.AST,
        message: str,
        kind: Literal["change", "cut"] = "cut",
        decide: bool = False,
    ) -> Finding:
        line, column = self.position(node.lineno, node.col_offset)  # type: ignore[attr-defined]
        source = self.module.lines[line - 1].strip()
        return Finding(self.module.path, line, column + 1, rule.id, message, kind, decide, source)

    def release(self, node: ast.AST) -> None:
        """Note that one use of an imported name goes: of `queue` in `queue.Queue`."""
        while isinstance(node, (ast.Attribute, ast.Call)):
            node = node.func if isinstance(node, ast.Call) else node.value
        if isinstance(node, ast.Name):
            self.plan.released[node.id] = self.plan.released.get(node.id, 0) + 1

    def bridge_name(self) -> str:
        """The name under which this module knows grpc_bridge; asks for the import where it does not."""
        if self.module.keeps_grpc:
            self.plan.imports.add("grpc_bridge")
            return "grpc_bridge"
        for node in self.module.imports:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    name = alias.asname or alias.name
                    if alias.name in ("grpc", "grpc_bridge") and name in self.module.top.bound:
                        return name
        self.plan.imports.add("grpc_bridge as grpc")
        return "grpc"


def only_stops(view: View) -> bool:
    """True where a function does no more than to begin a server's stop, which waits for nothing."""
    sites = [s for s in view.graph.of(view.fn) if isinstance(s, (CallSite, IterateSite, WithSite, ReadSite))]
    return all(
        isinstance(site, CallSite)
        and site.discarded
        and not site.callees
        and {(kind, row.name) for kind in site.kinds for row in site.rows} == {("Server", "stop")}
        for site in sites
    )


def report_cut(view: View, rule: Rule) -> Iterator[Edit]:
    """A finding for a function, or a place in a coroutine, that stays as it is because of `rule`."""
    fn = view.fn
    for site in view.graph.of(fn) if view.colours.barred else ():
        barred = view.colours.barred.get(site)
        if barred is not None and barred.rule == rule.id:
            node = site.node if hasattr(site.node, "lineno") else getattr(site, "iterable", fn.node)
            view.report(
                rule, node, f"this place in {fn.label} stays as it is: {barred.reason}", rule.id != "GB711"
            )
    cut = view.colours.sync.get(fn)
    if cut is not None and cut.rule == rule.id and fn in view.colours.waiting and not fn.top_level:
        decide = cut.chain and not only_stops(view) and rule.id != "GB711"
        view.report(rule, fn.node, f"{fn.label} stays sync: {cut.reason}", decide)
    yield from ()
