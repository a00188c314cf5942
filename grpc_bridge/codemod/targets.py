"""What is bound in the abstract interpreter: targets of assignments, and the patterns of `case`."""

from __future__ import annotations

import ast
from abc import ABC

from .annotations import AnnotationEvaluator
from .containers import field_names
from .evaluate import Frame, constant
from .values import NOTHING, Cls, Inst, Mod, Values


class TargetEvaluator(AnnotationEvaluator, ABC):
    """Assignment, unpacking and matching; other statements are in `infer.Inference`."""

    def assign(self, target: ast.expr, value: Values, frame: Frame) -> None:
        if isinstance(target, ast.Name):
            self.bind(target.id, value, frame)
            self.record(target, value)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, value, frame)
        elif isinstance(target, (ast.Tuple, ast.List)):
            self.unpack(target.elts, value, frame)
        elif isinstance(target, ast.Attribute):
            self.set_attribute(self.eval(target.value, frame), target.attr, value)
            self.record(target, value)
        elif isinstance(target, ast.Subscript):
            keys = self.eval(target.slice, frame)
            owners = self.eval(target.value, frame)
            self.store(owners, constant(target.slice), keys, value)
            for owner in owners:
                if isinstance(owner, Mod) and isinstance(place := constant(target.slice), str):
                    owner.module.top.bound.add(place)
                    self.set_attribute(frozenset({owner}), place, value)

    def match(self, pattern: ast.pattern, value: Values, frame: Frame) -> Values:
        """Bind the names of a `case`; returns what of `value` it may match."""
        if isinstance(pattern, ast.MatchAs):
            if pattern.pattern is not None:
                value = self.match(pattern.pattern, value, frame)
            if pattern.name is not None:
                self.bind(pattern.name, value, frame)
        elif isinstance(pattern, ast.MatchOr):
            return frozenset().union(*(self.match(part, value, frame) for part in pattern.patterns))
        elif isinstance(pattern, ast.MatchSequence):
            self.match_sequence(pattern.patterns, value, frame)
        elif isinstance(pattern, ast.MatchMapping):
            for key, part in zip(pattern.keys, pattern.patterns, strict=True):
                self.eval(key, frame)
                self.match(part, self.item(value, constant(key)), frame)
            if pattern.rest is not None:
                self.bind(pattern.rest, value, frame)
        elif isinstance(pattern, ast.MatchClass):
            return self.match_class(pattern, value, frame)
        elif isinstance(pattern, ast.MatchSingleton):
            return NOTHING
        return value

    def match_sequence(self, patterns: list[ast.pattern], value: Values, frame: Frame) -> None:
        """`case [first, *rest, last]`."""
        star = next((i for i, part in enumerate(patterns) if isinstance(part, ast.MatchStar)), len(patterns))
        for index, part in enumerate(patterns):
            if isinstance(part, ast.MatchStar):
                rest = self.items_between(value, star, len(patterns) - star - 1)
                if part.name is not None:
                    self.bind(part.name, self.box(part, rest), frame)
            else:
                self.match(part, self.item(value, index) if index < star else self.elements(value), frame)

    def match_class(self, pattern: ast.MatchClass, value: Values, frame: Frame) -> Values:
        """`case Job(stub, name=name)`."""
        classes = [v.cls for v in self.eval(pattern.cls, frame) if isinstance(v, Cls)]
        found = frozenset(
            v for v in value if isinstance(v, Inst) and not set(classes).isdisjoint(v.cls.ancestors())
        )
        # What is matched may be more than is known of.
        found = found or frozenset(Inst(cls) for cls in classes)
        names = [name for cls in classes for name in field_names(cls)]
        parts = [
            *zip(names, pattern.patterns, strict=False),
            *zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True),
        ]
        for name, part in parts:
            self.match(part, self.attribute(pattern.cls, found, name, frame), frame)
        return found

    def unpack(self, targets: list[ast.expr], value: Values, frame: Frame) -> None:
        """`a, *b, c = value`."""
        star = next((i for i, t in enumerate(targets) if isinstance(t, ast.Starred)), len(targets))
        for index, element in enumerate(targets):
            if index < star:
                self.assign(element, self.item(value, index), frame)
            elif index == star:
                rest = self.items_between(value, star, len(targets) - star - 1)
                self.assign(element, self.box(element, rest), frame)
            else:
                self.assign(element, self.elements(value), frame)
