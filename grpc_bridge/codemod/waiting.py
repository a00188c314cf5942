"""Who waits: the colours of functions as they come out, and which places in a function wait for what."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

from .boundary import Cut, callbacks
from .counterparts import Counterparts
from .entries import entries
from .index import Function, Program
from .infer import Facts
from .sites import (
    CallSite,
    Graph,
    HandSite,
    IterateSite,
    LockKey,
    LockSite,
    ReadSite,
    Site,
    WaitSite,
    WithSite,
)

CALL_KINDS = frozenset({"Future", "Call", "ResponseStream"})


@dataclass
class Colours:
    """The verdict: who becomes (or is) a coroutine, who waits and stays sync, and why."""

    counterparts: Counterparts
    """The queues, locks, events and threads, and those of which asyncio's take the place."""
    waiting: set[Function] = field(default_factory=set)
    sync: dict[Function, Cut] = field(default_factory=dict)
    callbacks: set[Function] = field(default_factory=set)
    barred: dict[Site, Cut] = field(default_factory=dict)
    """Places in functions that are coroutines already where no await may stand: they stay as they are."""
    entries: set[Function] = field(default_factory=set)
    """Commands: what calls them calls a plain function, which runs the coroutine that they become."""
    methods: dict[str, list[Function]] = field(default_factory=dict)
    """The methods of the program's classes, by name."""
    feeding: set[Function] = field(default_factory=set)
    """Functions that make streams or futures for which coroutines wait."""

    def is_async(self, fn: Function) -> bool:
        return fn.is_async or (fn in self.waiting and fn not in self.sync and not fn.top_level)

    def stays_sync(self, fn: Function) -> bool:
        return fn in self.waiting and fn in self.sync


class Waiting:
    """The closure of waiting over the call graph; what stays sync is decided by `propagate.Solver`."""

    natural: Mapping[Function, Cut]
    """What stays sync whatever the others do."""

    def __init__(self, program: Program, graph: Graph, facts: Facts, counterparts: Counterparts) -> None:
        self.graph = graph
        self.facts = facts
        self.functions = [fn for fn in program.functions() if fn in graph.sites]
        self.counterparts = counterparts
        self.colours = Colours(counterparts, callbacks=callbacks(graph))
        self.colours.entries = entries(program, graph, facts)
        for fn in self.functions:
            if fn.cls is not None and not fn.module.source.generated:
                self.colours.methods.setdefault(fn.name, []).append(fn)
        self.promoted: set[Function] = set()
        """Those that wait because coroutines call them, or stand in for what waits."""
        self.sync_creators: set[Function] = set()
        self.long_held: dict[LockKey | None, Function] = {}
        self.inside: dict[ast.GeneratorExp, list[Site]] = {}
        """The places inside each generator expression."""
        for sites in graph.sites.values():
            for site in sites:
                if site.generator is not None:
                    self.inside.setdefault(site.generator, []).append(site)
        self.roots = {fn for fn in self.functions if self.is_root(fn)}

    def is_root(self, fn: Function) -> bool:
        """Called by a framework that takes both colours."""
        return (
            fn in self.facts.handlers
            or fn in self.colours.entries
            or self.facts.has_role(fn, "fixture")
            or fn.name.startswith("test")
            or fn.name in ("setUp", "tearDown")
        )

    def site_waits(self, site: Site) -> bool:
        waiting = self.colours.waiting
        if isinstance(site, CallSite):
            done = site.fn in self.colours.callbacks and site.kinds <= CALL_KINDS
            return (site.intrinsic and not done) or site.unknown or bool(site.callees & waiting)
        if isinstance(site, IterateSite):
            return site.stream or bool(site.callees & waiting) or any(map(self.inside_waits, site.generators))
        if isinstance(site, WithSite):
            return site.channel or bool(site.callees & waiting)
        if isinstance(site, ReadSite):
            return bool(site.callees & waiting)
        if isinstance(site, (LockSite, WaitSite)):
            return self.counterparts.waits(site)
        if isinstance(site, HandSite) and site.sink is None:
            return site.multi or bool(site.origins) or bool(site.functions & waiting)
        return False

    def inside_waits(self, generator: ast.GeneratorExp) -> bool:
        return any(map(self.site_waits, self.inside.get(generator, ())))

    def close_waiting(self) -> None:
        waiting = self.colours.waiting
        waiting |= self.promoted | self.counterparts.executors.functions
        waiting |= self.graph.creators & self.colours.sync.keys() & self.sync_creators
        changed = True
        while changed:
            changed = False
            for fn in self.functions:
                if fn in waiting:
                    continue
                if (
                    fn in self.graph.iterators
                    or any(self.site_waits(site) for site in self.graph.of(fn))
                    or any(other in waiting for other in self.graph.families.get(fn, ()))
                    or self.needs_loop(fn)
                ):
                    waiting.add(fn)
                    changed = True

    def needs_loop(self, fn: Function) -> bool:
        """A test of an asynchronous fixture: what that started is served only while a loop runs."""
        return not self.facts.has_role(fn, "fixture") and any(
            self.colours.is_async(fixture) and fixture not in self.natural for fixture in self.fixtures(fn)
        )

    def fixtures(self, fn: Function) -> set[Function]:
        """The fixtures of a test, and theirs."""
        found: set[Function] = set()
        pending = [fn]
        while pending:
            for fixture in self.facts.fixtures.get(pending.pop(), set()) - found:
                found.add(fixture)
                pending.append(fixture)
        return found

    def find_consumers(self) -> dict[Function, set[Function]]:
        found: dict[Function, set[Function]] = {}
        for fn, sites in self.graph.sites.items():
            for site in sites:
                if isinstance(site, (CallSite, IterateSite)) and site.origins and self.site_waits(site):
                    for origin in site.origins:
                        found.setdefault(origin, set()).add(fn)
        return found

    def find_long_held(self) -> dict[LockKey | None, Function]:
        """The locks that somebody holds while he waits: to take one may take long."""
        found: dict[LockKey | None, Function] = {}
        for fn, sites in self.graph.sites.items():
            for lock in sites:
                if not isinstance(lock, LockSite) or self.counterparts.waits(lock):
                    continue
                if lock.key and any(map(self.keeps_lock, lock.inside)):
                    found.setdefault(lock.key, fn)
        return found

    def keeps_lock(self, site: Site) -> bool:
        """True where `site` waits and keeps whatever lock is held; a Condition's `wait` lets go of it."""
        if isinstance(site, WaitSite):
            return not site.path.startswith("threading.Condition()")
        return self.site_waits(site)

    def callees(self, fn: Function, threaded: bool = False) -> set[Function]:
        """What a function calls; with `threaded`, what it calls in a worker thread."""
        return {
            callee
            for site in self.graph.of(fn)
            if isinstance(site, (CallSite, IterateSite, WithSite, ReadSite))
            if not threaded or (isinstance(site, CallSite) and site.threaded)
            for callee in site.callees
        }

    def awaits_itself(self, fn: Function) -> bool:
        return fn in self.graph.iterators | self.counterparts.executors.functions or any(
            self.site_waits(site)
            and (
                (isinstance(site, CallSite) and site.intrinsic)
                or (isinstance(site, IterateSite) and site.stream)
                or (isinstance(site, WithSite) and site.channel)
                or isinstance(site, (LockSite, WaitSite))
            )
            for site in self.graph.of(fn)
        )

    def blocks(self, site: Site) -> bool:
        return isinstance(site, WaitSite) or (isinstance(site, LockSite) and site.key in self.long_held)
