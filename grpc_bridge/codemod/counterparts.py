"""Which queues, locks, events and threads asyncio's take the place of: those whose users share one loop.

asyncio's are for one loop and one thread. So all who use one have to be coroutines, or plain functions that
only coroutines call; and no thread may run one of them through `grpc.run`, which has a loop of its own.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

from .boundary import Cut
from .executors import Executor, Pool, kept
from .executors import find as find_executors
from .index import Function, Module, Program
from .infer import Facts
from .primitives import LOCKS, QUEUES, THREAD, Primitive, Use, feeders, find, streams_requests
from .sites import CallSite, Graph, HandSite, IterateSite, LockSite, ReadSite, Site, WaitSite, WithSite
from .threads import examine, may_block
from .values import Ext

GATHER = "GB406"
RULES = {**dict.fromkeys(QUEUES, "GB403"), THREAD: "GB405"}
"""The rules that write the change; of all other kinds, GB404."""

EMPTY = "queue.Empty"
FULL = "queue.Full"


class Verdict(Protocol):
    """What is asked of `waiting.Colours`."""

    waiting: set[Function]
    sync: dict[Function, Cut]

    def is_async(self, fn: Function) -> bool: ...


class Counterparts:
    """The primitives of a program, and those of them that are taken for asyncio's."""

    def __init__(self, program: Program, graph: Graph, facts: Facts) -> None:
        self.graph = graph
        self.facts = facts
        self.primitives = find(program, facts, graph.parents)
        self.taken: set[Primitive] = set()
        self.relevant: set[Primitive] = set()
        self.executors = Executors(*find_executors(program, facts, graph.parents), graph)
        self.exceptions = Exceptions(graph, facts, bool(self.primitives))
        if not (self.primitives or self.executors.found):
            return
        for primitive in self.primitives:
            examine(primitive, facts, graph.parents)
        self.feeders = feeders(program, facts)
        self.around: dict[Site, list[LockSite]] = {}
        for sites in graph.sites.values():
            for lock in sites:
                if isinstance(lock, LockSite):
                    for site in lock.inside:
                        self.around.setdefault(site, []).append(lock)
        self.by_hand = {
            fn
            for fn, sites in graph.sites.items()
            for site in sites
            if site.locked and site not in self.around and not isinstance(site, LockSite)
        }
        self.withs = {use.place: p for p in self.primitives for use in p.uses if use.form == "with"}
        self.handed: dict[Function, list[HandSite]] = {}
        self.threaded: set[Function] = set()
        for sites in graph.sites.values():
            for site in sites:
                if isinstance(site, HandSite):
                    for fn in site.functions:
                        self.handed.setdefault(fn, []).append(site)
                elif isinstance(site, CallSite) and site.threaded:
                    self.threaded |= site.callees

    def leave(self, lines: Mapping[Module, Collection[int]], rules: Collection[str]) -> None:
        """Let stay as they are those that a person wants left alone: by kept lines, or by a rule left out."""
        for primitive in self.primitives:
            rule = RULES.get(primitive.kind, "GB404")
            if rule in rules:
                primitive.fail(f"{rule} is left out")
            places = [
                *zip(primitive.makers, primitive.made, strict=False),
                *((use.fn, use.place) for use in primitive.uses),
            ]
            if any(getattr(node, "lineno", 0) in lines.get(fn.module, ()) for fn, node in places):
                primitive.fail("a comment keeps a line that uses it")
        for executor in self.executors.found:
            if GATHER in rules:
                executor.fail(f"{GATHER} is left out")
            if kept(lines, executor):
                executor.fail("a comment keeps a line of it")

    # What is taken

    def begin(self, colours: Verdict) -> bool:
        """Take all that has to do with gRPC, to see how far it goes; False if there is nothing."""
        self.relevant = {p for p in self.primitives if self.concerns(p, colours)}
        self.taken = {p for p in self.relevant if not p.trouble}
        for primitive in self.taken:
            if primitive.target is not None and (call := may_block(primitive.target, self.facts)):
                primitive.fail(f"{primitive.target.label} calls {call}, which may block the loop")
        self.taken = {p for p in self.taken if not p.trouble}
        for primitive in self.exceptions.leaking(self.taken, self.primitives):
            primitive.fail("what it raises when it is empty or full may be caught elsewhere")
            self.taken.discard(primitive)
        return self.executors.begin(colours) or bool(self.taken)

    def concerns(self, primitive: Primitive, colours: Verdict) -> bool:
        if primitive.kind == THREAD:
            return primitive.target in colours.waiting
        if primitive.kind in LOCKS and any(use.form == "with" for use in primitive.uses):
            places = {use.place for use in primitive.uses}
            return any(
                self.keeps(site, colours)
                for use in primitive.uses
                for lock in self.graph.of(use.fn)
                if isinstance(lock, LockSite) and lock.node in places
                for site in lock.inside
            )
        return any(
            use.fn in colours.waiting or use.fn in self.feeders
            for use in primitive.uses
            if use.waits or use.form == "iter"
        )

    def keeps(self, site: Site, colours: Verdict) -> bool:
        """True for a place that waits, for gRPC or for something else."""
        if isinstance(site, WaitSite):
            return site.how not in ("loop", "own loop")
        if isinstance(site, CallSite):
            return site.intrinsic or bool(site.callees & colours.waiting)
        if isinstance(site, IterateSite):
            return site.stream or bool(site.callees & colours.waiting)
        return isinstance(site, WithSite) and (site.channel or bool(site.callees & colours.waiting))

    def drop(self, colours: Verdict) -> bool:
        """Give up what did not come out as it has to; True if there was something."""
        bridged = self.bridged(colours)
        unfit = {p: why for p in self.taken if (why := self.unfit(p, colours, bridged))}
        for primitive, why in unfit.items():
            primitive.fail(why)
        self.taken -= unfit.keys()
        return self.executors.drop(colours, bridged) or bool(unfit)

    def unfit(self, primitive: Primitive, colours: Verdict, bridged: set[Function]) -> str:
        if primitive.target is not None:
            maker = primitive.makers[0]
            if not colours.is_async(primitive.target):
                return f"{primitive.target.label}, which it runs, stays sync"
            if not (colours.is_async(maker) or self.on_loop(maker, colours, set())):
                return f"{maker.label}, which makes it, may run in another thread than the event loop's"
        alone = primitive.lone and all(map(colours.is_async, primitive.makers))
        for use in primitive.uses:
            if use.form == "name":
                continue
            fn = use.fn
            if not (colours.is_async(fn) and not fn.top_level):
                if use.waits:
                    return f"{fn.label} waits for it and stays sync"
                if not self.on_loop(fn, colours, set()):
                    return f"{fn.label} uses it and may run in another thread than the event loop's"
            if fn in bridged and not alone:
                return f"{fn.label} uses it and is run by more than one event loop"
            if fn in self.feeders and not all(self.on_a_loop(m, colours) for m in self.feeders[fn]):
                return f"{fn.label} uses it for a call that sync code makes"
            if use.form == "iter" and not self.reads_async(use, colours):
                return f"line {use.node.lineno} reads it where it cannot wait"
        return ""

    def reads_async(self, use: Use, colours: Verdict) -> bool:
        """True where `iter(queue.get, end)` is the requests of a call, or is read by a coroutine."""
        parent = self.graph.parents[use.place]
        if isinstance(parent, ast.Call):
            return parent.args[:1] == [use.place] and streams_requests(self.facts, parent)
        return isinstance(parent, (ast.For, ast.comprehension)) and colours.is_async(use.fn)

    def on_a_loop(self, fn: Function, colours: Verdict) -> bool:
        return colours.is_async(fn) or self.on_loop(fn, colours, set())

    def on_loop(self, fn: Function, colours: Verdict, seen: set[Function]) -> bool:
        """True for a plain function that coroutines call, and nobody else."""
        if fn in seen:
            return True
        seen.add(fn)
        sites = self.handed.get(fn, ())
        callers = self.graph.callers.get(fn, set())
        if (
            fn.kind != "def"
            or not fn.module.in_run
            or fn.is_generator
            or fn in colours.sync
            or fn in self.facts.handlers
            or fn in self.threaded
            or sites
            or not callers
        ):
            return False
        return all(colours.is_async(caller) or self.on_loop(caller, colours, seen) for caller in callers)

    def bridged(self, colours: Verdict) -> set[Function]:
        """What sync code runs on loops of its own, and all that this calls."""
        found: set[Function] = set()
        for fn, sites in self.graph.sites.items():
            if colours.is_async(fn) and not fn.top_level:
                continue
            run = [
                callee
                for site in sites
                if isinstance(site, CallSite)
                for callee in site.callees
                if colours.is_async(callee)
            ]
            if fn.kind != "main" or len(run) > 1:
                found.update(run)
        pending = list(found)
        while pending:
            for site in self.graph.of(pending.pop()):
                if isinstance(site, (CallSite, IterateSite, WithSite, ReadSite)):
                    pending += site.callees - found
                    found |= site.callees
        return found

    # What follows from it

    def waits(self, site: Site) -> bool:
        """True for a `with` that takes one of asyncio's locks, and where tasks are waited for."""
        if isinstance(site, WaitSite):
            return site.node in self.executors.places
        return bool(self.taken) and isinstance(site, LockSite) and self.withs.get(site.node) in self.taken

    def held(self, site: Site) -> bool:
        """True where a lock of threads is held."""
        if not (site.locked and self.taken):
            return site.locked
        return site.fn in self.by_hand or not all(self.waits(lock) for lock in self.around.get(site, ()))

    def starters(self, fn: Function) -> Iterator[Function]:
        """Who runs a function in tasks."""
        yield from (p.makers[0] for p in self.taken if p.target is fn)
        yield from (executor.fn for executor in self.executors.taken if fn in executor.targets)

    def released(self, fn: Function) -> bool:
        """True for a function that only threads run that become tasks."""
        targets = {
            id(keyword.value)
            for primitive in self.taken
            if primitive.target is fn
            for keyword in getattr(primitive.made[0], "keywords", ())
        }
        targets |= self.executors.given
        sites = self.handed.get(fn, [])
        return bool(sites) and all(
            site.sink is not None and site.sink.kind == "thread" and id(site.node) in targets
            for site in sites
        )

    def wanted(self, colours: Verdict) -> set[Function]:
        """Generators and iterators that feed calls out of such a queue, where the call is made on a loop."""
        using = {use.fn for primitive in self.taken for use in primitive.uses if use.form != "name"}
        return {
            fn
            for fn, makers in (self.feeders.items() if self.taken else ())
            if fn in using and all(self.on_a_loop(maker, colours) for maker in makers)
        }


