"""Step 4, propagate: the colour of every function, to a fixpoint over the call graph.

All functions that wait start as coroutines; reasons to stay sync are then spread until nothing moves.
What is left sync always ends up on a plain thread, where blocking is right.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType

from .adapters import read_by_name, use_of
from .boundary import Cut, cuts
from .counterparts import Counterparts
from .discover import from_here
from .fakes import fakes
from .index import Function, Program, own_nodes
from .infer import Facts
from .sites import (
    CallSite,
    Graph,
    HandSite,
    IterateSite,
    LockSite,
    ReadSite,
    Site,
    WaitSite,
    WithSite,
)
from .values import Obj
from .waiting import Colours, Waiting

LOOP_BOUND = frozenset({"Server", "ResponseStream", "Future", "Call"})
"""Objects that belong to the loop on which they were made or started, and end with it."""

DRIVES = "one drives the other"


def propagate(
    program: Program,
    graph: Graph,
    facts: Facts,
    keep_sync: Collection[str] = frozenset(),
    kept: Mapping[Function, Cut] = MappingProxyType({}),
    counterparts: Counterparts | None = None,
) -> Colours:
    """The fixpoint; what `keep_sync` names and what `kept` holds stays as it is, because the user says so."""
    counterparts = counterparts or Counterparts(program, graph, facts)
    natural = {**cuts(program, graph, facts, keep_sync), **kept}
    solver = Solver(program, graph, facts, counterparts)
    solver.settle(natural)
    if counterparts.begin(solver.colours):
        while True:
            tasks = {fn for fn in natural if natural[fn].rule == "GB703" and counterparts.released(fn)}
            remaining = {fn: cut for fn, cut in natural.items() if fn not in tasks}
            solver.settle(remaining)
            if not counterparts.drop(solver.colours):
                break
    return solver.colours


class Solver(Waiting):
    natural: dict[Function, Cut]

    def __init__(self, program: Program, graph: Graph, facts: Facts, counterparts: Counterparts) -> None:
        super().__init__(program, graph, facts, counterparts)
        self.fakes = fakes(program, graph)
        self.consumers: dict[Function, set[Function]] = {}
        """Who waits for the streams and futures that a function makes."""

    def settle(self, natural: Mapping[Function, Cut]) -> None:
        """The fixpoint over these cuts, with those who are called by what it makes coroutines."""
        self.natural = dict(natural)
        self.promoted = set(self.fakes)
        while True:
            self.solve()
            if not self.promote():
                return

    # Who stays sync

    def cut(self, fn: Function, rule: str, reason: str, chain: bool, because: Function | None = None) -> None:
        if fn not in self.colours.sync and not fn.is_async and not fn.top_level:
            self.colours.sync[fn] = Cut(rule, reason, chain, because)
            self.moved = True

    def stop(self, fn: Function, site: Site, rule: str, reason: str) -> None:
        """No await can stand at `site`: its function stays sync or, if it is a coroutine, the place does."""
        if not fn.is_async:
            self.cut(fn, rule, reason, True)
        elif site not in self.colours.barred:
            self.colours.barred[site] = Cut(rule, reason, True)
            self.moved = True

    def sync_context(self, fn: Function) -> bool:
        """True where `fn` runs on a plain thread: it stays sync, or is the top level of a module."""
        return fn.top_level or (fn in self.colours.sync and not fn.is_async)

    def solve(self) -> None:
        self.sync_creators: set[Function] = set()
        self.colours.waiting = set()
        self.colours.sync = {}
        self.colours.barred = {}
        self.close_waiting()
        self.moved = True
        while self.moved:
            self.moved = False
            self.consumers = self.find_consumers()
            self.colours.feeding = {
                fn for fn, others in self.consumers.items() if any(map(self.colours.is_async, others))
            }
            self.long_held = self.find_long_held()
            for fn in self.functions:
                if not fn.module.in_run:
                    threaded = self.callees(fn, threaded=True)
                    for callee in self.callees(fn) & self.colours.waiting - self.colours.entries:
                        where = f"{from_here(fn.module.path)}, which is not in the run, calls it"
                        # Sync code outside calls it on a plain thread; there it may bridge.
                        self.cut(callee, "GB710", where, fn.is_async and callee not in threaded, fn)
                if fn.top_level:
                    self.examine_border(fn)
                if fn in self.colours.waiting:
                    if fn in self.natural and fn not in self.colours.sync and not fn.is_async:
                        self.colours.sync[fn] = self.natural[fn]
                        self.moved = True
                    self.examine(fn)
                elif fn in self.graph.creators:
                    self.examine_creator(fn)
            self.keep_barred()
            self.hard_links()
            self.close_waiting()
            if not self.moved:
                self.vanish()
                self.close_waiting()

    def examine(self, fn: Function) -> None:
        if self.sync_context(fn):
            self.examine_border(fn)
            cut = self.colours.sync.get(fn)
            if cut is not None and cut.chain:
                for callee in self.callees(fn) & self.colours.waiting:
                    reason = f"{fn.label} calls it, and stays sync"
                    self.cut(callee, "GB706", reason, True, fn)
            return
        for site in self.graph.of(fn):
            self.examine_site(fn, site)
            body = fn.node.body if isinstance(fn.node, ast.Lambda) else site.node
            if site.node is not body and self.site_waits(site):
                self.cut(fn, "GB716", "a lambda cannot await", True)
        callers = self.family_callers(fn)
        if callers and fn not in self.roots and all(self.sync_caller(c) for c in callers):
            names = ", ".join(sorted({caller.label for caller in callers})[:3])
            because = min(callers, key=lambda caller: (str(caller.module.path), caller.line))
            self.cut(fn, "GB706", f"only sync code calls it ({names})", False, because)
        if fn.is_generator:
            self.examine_generator(fn)

    def examine_border(self, fn: Function) -> None:
        """Sync code that goes on with what a coroutine made would find its loop gone."""
        for site in self.graph.of(fn):
            if isinstance(site, CallSite) and site.expected is not None:
                for callee in site.callees & self.colours.waiting:
                    self.cut(
                        callee, "GB702", f"{fn.label} has it called by its test, and stays sync", False, fn
                    )
            if isinstance(site, CallSite) and not (site.awaited or site.picked):
                coroutines = {callee for callee in site.callees if self.colours.is_async(callee)}
                if coroutines and (site.plain or coroutines < site.callees):
                    # What is run has to be a coroutine, each time.
                    told = self.both(site)
                    for callee in coroutines:
                        self.cut(callee, "GB706", told, True, fn)
            if isinstance(site, CallSite) and any(
                isinstance(value, Obj) and value.kind in LOOP_BOUND for value in self.facts.of(site.node)
            ):
                for callee in site.callees & self.colours.waiting:
                    self.cut(callee, "GB706", f"{fn.label} goes on with what it returns", True, fn)

    def keep_barred(self) -> None:
        """What a coroutine calls where it cannot await stays sync."""
        for site, cut in self.colours.barred.items():
            callees: set[Function] = getattr(site, "callees", set())
            for callee in callees & self.colours.waiting:
                reason = f"{site.fn.label} calls it in line {_line(site)}, where it cannot await"
                self.cut(callee, cut.rule, reason, True, site.fn)

    def sync_caller(self, caller: Function) -> bool:
        return caller.kind == "module" or (caller.kind != "main" and self.sync_context(caller))

    def examine_site(self, fn: Function, site: Site) -> None:
        waits = self.site_waits(site)
        if waits and self.counterparts.held(site):
            self.stop(fn, site, "GB704", f"line {_line(site)} waits while a threading lock is held")
        if waits and site in self.graph.sync_form:
            self.stop(fn, site, "GB711", f"line {_line(site)} is under grpc.blocking()")
        if waits and fn.cls is not None and fn.name == "__iter__" and not fn.is_generator:
            reason = f"line {_line(site)} waits where Python asks for an iterator, and does not await it"
            self.stop(fn, site, "GB701", reason)
        if waits and self.in_class_body(site):
            reason = f"line {_line(site)} waits in the body of a class, which cannot await"
            self.stop(fn, site, "GB706", reason)
        if waits and sys.version_info < (3, 11) and self.comprehensions_around(site) > 1:
            reason = f"line {_line(site)} waits in a comprehension inside another, which needs Python 3.11"
            self.stop(fn, site, "GB706", reason)
        awaited = isinstance(site, CallSite) and (site.awaited or site.given)
        if waits and site.generator and not (awaited or self.can_collect(site.generator, fn)):
            reason = f"line {_line(site)} waits inside a generator expression that is handed on"
            self.stop(fn, site, "GB720", reason)
        if isinstance(site, (CallSite, IterateSite, WithSite)) and waits:
            sync = {c for c in site.callees if c in self.colours.waiting and self.sync_context(c)}
            others = site.callees - self.colours.waiting
            plain = site.plain or (bool(others) and not self.may_follow(site, others))
            if isinstance(site, CallSite) and site.unknown:
                what = f"line {_line(site)} calls a stub whose generated code is not in reach"
                self.cut(fn, "GB709", what, False)
            if isinstance(site, CallSite):
                awaited = site.intrinsic or any(self.colours.is_async(c) for c in site.callees)
                # What is awaited already is the author's word for it.
                mixed = awaited and not site.awaited and (plain or bool(sync))
            else:
                # Both methods of a protocol are callees: it is enough that one of them waits.
                idle = any(group and group.isdisjoint(self.colours.waiting) for group in site.groups)
                mixed = site.plain or bool(sync) or idle
            if mixed:
                self.stop(fn, site, "GB706", self.both(site))
        if isinstance(site, IterateSite) and waits:
            self.examine_iteration(fn, site)
        if isinstance(site, ReadSite) and waits and not self.readable(site):
            self.cut(fn, "GB706", f"line {_line(site)} waits where Python calls a method itself", True)
        if isinstance(site, WaitSite) and site.how != "stuck" and self.counterparts.held(site):
            self.cut(fn, "GB704", f"line {_line(site)} blocks while a threading lock is held", True)
        if isinstance(site, LockSite) and site.key in self.long_held:
            holder = self.long_held[site.key].label
            reason = f"line {_line(site)} takes a lock that {holder} holds while it waits"
            self.cut(fn, "GB704", reason, True)
        if isinstance(site, WaitSite) and site.how == "stuck" and not waits:
            self.cut(fn, "GB703", f"line {_line(site)} waits for worker threads", True)
        if isinstance(site, HandSite) and waits:
            what = f"line {_line(site)} hands something that waits to {site.to}"
            self.stop(fn, site, "GB717" if site.sorts else "GB720" if site.generators else "GB702", what)

    def both(self, site: CallSite | IterateSite | WithSite) -> str:
        """That what is awaited at a place is not always awaitable, and what is and what is not."""
        waits: list[str] = []
        others: list[str] = []
        for fn in sorted(site.callees, key=lambda fn: (str(fn.module.path), fn.line)):
            (waits if self.colours.is_async(fn) else others).append(fn.label)
        if site.plain:
            others.append("code that the analysis does not follow")
        told = f"line {_line(site)} may or may not be awaitable"
        if not waits or not others:
            return told
        return f"{told}: {', '.join(waits[:3])} would be, {', '.join(others[-3:])} would not"

    def may_follow(self, site: Site, others: set[Function]) -> bool:
        """True for commands that wait for nothing: they become coroutines, as those beside them do."""
        return (
            isinstance(site, CallSite)
            and site.picked
            and all(
                fn.kind == "def" and fn.module.in_run and fn not in self.natural and not fn.is_generator
                for fn in others
            )
        )

    def in_class_body(self, site: Site) -> bool:
        node: ast.AST | None = site.node
        while node is not None and node is not site.fn.node:
            parent = self.graph.parents.get(node)
            if isinstance(parent, ast.ClassDef) and node in parent.body:
                return True
            node = parent
        return False

    def readable(self, site: ReadSite) -> bool:
        """True where a worker thread can evaluate the place: nothing inside it is awaited."""
        if site.stores or (site.truth and not isinstance(site.node, (ast.Name, ast.Attribute))):
            return False
        inside = set(ast.walk(site.node)) - {site.node}
        return not any(other.node in inside and self.site_waits(other) for other in self.graph.of(site.fn))

    def comprehensions_around(self, site: Site) -> int:
        """How many comprehensions a site would stand in, with the one that it may become itself."""
        found = int(isinstance(site, IterateSite) and site.form.startswith(("collect", "whole")))
        node: ast.AST | None = site.node
        while node is not None and node is not site.fn.node:
            found += isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp))
            node = self.graph.parents.get(node)
        return found

    def examine_iteration(self, fn: Function, site: IterateSite) -> None:
        if site.form == "yield from":
            statement = self.graph.parents.get(site.node)
            if not isinstance(statement, ast.Expr):
                self.stop(fn, site, "GB720", f"line {_line(site)} uses the value of yield from")

    def examine_generator(self, fn: Function) -> None:
        for node in own_nodes(fn):
            if isinstance(node, ast.Return) and node.value is not None:
                self.cut(fn, "GB720", "an asynchronous generator cannot return a value", True)
            if (
                isinstance(node, ast.YieldFrom)
                and not any(
                    isinstance(site, IterateSite) and site.node is node and self.site_waits(site)
                    for site in self.graph.of(fn)
                )
                and not isinstance(self.graph.parents.get(node), ast.Expr)
            ):
                self.cut(fn, "GB720", "an asynchronous generator cannot delegate for a value", True)

    def can_collect(self, generator: ast.GeneratorExp, fn: Function) -> bool:
        """True where it is seen who reads the generator expression: it may become asynchronous."""
        parents = self.graph.parents
        return use_of(generator, self.facts, parents) is not None or read_by_name(
            generator, fn, self.facts, parents
        )

    def examine_creator(self, fn: Function) -> None:
        """A function that starts a stream or future and does not wait: it works in either context."""
        consumers = self.consumers.get(fn, set())
        if not consumers:
            return
        if any(self.sync_context(c) for c in consumers):
            self.sync_creators.add(fn)
            self.cut(fn, "GB706", "what it starts is waited for by code that stays sync", False)
            return
        if any(self.in_sync_context(caller, set()) for caller in self.graph.callers.get(fn, ())) or (
            fn in self.natural and fn.name != "__init__"
        ):
            self.sync_creators.add(fn)
            self.cut(fn, "GB706", "code that stays sync calls it too", False)

    def in_sync_context(self, fn: Function, seen: set[Function]) -> bool:
        if self.sync_context(fn):
            return True
        if fn in self.colours.waiting or fn in seen:
            return False
        seen.add(fn)
        return any(self.in_sync_context(caller, seen) for caller in self.graph.callers.get(fn, ()))

    def hard_links(self) -> None:
        """Functions that share a stream, a generator, a context manager or a class change together."""
        for origin, consumers in self.consumers.items():
            for consumer in consumers - {origin}:
                self.link(consumer, origin, "a stream or future goes from one to the other")
        for fake, users in self.fakes.items():
            for user in users:
                self.link(user, fake, "it stands in for a stub there")
        for fn, sites in self.graph.sites.items():
            for site in sites:
                if isinstance(site, (IterateSite, WithSite)):
                    for callee in site.callees & self.colours.waiting:
                        self.link(fn, callee, DRIVES)
        for fn, makers in self.graph.sent.items():
            for maker in makers & self.colours.waiting if self.sync_context(fn) else ():
                self.cut(maker, "GB720", f"{fn.label} stays sync, and sends what it makes", False, fn)
        for fn in list(self.colours.waiting):
            for other in self.graph.families.get(fn, ()):
                self.link(fn, other, "one overrides the other")
            if self.sync_context(fn) and not self.facts.has_role(fn, "fixture"):
                for fixture in self.fixtures(fn) & self.colours.waiting:
                    self.cut(fixture, "GB706", f"{fn.label} uses it and stays sync", True, fn)

    def link(self, left: Function, right: Function, why: str) -> None:
        for fn, other in ((left, right), (right, left)):
            if not self.sync_context(fn) or self.sync_context(other):
                continue
            if other not in self.colours.waiting:
                if other not in self.graph.creators:
                    continue
                self.sync_creators.add(other)
            generator = other.is_generator and not self.facts.has_role(other, "contextmanager")
            rule = "GB720" if why == DRIVES and generator else "GB706"
            self.cut(other, rule, f"{fn.label} stays sync, and {why}", True, fn)

    def family_callers(self, fn: Function) -> set[Function]:
        family = self.graph.families.get(fn, {fn})
        callers = {c for member in family for c in self.graph.callers.get(member, ())}
        callers |= {c for member in family for c in self.counterparts.starters(member)}
        if any(member in self.roots for member in family):
            return set()
        return callers - family

    def vanish(self) -> None:
        """A function whose every wait stays sync has nothing to await: it stays sync too."""
        candidates = {fn for fn in self.colours.waiting if self.colours.is_async(fn)}
        alive = {fn for fn in candidates if fn.is_async or fn in self.promoted or self.awaits_itself(fn)}
        grown = True
        while grown:
            grown = False
            for fn in candidates - alive:
                family = self.graph.families.get(fn, set())
                fixtures = set() if self.facts.has_role(fn, "fixture") else self.fixtures(fn)
                if (self.callees(fn) | family | fixtures) & alive:
                    alive.add(fn)
                    grown = True
        for fn in candidates - alive:
            self.cut(fn, "GB706", "all that it waits for stays sync", False)

    # Functions that wait for something other than gRPC

    def promote(self) -> bool:
        """A function that sleeps or waits for a thread, called by a coroutine, may not block the loop."""
        wrappers = self.facts.looked_through()
        sleepy = {
            fn
            for fn in self.functions
            if not fn.top_level
            and any(self.blocks(site) for code in (fn, *wrappers.get(fn, ())) for site in self.graph.of(code))
        }
        self.spread(sleepy, [fn for fn in self.functions if fn not in self.colours.waiting], self.callees)
        candidates = sleepy - self.colours.waiting - self.promoted
        asynchronous = {fn for fn in self.functions if self.colours.is_async(fn)}
        coroutines = asynchronous & self.colours.waiting
        wanted = set(coroutines)
        self.spread(wanted, candidates, lambda fn: self.graph.callers.get(fn, set()))
        for fn in wanted - coroutines:
            if not self.graph.callers[fn] <= wanted | asynchronous:
                reason = "it waits, and both coroutines and sync code call it"
                self.natural.setdefault(fn, Cut("GB706", reason, True))
        followers = self.counterparts.wanted(self.colours) | self.picked()
        followers -= wanted | self.promoted
        self.promoted |= wanted - coroutines | followers
        return wanted > coroutines or bool(followers)

    def picked(self) -> set[Function]:
        """Commands that stand beside coroutines where argparse picks one."""
        return {
            callee
            for sites in self.graph.sites.values()
            for site in sites
            if isinstance(site, CallSite) and site.picked and any(map(self.colours.is_async, site.callees))
            for callee in site.callees
        }

    def spread(
        self,
        found: set[Function],
        candidates: Iterable[Function],
        neighbours: Callable[[Function], set[Function]],
    ) -> None:
        """Add to `found` every candidate that has a neighbour in it, until there is none."""
        pending = [fn for fn in candidates if not fn.top_level and fn not in found]
        grown = True
        while grown:
            more = [fn for fn in pending if neighbours(fn) & found]
            found.update(more)
            pending = [fn for fn in pending if fn not in found]
            grown = bool(more)


def _line(site: Site) -> int:
    return getattr(site.node, "lineno", 0) or getattr(getattr(site, "iterable", None), "lineno", 0)
