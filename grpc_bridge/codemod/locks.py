"""Where a threading lock is held: in a `with`, after an `acquire`, and while a generator has yielded."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from . import external
from .index import Function, dotted, own_nodes
from .infer import Facts
from .nodes import walk
from .sites import LockKey, classes_of
from .values import Ext, Gen, Inst, Manager


class Locks:
    """What is a lock, and which functions hold one; remembered for the whole program."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.holders: dict[Function, bool] = {}

    def taken_by_hand(self, fn: Function) -> bool:
        """True where a lock is acquired: it covers what comes before its release; where, none says."""
        if b"acquire" not in fn.module.source.data:
            return False
        own = set(own_nodes(fn))
        called: set[str] = set()
        called_here: set[str] = set()
        for call in walk(fn.node):
            if isinstance(call, ast.Call):
                paths = {value.path for value in self.facts.of(call.func) if isinstance(value, Ext)}
                called |= paths
                called_here |= paths if call in own else set()
        if any(f"{lock}.acquire" in called for lock in external.LOCKS - external.SEMAPHORES):
            return True
        return any({f"{lock}.acquire", f"{lock}.release"} <= called_here for lock in external.SEMAPHORES)

    def key(self, fn: Function, node: ast.expr) -> LockKey | None:
        """Where the lock is kept that `fn` takes by the expression `node`."""
        if isinstance(node, ast.Attribute):
            owners = list(classes_of(self.facts.of(node.value)))
            return (list(owners[0].ancestors())[-1], node.attr) if owners else None
        return (fn.module, node.id) if isinstance(node, ast.Name) else None

    def taken_by(self, node: ast.expr) -> bool:
        """True where `with node` takes a lock."""
        values = self.facts.of(node)
        if any(external.is_lock(value) for value in values):
            return True
        entered = {value.fn for value in values if isinstance(value, (Manager, Gen))}
        entered |= {
            method
            for value in values
            if isinstance(value, Inst) and (method := value.cls.find_method("__enter__"))
        }
        if any(self.held_at_yield(fn) for fn in entered):
            return True
        return not values and external.names_lock(dotted(node))

    def held_at_yield(self, fn: Function) -> bool:
        """True where a lock is held while a generator or context manager of the program has yielded."""
        if fn not in self.holders:
            self.holders[fn] = False
            yields = {node for node in own_nodes(fn) if isinstance(node, (ast.Yield, ast.YieldFrom))}
            self.holders[fn] = self.taken_by_hand(fn) or not yields.isdisjoint(self.under_locks(fn))
        return self.holders[fn]

    def under_locks(self, fn: Function) -> Iterator[ast.AST]:
        """The nodes of a function that stand in a `with` that takes a lock."""
        for node in own_nodes(fn):
            if isinstance(node, ast.With) and any(self.taken_by(item.context_expr) for item in node.items):
                for statement in node.body:
                    yield from walk(statement)