class Executors:
    """The executors of a program, and those of them in whose place tasks are taken."""

    def __init__(self, found: list[Executor], pools: list[Pool], graph: Graph) -> None:
        self.found = found
        self.pools = pools
        self.graph = graph
        self.relevant: set[Executor] = set()
        self.take(set())

    def take(self, taken: set[Executor]) -> None:
        self.taken = taken
        self.generators = {(e.fn, generator) for e in taken for generator in e.generators}
        self.places = {node for executor in taken for node in executor.places(self.graph.parents)}
        """Where a function waits for what one runs."""
        self.functions = {executor.fn for executor in taken}
        self.given = {id(call.args[0]) for e in taken for call in (*e.submits, *e.maps)}
        """The functions that they are given, as they are written there."""

    def begin(self, colours: Verdict) -> bool:
        """Take all that run RPCs, to see how far it goes."""
        self.relevant = {e for e in self.found if e.rpcs or e.targets & colours.waiting}
        self.relevant |= {user for e in self.relevant if e.pool is not None for user in e.pool.users}
        self.share()
        self.take({executor for executor in self.relevant if not executor.trouble})
        return bool(self.taken)

    def share(self) -> None:
        """All who use a pool are taken, or none."""
        for pool in self.pools:
            for user in pool.users:
                pool.fail(user.trouble)
            for user in pool.users:
                user.fail(pool.trouble)

    def drop(self, colours: Verdict, bridged: set[Function]) -> bool:
        """Give up those of which something stays sync."""
        for executor in self.taken:
            others = [fn for fn in (executor.fn, *executor.targets) if not colours.is_async(fn)]
            if others:
                executor.fail(f"{others[0].label} stays sync")
            elif executor.pool is not None and executor.limit is not None and executor.fn in bridged:
                executor.fail(f"{executor.fn.label} uses it and is run by more than one event loop")
        self.share()
        left = {executor for executor in self.taken if not executor.trouble}
        fewer = left != self.taken
        self.take(left)
        return fewer


