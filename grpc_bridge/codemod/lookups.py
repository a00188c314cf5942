"""Attributes in the abstract interpreter that are looked up by a text: `getattr(stub, name)`."""

from __future__ import annotations

import ast
from abc import ABC
from dataclasses import replace

from .. import _surface
from .calls import CallEvaluator
from .evaluate import Frame, constant
from .index import Class, Function, own_nodes
from .texts import affixes
from .values import NOTHING, Cls, Func, Inst, MemberOf, Mod, Obj, Value, Values


class LookupEvaluator(CallEvaluator, ABC):
    """What is found under a text; where nothing is known of that, all that it may mean."""

    def look_up(self, node: ast.Call, owners: Values, frame: Frame) -> Values:
        """`getattr(owner, name)`."""
        place = node.args[1]
        if isinstance(place, ast.Constant):
            return self.attribute(node, owners, str(place.value), frame)
        if hands_on(node, frame.scope):
            self.learn(("delegate", frame.scope), owners)
            return NOTHING
        found = _any_method(owners)
        names = _method_names(owners, affixes(place))
        texts = self.texts(place, frame) if found or names else None
        if texts is not None:
            return frozenset().union(*(self.attribute(node, owners, text, frame) for text in texts))
        known = any(affixes(place))
        made = frozenset().union(*(self.attribute(node, owners, name, frame) for name in names))
        return found | {replace(v, guessed=not known) if isinstance(v, Func) else v for v in made}

    def methods_called(self, name: str) -> Values:
        """What `operator.methodcaller(name)` calls, of whatever object it is given."""
        found: set[Value] = set()
        for cls in self.program.classes():
            if name in cls.stub_methods:
                found.add(Obj(_surface.MULTI_CALLABLES[cls.stub_methods[name]]))
            elif name in cls.methods and not cls.module.source.generated:
                # Its arguments are not those of the call.
                found.add(Func(cls.methods[name], len(cls.methods[name].params)))
        return frozenset(found)

    def get(self, getter: ast.Call, owners: Values, frame: Frame) -> Values:
        """`operator.attrgetter("stub.Get")(owner)`, one attribute after another."""
        found: set[Value] = set()
        for argument in getter.args:
            values = owners
            for name in str(constant(argument)).split("."):
                values = self.attribute(getter, values, name, frame)
            found |= values
        return frozenset(found)


def hands_on(node: ast.Call, scope: Function) -> bool:
    """True for `return getattr(self.inner, name)` in `__getattr__`."""
    name = node.args[1]
    return (
        scope.name == "__getattr__"
        and isinstance(name, ast.Name)
        and name.id == scope.params[-1].arg
        and any(isinstance(other, ast.Return) and other.value is node for other in own_nodes(scope))
    )


def _method_names(owners: Values, ends: tuple[str, str]) -> set[str]:
    """The methods and functions of the program that a name with these ends may mean."""
    first, last = ends
    found: set[str] = set()
    for owner in owners:
        if isinstance(owner, (Inst, Cls)):
            for cls in (*owner.cls.ancestors(), *owner.cls.descendants()):
                found |= _names_of(cls)
        elif isinstance(owner, Mod) and not owner.module.source.generated:
            found |= {
                fn.name for fn in owner.module.functions if fn.parent is owner.module.top and not fn.cls
            }
    # Who looks for anything at all looks for nothing private.
    private = "__" if first else "_"
    return {
        name
        for name in found
        if name.startswith(first) and name.endswith(last) and not name.startswith(private)
    }


def _names_of(cls: Class) -> set[str]:
    return set() if cls.module.source.generated else set(cls.methods)


def _any_method(owners: Values) -> Values:
    """What an attribute of a name unknown here may be, where the owner is a channel, a stub or its module."""
    found: set[Value] = set()
    for owner in owners:
        if isinstance(owner, Inst):
            arities = {a for ancestor in owner.cls.ancestors() for a in ancestor.stub_methods.values()}
            found.update(Obj(_surface.MULTI_CALLABLES[arity]) for arity in arities)
        elif isinstance(owner, Obj) and owner.kind == "Channel":
            found.update(MemberOf(owner, arity) for arity in _surface.MULTI_CALLABLES)
        elif isinstance(owner, Mod):
            found.update(Cls(cls) for cls in owner.module.classes.values() if cls.stub_methods)
    return frozenset(found)
