"""The places where functions and streams are handed to code outside the program, and where that waits."""

from __future__ import annotations

import ast

from . import adapters, external
from .external import WAITS
from .index import Function, dotted
from .iterations import STREAMS, Iterations
from .sites import CallSite, HandSite, WaitSite, classes_of
from .values import Box, Ext, Func, Gen, Inst, Manager, MemberOf, Obj, Value, Values


class Handovers(Iterations):
    """What calls of external code, and assignments to its objects, do with what they are given."""

    def external_call(self, node: ast.Call, callees: Values, site: CallSite) -> None:
        # A mock calls nothing of what it is given.
        strangers = [v for v in callees if isinstance(v, Ext) and not (external.is_mock(v) or keeps(v))]
        paths = list(dict.fromkeys(stranger.path for stranger in strangers))
        if not callees and (inherited := self.inherited(node.func)):
            paths = [inherited]
        full = any(isinstance(callee, Ext) and external.bounded(callee.node) for callee in callees)
        for path in paths:
            if path == external.SLEEP:
                self.sites.append(WaitSite(*self.place(node), how="sleep", path=path))
            elif external.KEEPS_LOOP.fullmatch(path):
                self.sites.append(WaitSite(*self.place(node), how="own loop", path=path))
            elif external.RUNS_LOOP.fullmatch(path):
                self.sites.append(WaitSite(*self.place(node), how="loop", path=path))
            elif (full and external.puts(path, node)) or (
                external.waits(path, node) and not (path.endswith(".acquire") and self.locked)
            ):
                self.sites.append(WaitSite(*self.place(node), how="thread", path=path))
                break
        sinks = external.sinks_of(node, callees)
        # A handler's behaviour, called by an interceptor, may be anybody's.
        behavior = any(isinstance(v, MemberOf) and v.owner.kind == "RpcMethodHandler" for v in callees)
        unknown = not callees or bool(paths) or behavior
        keys = [keyword.value for keyword in node.keywords if keyword.arg == "key"]
        arguments: list[ast.expr] = [*node.args, *(keyword.value for keyword in node.keywords)]
        builtin = paths[0].removeprefix("builtins.") if paths and paths[0].startswith("builtins.") else ""
        lazy = adapters.adapter(node, self.facts)
        if lazy is not None and not adapters.at_once(node, self.facts, self.graph.parents):
            lazy = None
        whole = builtin not in external.CONSUMERS and adapters.reads_whole(node, self.facts)
        for argument in arguments:
            values = self.facts.of(argument)
            sink = next((sink for sink in sinks if sink.holds(node, argument)), None)
            if argument in (site.threaded, site.expected) and (site.callees or site.rows):
                continue
            if sink is None and builtin in ("next", "anext") and argument in node.args[:1]:
                if builtin == "next":
                    self.iterate(node, argument, "next", node)
                continue
            if sink is None and builtin == "iter" and len(arguments) == 1:
                self.iterate(node, argument, "iter", node)
            if lazy is not None and argument in node.args[lazy.first : lazy.last]:
                continue
            if sink is None and whole and not isinstance(argument, (ast.GeneratorExp, ast.Starred)):
                self.iterate(argument, argument, f"collect {builtin}", node)
                if builtin not in ("sorted", "min", "max") or argument in node.args:
                    streams = {v for v in values if isinstance(v, (Gen, Obj))}
                    if builtin or streams or adapters.adapter(argument, self.facts):
                        continue
            if sink is None and builtin in external.CONSUMERS:
                if not isinstance(argument, ast.GeneratorExp):
                    self.iterate(argument, argument, f"collect {builtin}", node)
                if builtin not in ("sorted", "min", "max") or argument in node.args:
                    continue
            # What it is given to call until that returns the sentinel, `iter` calls.
            calls = builtin == "iter" and len(arguments) > 1
            if (
                sink is None
                and (not unknown or any(path in external.HARMLESS for path in paths))
                and not calls
            ):
                continue
            # What a thread is given in a tuple is passed to its target, and followed there.
            entered = any(path.endswith(external.ENTERS) for path in paths)
            handed = values if sinks or entered else self.with_contents(values)
            sorts = argument in keys or "functools.cmp_to_key" in paths
            handed |= self.called_of(handed, paths, sink)
            self.hand_over(dotted(node.func) or "a call", argument, handed, sink, sorts)

    def inherited(self, function: ast.expr) -> str:
        """What a class of the program has from one that waits: `self.join` of a subclass of Thread."""
        if not isinstance(function, ast.Attribute):
            return ""
        bases = {
            base
            for value in self.facts.of(function.value)
            if isinstance(value, Inst)
            for base in value.cls.all_external_bases()
        }
        return next((path for base in sorted(bases) if (path := f"{base}().{function.attr}") in WAITS), "")

    def escape(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> None:
        """A function that is put where code outside the program finds it: `button.on_click = fetch`."""
        if node.value is None:
            return
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, (ast.Attribute, ast.Subscript)):
                owners = self.facts.of(target.value)
                known = any(not isinstance(owner, (Ext, Obj)) for owner in owners)
                if not known:
                    values = self.with_contents(self.facts.of(node.value))
                    self.hand_over(dotted(target) or "an object", node.value, values, None)

    def hand_over(
        self,
        to: str,
        argument: ast.expr,
        values: Values,
        sink: external.Sink | None,
        sorts: bool = False,
    ) -> None:
        site = HandSite(*self.place(argument), sink=sink, to=to, sorts=sorts)
        for value in values:
            if isinstance(value, Func) and not value.guessed:
                target = self.target(value)
                if not target.is_async:
                    site.functions.add(target)
            elif isinstance(value, Obj) and value.kind.endswith("MultiCallable"):
                site.multi = True
            elif isinstance(value, (Gen, Manager)):
                site.functions.add(value.fn)
                if isinstance(value, Gen):
                    site.generators.add(value.fn)
            elif isinstance(value, Obj) and value.kind in STREAMS and value.origin is not None:
                site.origins.add(value.origin)
        if site.functions or site.multi or site.origins:
            self.sites.append(site)

    def called_of(self, values: Values, paths: list[str], sink: external.Sink | None) -> Values:
        """The methods that code outside the program calls of the objects that it is given."""
        names: tuple[str, ...] = ("__call__",)
        if sink is None:
            names = ("__call__", "__iter__", "__next__")
            for path in paths:
                names += external.CALLED.get(path.rpartition(".")[2], ())
        found: set[Value] = set()
        for cls in classes_of(values):
            if not cls.module.source.generated:
                methods = (cls.find_method(name) for name in names)
                found.update(Func(method, 1) for method in methods if method is not None)
        return frozenset(found)

    def target(self, value: Func) -> Function:
        """What a call of `value` runs."""
        if value.of is None and value.fn in self.facts.wrappers:
            self.graph.bare.add(value.fn)
        return self.facts.target(value)

    def with_contents(self, values: Values) -> Values:
        """Values, and those that are in the containers among them."""
        found = set(values)
        pending = [value for value in values if isinstance(value, Box)]
        while pending:
            for value in self.facts.contents.get(pending.pop().node, frozenset()) - found:
                found.add(value)
                if isinstance(value, Box):
                    pending.append(value)
        return frozenset(found)


def keeps(callee: Ext) -> bool:
    """True for what only keeps what it is given, where inference finds it again, as argparse's defaults."""
    defaults = callee.node is not None and callee.path.endswith(f".{external.SET_DEFAULTS}")
    return defaults or callee.path in external.KEEPS