class Exceptions:
    """`queue.Empty` and `queue.Full`: where they are raised, and where they are caught."""

    def __init__(self, graph: Graph, facts: Facts, any_queue: bool) -> None:
        self.graph = graph
        self.facts = facts
        self.handlers = {
            node
            for node in (graph.parents if any_queue else ())
            if isinstance(node, ast.ExceptHandler) and any(self.named(node, name) for name in (EMPTY, FULL))
        }
        self.callers: dict[Function, list[tuple[ast.AST, Function]]] = {}
        for fn, sites in graph.sites.items() if self.handlers else ():
            for site in sites:
                if isinstance(site, (CallSite, IterateSite)):
                    for callee in site.callees:
                        self.callers.setdefault(callee, []).append((site.node, fn))

    def named(self, handler: ast.ExceptHandler, name: str) -> list[ast.expr]:
        """The expressions by which a handler catches one of the two."""
        caught = handler.type
        parts = caught.elts if isinstance(caught, ast.Tuple) else [caught]
        return [part for part in parts if part is not None and Ext(name) in self.facts.of(part)]

    def handlers_around(self, node: ast.AST, fn: Function) -> Iterator[ast.ExceptHandler]:
        while node is not fn.node and node in self.graph.parents:
            parent = self.graph.parents[node]
            if isinstance(parent, ast.Try) and node in parent.body:
                yield from parent.handlers
            node = parent

    def caught(self, use: Use) -> list[tuple[Function, ast.expr]]:
        """Where what a use raises is caught by its name, in its function or in those that call it."""
        name = raises(use)
        found: list[tuple[Function, ast.expr]] = []
        pending: list[tuple[ast.AST, Function]] = [(use.place, use.fn)] if name and self.handlers else []
        seen: set[Function] = set()
        while pending:
            node, fn = pending.pop()
            for handler in self.handlers_around(node, fn):
                by_name = self.named(handler, name)
                found += [(fn, part) for part in by_name]
                if by_name or _catches_all(handler):
                    break
            else:
                if fn not in seen:
                    seen.add(fn)
                    pending += self.callers.get(fn, [])
        return found

    def leaking(self, taken: set[Primitive], everything: list[Primitive]) -> list[Primitive]:
        """Queues of which an exception may reach a handler that nobody knows to be theirs."""
        if not self.handlers:
            return []
        known: set[ast.expr] = set()
        leaks: list[Primitive] = []
        for primitive in everything:
            for use in primitive.uses if primitive.kind in QUEUES else ():
                caught = self.caught(use)
                known.update(part for _, part in caught)
                if raises(use) and not any(fn is use.fn for fn, _ in caught):
                    leaks.append(primitive)
        unknown = [
            part
            for handler in self.handlers
            for name in (EMPTY, FULL)
            for part in self.named(handler, name)
            if part not in known
        ]
        return [primitive for primitive in leaks if primitive in taken] if unknown else []


def raises(use: Use) -> str:
    """What a call of a queue's method raises when it does not wait any longer."""
    if (
        use.form != "call"
        or not isinstance(use.place, ast.Call)
        or use.method not in ("get", "put", "get_nowait", "put_nowait")
    ):
        return ""
    limits = len(use.place.args) + len(use.place.keywords) - (use.method.startswith("put"))
    if limits < 1 and not use.method.endswith("nowait"):
        return ""
    return EMPTY if use.method.startswith("get") else FULL


def _catches_all(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or (
        isinstance(handler.type, ast.Name) and handler.type.id in ("Exception", "BaseException")
    )
