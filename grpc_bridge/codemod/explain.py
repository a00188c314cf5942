"""Why a function became a coroutine or stayed sync: the calls down to the RPC, the reasons up to the cut."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from .analysis import Analysis
from .index import Function, is_main_guard
from .rules import RULES
from .sites import CallSite, HandSite, IterateSite, ReadSite, Site, WaitSite, WithSite


def explain(analysis: Analysis, path: Path, line: int) -> list[str] | None:
    """The explanation of the innermost function around a line; None where no file of the run is called so."""
    fn = function_at(analysis, path, line)
    return None if fn is None else list(_Explanation(analysis).of(fn))


def function_at(analysis: Analysis, path: Path, line: int) -> Function | None:
    module = analysis.program.modules.get(path.resolve())
    if module is None:
        return None
    best = module.top
    for fn in module.functions:
        first = min([fn.line, *(decorator.lineno for decorator in fn.decorators)])
        if not fn.top_level and first <= line <= getattr(fn.node, "end_lineno", fn.line):
            # Functions are in the order of the text: what is inside comes later.
            best = fn
    if best is module.top and any(
        site.fn is module.main and _line(site) == line for site in _sites(analysis)
    ):
        return module.main
    return best


def _sites(analysis: Analysis) -> Iterator[Site]:
    for sites in analysis.graph.sites.values():
        yield from sites


class _Explanation:
    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.colours = analysis.colours
        self.graph = analysis.graph

    def of(self, fn: Function) -> Iterator[str]:
        waits = fn in self.colours.waiting
        if self.colours.is_async(fn):
            was = "is a coroutine already" if fn.is_async else "becomes a coroutine"
            yield f"{self.place(fn)}: {fn.label} {was}" + (", for it waits:" if waits else "")
            yield from self.chain(fn)
        elif waits and not fn.top_level:
            yield from self.reasons(fn)
            yield "it waits, all the same:"
            yield from self.chain(fn)
            yield from self.remedy(fn)
        elif waits:
            yield f"{self.place(fn)}: {fn.label} is no function; it runs what it calls to its end:"
            yield from self.chain(fn)
        elif fn in self.analysis.facts.split:
            yield f"{self.place(fn)}: {fn.label} serves functions of both colours: each has its own"
        else:
            yield f"{self.place(fn)}: {fn.label} stays as it is: nothing that it calls waits for an RPC"

    def reasons(self, fn: Function) -> Iterator[str]:
        """Why a function stays sync, and why what makes it so does."""
        seen: set[Function] = set()
        current: Function | None = fn
        while current is not None and current not in seen:
            seen.add(current)
            cut = self.colours.sync.get(current)
            if cut is None:
                yield f"{self.place(current)}: {current.label} runs on a plain thread"
                return
            rule = f" ({cut.rule})" if cut.rule else ""
            yield f"{self.place(current)}: {current.label} stays sync{rule}: {cut.reason}"
            current = cut.because

    def remedy(self, fn: Function) -> Iterator[str]:
        """What a person can do, by the rule of the cut that the others follow from."""
        seen: set[Function] = set()
        cut = self.colours.sync.get(fn)
        while cut is not None and cut.because in self.colours.sync and cut.because not in seen:
            seen.add(cut.because)
            cut = self.colours.sync[cut.because]
        for rule in RULES:
            if cut is not None and rule.id == cut.rule and rule.remedy:
                yield f"what to do about {rule.id}: {rule.remedy}"

    def chain(self, fn: Function) -> Iterator[str]:
        """The shortest way from a function to an RPC, or else to something that waits of itself."""
        yield from next(filter(None, (list(self.way(fn, ends)) for ends in (is_rpc, waits_itself))), [])

    def way(self, fn: Function, ends: Callable[[Site], bool]) -> Iterator[str]:
        came: dict[Function, tuple[Function, Site | None]] = {}
        queue = deque([fn])
        seen = {fn}
        while queue:
            current = queue.popleft()
            end = next((site for site in self.graph.of(current) if ends(site)), None)
            if end is not None:
                yield from self.steps(fn, current, came)
                yield f"  {self.place(current, end)}: {current.label} {self.what(end)}"
                return
            for other, site in self.onward(current):
                if other not in seen:
                    seen.add(other)
                    came[other] = current, site
                    queue.append(other)

    def onward(self, fn: Function) -> Iterator[tuple[Function, Site | None]]:
        for site in self.graph.of(fn):
            for callee in getattr(site, "callees", ()):
                if callee in self.colours.waiting:
                    yield callee, site
        for other in sorted(
            self.graph.families.get(fn, ()), key=lambda member: (member.module.path, member.line)
        ):
            if other is not fn and other in self.colours.waiting:
                yield other, None
        for fixture in self.analysis.facts.fixtures.get(fn, ()):
            if fixture in self.colours.waiting:
                yield fixture, None

    def steps(
        self, start: Function, end: Function, came: dict[Function, tuple[Function, Site | None]]
    ) -> list[str]:
        lines: list[str] = []
        while end is not start:
            before, site = came[end]
            if site is None:
                verb = "changes together with"
                place = self.place(before)
            else:
                verb = {IterateSite: "iterates over", WithSite: "enters", ReadSite: "reads"}.get(
                    type(site), "calls"
                )
                place = self.place(before, site)
            lines.append(f"  {place}: {before.label} {verb} {end.label}")
            end = before
        return lines[::-1]

    def what(self, site: Site) -> str:
        if isinstance(site, CallSite):
            call = ast.unparse(site.node.func)
            if site.unknown:
                return f"calls {call}, of a stub whose generated code is not in reach"
            kinds = sorted({"an RPC" if is_rpc(site) else f"a call of {kind}" for kind in site.kinds})
            return f"waits for {call}(), {' or '.join(kinds)}"
        if isinstance(site, IterateSite):
            return f"reads the stream {ast.unparse(site.iterable)}" if site.iterable else "reads a stream"
        if isinstance(site, WithSite):
            return f"closes the channel {ast.unparse(site.node.items[site.item].context_expr)} on its way out"
        if isinstance(site, WaitSite):
            return f"waits in {site.path}"
        return f"hands what waits to {getattr(site, 'to', 'a call')}"

    def place(self, fn: Function, site: Site | None = None) -> str:
        line = _line(site) if site is not None else fn.line
        if site is None and fn.kind == "main":
            line = next((node.lineno for node in fn.module.source.tree.body if is_main_guard(node)), line)
        return f"{fn.module.path}:{line}"


def is_rpc(site: Site) -> bool:
    if isinstance(site, CallSite):
        made = any(kind.endswith("MultiCallable") for kind in site.kinds)
        return site.unknown or (site.intrinsic and made)
    return isinstance(site, IterateSite) and site.stream


def waits_itself(site: Site) -> bool:
    """True where a place waits for something that is not a function of the program."""
    if isinstance(site, CallSite):
        return site.intrinsic or site.unknown
    if isinstance(site, IterateSite):
        return site.stream
    if isinstance(site, WithSite):
        return site.channel
    return isinstance(site, WaitSite) or (isinstance(site, HandSite) and (site.multi or bool(site.origins)))


def _line(site: Site) -> int:
    return getattr(site.node, "lineno", 0) or getattr(getattr(site, "iterable", None), "lineno", 0)
