"""Containers in the abstract interpreter: what goes into them, and what comes out."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from .environment import Environment
from .index import Class
from .values import NOTHING, Box, BoxMember, Cls, Ext, Func, Gen, Inst, Manager, Mod, Record, Value, Values

Place = int | str | None
"""The constant by which a container is asked: an index, a key, or one that is not known."""

ITEMS = "[]"
"""The attribute under which is kept what is stored into an object."""

ADDS = frozenset({"append", "add", "appendleft", "put", "put_nowait", "set"})
TAKES = frozenset({"get", "pop", "popleft", "popitem", "get_nowait", "setdefault"})


class Containers(Environment):
    """Boxes, and whatever of the program's classes can be indexed, iterated over or entered."""

    # In

    def put(self, node: ast.AST, place: Place, values: Values) -> None:
        """Learn that the box of `node` holds `values`, at a place if one is known."""
        if place is not None:
            self.learn(("item", node, place), values)
            self.learn(("places", node), frozenset({Ext(str(place))}))
        self.learn(("elem", node), values)

    def box(self, node: ast.AST, values: Values) -> Values:
        """A box of `values`, in no known order."""
        self.learn(("elem", node), values)
        return frozenset({Box(node)})

    def tuple_of(self, node: ast.AST, places: Iterable[Values]) -> Values:
        """A box with a value in each place."""
        for index, values in enumerate(places):
            self.put(node, index, values)
        return frozenset({Box(node, "tuple")})

    def store(self, owners: Values, place: Place, keys: Values, values: Values) -> None:
        """`owner[keys] = values`; the key is `place` where that is a constant."""
        for owner in owners:
            if isinstance(owner, Box):
                self.put(owner.node, place, values)
                self.key(owner.node, keys)
            elif isinstance(owner, Inst) and owner.cls.find_method("__setitem__") is None:
                # A class that is a dictionary.
                self.learn(("attr", owner.cls, ITEMS), values)

    def append(self, owners: Values, values: Values) -> None:
        """`owner += values`."""
        for owner in owners:
            if isinstance(owner, Box):
                self.learn(("elem", owner.node), self.elements(values))

    def merge(self, node: ast.AST, owners: Values) -> None:
        """`{**owner}`, `node.update(owner)`."""
        for owner in owners:
            if isinstance(owner, Box):
                for place in self.places(owner):
                    self.put(node, place, self.known(("item", owner.node, place)))
                self.learn(("elem", node), self.known(("elem", owner.node)))
                self.key(node, self.known(("key", owner.node)))

    def key(self, node: ast.AST, values: Values) -> None:
        """Learn that `values` are keys of the dictionary of `node`."""
        self.learn(("key", node), values)

    # Out

    def places(self, box: Box) -> list[str]:
        """The constant keys under which something was put into a dictionary."""
        return sorted(value.path for value in self.known(("places", box.node)) if isinstance(value, Ext))

    def item(self, owners: Values, place: Place) -> Values:
        """`owner[place]`."""
        found: set[Value] = set()
        for owner in owners:
            if isinstance(owner, Box):
                found |= self.item_of_box(owner, place)
            elif isinstance(owner, Record) and isinstance(place, int):
                if 0 <= place < len(owner.names):
                    found |= self.known(("item", owner.node, owner.names[place]))
            elif isinstance(owner, Mod) and isinstance(place, str):
                found |= self.known(("var", owner.module.top, place))
            elif isinstance(owner, Mod) and place is None:
                top = owner.module.top
                everything = frozenset().union(
                    *(self.known(("var", top, name)) for name in sorted(top.bound))
                )
                found |= {value for value in everything if isinstance(value, Func)}
            elif isinstance(owner, Inst):
                getter = owner.cls.find_method("__getitem__") or owner.cls.find_method("__missing__")
                if getter is None or getter.name == "__missing__":
                    found |= self.known(("attr", owner.cls, ITEMS))
                if getter is not None:
                    found |= self.known(("ret", getter))
                elif isinstance(place, int) and is_named_tuple(owner.cls):
                    names = field_names(owner.cls)
                    if 0 <= place < len(names):
                        found |= self.known(("attr", owner.cls, names[place]))
        return frozenset(found)

    def item_of_box(self, box: Box, place: Place) -> Values:
        if box.kind == "pair":
            return self.known(("key" if place == 0 else "elem", box.node))
        values = self.known(("item", box.node, place)) if place is not None else NOTHING
        if box.kind == "tuple" and place is not None:
            return values
        return values or self.known(("elem", box.node))

    def items_between(self, owners: Values, start: int, end: int) -> Values:
        """`owner[start:-end]`, of tuples from that place on, of others from anywhere."""
        found: set[Value] = set()
        for owner in owners:
            if isinstance(owner, Box) and owner.kind == "tuple":
                places = range(start, len(self.places(owner)) - end)
                found |= frozenset().union(*(self.item_of_box(owner, place) for place in places))
            else:
                found |= self.elements(frozenset({owner}))
        return frozenset(found)

    def elements(self, owners: Values) -> Values:
        """What iterating over `owners` gives."""
        found: set[Value] = set()
        for owner in owners:
            if isinstance(owner, Box):
                if owner.kind == "items":
                    found.add(Box(owner.node, "pair"))
                else:
                    found |= self.known(("key" if owner.kind == "dict" else "elem", owner.node))
            elif isinstance(owner, Gen):
                found |= self.known(("yield", owner.fn))
            elif isinstance(owner, Record):
                found |= self.known(("elem", owner.node))
            elif isinstance(owner, Inst):
                found |= self.elements_of(owner.cls)
            elif isinstance(owner, Cls) and is_enum(owner.cls):
                found.add(Inst(owner.cls))
        return frozenset(found)

    def elements_of(self, cls: Class) -> Values:
        step = cls.find_method("__next__")
        start = cls.find_method("__iter__")
        if step is not None:
            return self.known(("ret", step))
        if start is not None and start.is_generator:
            return self.known(("yield", start))
        if start is not None:
            # `return self` without a `__next__` would ask the same again.
            returned = self.known(("ret", start))
            return self.elements(frozenset(v for v in returned if not isinstance(v, Inst)))
        if is_named_tuple(cls):
            return frozenset().union(*(self.known(("attr", cls, name)) for name in field_names(cls)))
        return NOTHING

    def enter(self, managers: Values) -> Values:
        """What `with manager as` gives."""
        found: set[Value] = set()
        for manager in managers:
            if isinstance(manager, Manager):
                found |= self.known(("yield", manager.fn))
            elif isinstance(manager, Box) and manager.kind == "held":
                found |= self.known(("elem", manager.node))
            elif isinstance(manager, Inst):
                enter = manager.cls.find_method("__enter__") or manager.cls.find_method("__aenter__")
                found |= self.known(("ret", enter)) if enter else NOTHING
            else:
                found.add(manager)
        return frozenset(found)

    def call_box(
        self, callee: BoxMember, args: list[Values], keywords: dict[str, Values], place: Place
    ) -> Values:
        """A method of a container; `place` is the first argument where that is a constant."""
        node, name = callee.box.node, callee.name
        if name in ADDS and args:
            self.put(node, None, args[0])
        elif name in ("setdefault", "insert") and len(args) > 1:
            self.put(node, place if name == "setdefault" else None, args[1])
        elif name in ("extend", "extendleft") and args:
            self.learn(("elem", node), self.elements(args[0]))
        elif name == "update":
            for values in args[:1]:
                self.merge(node, values)
            for key, values in keywords.items():
                self.put(node, key, values)
        if name in TAKES:
            default = args[1] if len(args) > 1 and name != "pop" else NOTHING
            return self.item_of_box(callee.box, place) | default
        if name == "values":
            return frozenset({Box(node)})
        if name == "items":
            return frozenset({Box(node, "items")})
        return frozenset({callee.box}) if name in ("copy", "keys") else NOTHING


def is_named_tuple(cls: Class) -> bool:
    return any(base in ("typing.NamedTuple", "NamedTuple") for base in cls.all_external_bases())


def is_enum(cls: Class) -> bool:
    return any(base.startswith("enum.") for base in cls.all_external_bases())


def members_of(cls: Class) -> list[str]:
    """The members that the body of an enumeration assigns."""
    return [
        target.id
        for statement in cls.node.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name) and not target.id.startswith("_")
    ]


def field_names(cls: Class) -> list[str]:
    """The fields that a class declares in its body, in the order in which its constructor takes them."""
    return [
        field.target.id
        for ancestor in reversed(list(cls.ancestors()))
        for field in ancestor.node.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
    ]
