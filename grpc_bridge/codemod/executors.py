"""Executors that coroutines hand work to and wait for: tasks do as well.

Taken is only what can be seen whole: the executor stays in its block, or in an attribute of its object that
nobody else looks at; whatever it is given is a coroutine function or an RPC, and every answer is waited for
where it was asked for. How many run at once a semaphore tells the tasks.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from .external import argument
from .futures import Futures, Readings, caught_late, is_one_of
from .index import Class, Function, Module, Program, own_nodes
from .infer import Facts
from .nodes import defaults, is_none, walk
from .threads import comment_beside, may_block
from .values import Func, Inst, Obj

EXECUTORS = frozenset(
    {"concurrent.futures.ThreadPoolExecutor", "concurrent.futures.thread.ThreadPoolExecutor"}
)
UNARY = frozenset({"UnaryUnaryMultiCallable", "StreamUnaryMultiCallable"})
READERS = frozenset(
    f"builtins.{name}"
    for name in (
        "list",
        "tuple",
        "set",
        "sorted",
        "sum",
        "max",
        "min",
        "dict",
        "zip",
        "enumerate",
        "any",
        "all",
    )
)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(eq=False)
class Executor(Readings):
    """What one function does with an executor that it opens in a `with`, or with a pool."""

    node: ast.With | ast.FunctionDef
    """The block in which the executor lives; the whole function, where it lives longer."""
    pool: Pool | None = None
    submits: dict[ast.Call, bool] = field(default_factory=dict)
    """Calls of `submit`; True for those of an RPC."""
    maps: dict[ast.Call, bool] = field(default_factory=dict)
    """Calls of `map`; True for those whose results nobody looks at."""
    targets: set[Function] = field(default_factory=set)
    rpcs: bool = False
    limit: ast.expr | None = None
    """How many run at once, where that is felt."""

    def places(self, parents: Mapping[ast.AST, ast.AST]) -> Iterator[ast.AST]:
        """The nodes of the places at which the function waits for the threads."""
        yield self.node
        yield from (*self.results, *self.timed, *self.completed, *self.waits)
        for call in self.maps:
            yield call
            yield parents[call]

    def lines(self) -> Iterator[int]:
        """The lines that would change; all of the block, where there is one."""
        if isinstance(self.node, ast.With):
            yield from range(self.node.lineno, (self.node.end_lineno or 0) + 1)
        for call in (*self.submits, *self.maps, *self.results, *self.timed, *self.completed, *self.waits):
            yield call.lineno


@dataclass(eq=False)
class Pool:
    """An executor that an object keeps in an attribute: `self.pool = ThreadPoolExecutor()`."""

    fn: Function
    """What makes it."""
    node: ast.Assign
    cls: Class
    name: str
    users: list[Executor] = field(default_factory=list)
    shutdowns: list[tuple[Function, ast.Expr]] = field(default_factory=list)
    limit: ast.expr | None = None
    trouble: str = ""

    @property
    def made(self) -> ast.Call:
        assert isinstance(self.node.value, ast.Call)
        return self.node.value

    def fail(self, trouble: str) -> None:
        self.trouble = self.trouble or trouble

    def removed(self) -> Iterator[tuple[Function, ast.stmt]]:
        """The statements that go."""
        yield from self.shutdowns
        if self.limit is None:
            yield self.fn, self.node


def find(
    program: Program, facts: Facts, parents: Mapping[ast.AST, ast.AST]
) -> tuple[list[Executor], list[Pool]]:
    """Every executor of the run that is opened in a `with` or kept, with what stands against tasks."""
    found: list[Executor] = []
    pools: list[Pool] = []
    for module in program.modules.values():
        if not module.in_run or b"ThreadPoolExecutor" not in module.source.data:
            continue
        for fn in module.functions:
            for node in own_nodes(fn) if fn.kind == "def" else ():
                if isinstance(node, ast.With) and any(_opens(item, facts) for item in node.items):
                    found.append(_Reader(Executor(fn, node), facts, parents).read())
                elif (
                    isinstance(node, ast.Assign) and fn.cls and is_one_of(node.value, EXECUTORS, facts, True)
                ):
                    for target in node.targets:
                        if isinstance(target, ast.Attribute) and Inst(fn.cls) in facts.of(target.value):
                            pools.append(Pool(fn, node, fn.cls, target.attr))
    _follow(pools, program, facts, parents)
    found += [user for pool in pools for user in pool.users]
    if any(executor.escaping for executor in found):
        known = {part for executor in found for part in executor.late}
        if any(part not in known for part in _catching(program, facts)):
            for executor in found:
                for call in executor.escaping:
                    executor.fail(f"line {call.lineno} waits for a time, and its end may be caught elsewhere")
    return found, pools


def _catching(program: Program, facts: Facts) -> Iterator[ast.expr]:
    """Where the run catches what a wait for a thread raises when its time is over."""
    for module in program.modules.values():
        if module.in_run and b"TimeoutError" in module.source.data:
            for node in walk(module.source.tree):
                if isinstance(node, ast.ExceptHandler):
                    yield from caught_late(node, facts)


def _opens(item: ast.withitem, facts: Facts) -> bool:
    return is_one_of(item.context_expr, EXECUTORS, facts, called=True)


# Pools


def _follow(pools: list[Pool], program: Program, facts: Facts, parents: Mapping[ast.AST, ast.AST]) -> None:
    """Find who uses each pool, and for what."""
    by_name: dict[str, list[Pool]] = {}
    for pool in pools:
        by_name.setdefault(pool.name, []).append(pool)
        if len(pool.node.targets) > 1:
            pool.fail("it gets two names at once")
        if any(other is not pool and _related(other, pool) for other in by_name[pool.name]):
            pool.fail("it may be one of several")
    uses: dict[tuple[Pool, Function], list[ast.expr]] = {}
    for module in program.modules.values() if pools else ():
        for fn in module.functions if not module.source.generated else ():
            for node in own_nodes(fn):
                if isinstance(node, ast.Attribute) and node.attr in by_name:
                    for pool in by_name[node.attr]:
                        if _is_use(pool, node, fn, facts, parents):
                            uses.setdefault((pool, fn), []).append(node)
                elif isinstance(node, ast.Constant) and isinstance(parents[node], ast.Call):
                    for pool in by_name.get(node.value, []) if isinstance(node.value, str) else ():
                        pool.fail(f"line {node.lineno} of {module.path.name} may ask for it by its name")
    for (pool, fn), nodes in uses.items():
        assert isinstance(fn.node, (ast.FunctionDef, ast.AsyncFunctionDef))
        executor = Executor(fn, fn.node, pool=pool)  # type: ignore[arg-type]
        pool.users.append(_Reader(executor, facts, parents).read_pool(nodes))
    for pool in pools:
        pool.limit = argument(pool.made, "max_workers", 0)
        if pool.limit is not None and is_none(pool.limit):
            pool.limit = None
        for user in pool.users:
            user.limit = pool.limit
            pool.fail(user.trouble)
        pool.fail(_odd(pool.made) or _open(pool.limit, pool.fn))
        for fn, statement in pool.removed():
            if comment_beside(statement, fn.module.lines):
                pool.fail(f"a comment stands beside line {statement.lineno}, which would go")


def _related(left: Pool, right: Pool) -> bool:
    return left.cls is right.cls or left.cls in right.cls.ancestors() or right.cls in left.cls.ancestors()


def _is_use(
    pool: Pool, node: ast.Attribute, fn: Function, facts: Facts, parents: Mapping[ast.AST, ast.AST]
) -> bool:
    """True for a place where a function hands work to the pool; what else it is used for is noted."""
    if node in pool.node.targets:
        return False
    owners = facts.of(node.value)
    family = {*pool.cls.ancestors(), *pool.cls.descendants()}
    if owners and not any(isinstance(owner, Inst) and owner.cls in family for owner in owners):
        return False
    where = f"line {node.lineno} of {fn.module.path.name}"
    if len(owners) != 1:
        pool.fail(f"{where} may use it, or something else of that name")
    elif not isinstance(node.ctx, ast.Load):
        pool.fail(f"{where} sets it again")
    elif not fn.module.in_run:
        pool.fail(f"{fn.module.path.name}, which uses it, is not in the run")
    elif fn.kind != "def":
        pool.fail(f"{where} uses it outside a function")
    else:
        member = parents[node]
        call = parents[member]
        statement = parents.get(call)
        if (
            isinstance(member, ast.Attribute)
            and member.attr == "shutdown"
            and isinstance(statement, ast.Expr)
        ):
            pool.shutdowns.append((fn, statement))
            return False
        return True
    return False


def _odd(made: ast.Call) -> str:
    """What stands against tasks in how an executor is made."""
    extra = {k.arg for k in made.keywords} - {"max_workers", "thread_name_prefix"}
    if extra or len(made.args) > 2 or any(isinstance(arg, ast.Starred) for arg in made.args):
        return "it is made with more than a number and a name"
    return ""


def _open(limit: ast.expr | None, fn: Function) -> str:
    """What stands against a semaphore in how many threads an executor has."""
    assert isinstance(fn.node, (ast.FunctionDef, ast.AsyncFunctionDef))
    pairs = defaults(fn.node.args)
    optional = {arg.arg for arg, value in pairs if is_none(value)}
    if isinstance(limit, ast.Name) and limit.id in optional:
        return "how many of its threads run at once may be left open"
    return ""


class _Reader(Futures):
    """Reads what one function does with an executor."""

    readings: Executor

    def __init__(self, executor: Executor, facts: Facts, parents: Mapping[ast.AST, ast.AST]) -> None:
        super().__init__(
            executor, facts, parents, executor.node if isinstance(executor.node, ast.With) else None
        )

    def read(self) -> Executor:
        executor = self.readings
        assert isinstance(executor.node, ast.With)
        item = executor.node.items[0]
        call = item.context_expr
        if len(executor.node.items) > 1 or not isinstance(item.optional_vars, ast.Name):
            executor.fail("it is opened together with others, or without a name")
            return executor
        assert isinstance(call, ast.Call)
        self.all(self.uses(item.optional_vars.id))
        self.limit(call)
        return executor

    def read_pool(self, uses: list[ast.expr]) -> Executor:
        self.all(uses)
        return self.readings

    def all(self, uses: Iterator[ast.Name] | list[ast.expr]) -> None:
        for use in uses:
            self.pool(use)
        self.follow()
        for fn in self.readings.targets:
            if call_of := may_block(fn, self.facts):
                self.readings.fail(f"{fn.label} calls {call_of}, which may block the loop")

    def pool(self, use: ast.expr) -> None:
        """Read one use of the pool."""
        method, call = self.called(use)
        if call is None or method not in ("submit", "map") or not call.args:
            self.fail(use, "takes it where it cannot be followed")
            return
        rpc = self.target(call.args[0])
        if method == "map":
            self.map(call)
            return
        self.readings.submits[call] = rpc
        self.submitted(call)

    def target(self, node: ast.expr) -> bool:
        """Note what a thread runs; True for an RPC."""
        values = self.facts.of(node)
        value = next(iter(values)) if len(values) == 1 else None
        # A method is found beside what its decorator made of it: one function, where that is looked through.
        functions = {self.facts.target(v) if isinstance(v, Func) else None for v in values}
        function = functions.pop() if len(functions) == 1 else None
        if not isinstance(node, (ast.Name, ast.Attribute)):
            function = value = None
        if function is not None and function.kind == "def" and not function.is_generator:
            self.readings.targets.add(function)
        elif isinstance(value, Obj) and value.kind in UNARY:
            self.readings.rpcs = True
            return True
        else:
            self.fail(node, "runs what is not one function of this run")
        return False

    def map(self, call: ast.Call) -> None:
        if call.keywords or len(call.args) < 2:
            self.fail(call, "gives map more than functions and iterables")
        parent = self.parents[call]
        ignored = self.readings.maps[call] = isinstance(parent, ast.Expr)
        if ignored and self.readings.pool is not None:
            self.fail(call, "does not wait for what it starts")
        if (
            isinstance(parent, ast.Call)
            and call in parent.args
            and is_one_of(parent.func, READERS, self.facts)
        ):
            return
        if isinstance(parent, (ast.For, ast.Expr)):
            return
        if isinstance(parent, ast.comprehension):
            outer = self.parents[parent]
            if isinstance(outer, COMPREHENSIONS) and outer.generators[0] is parent:
                return
        self.fail(call, "keeps the results of map for later")

    # How many

    def limit(self, made: ast.Call) -> None:
        """Find how many run at once: tasks know no limit of their own."""
        executor = self.readings
        executor.fail(_odd(made))
        limit = argument(made, "max_workers", 0)
        if limit is None or is_none(limit):
            return
        if any(
            isinstance(n, ast.Call) and is_one_of(n.func, {"builtins.len"}, self.facts)
            for n in ast.walk(limit)
        ):
            return
        singly = not executor.maps and not any(map(self.repeated, executor.submits))
        most = limit.value if isinstance(limit, ast.Constant) else None
        if singly and isinstance(most, int) and len(executor.submits) <= most:
            return
        executor.limit = limit
        executor.fail(_open(limit, self.fn))

    def repeated(self, call: ast.AST) -> bool:
        """True for a call in a loop inside the `with`."""
        while call is not self.readings.node:
            if isinstance(call, (ast.For, ast.While, *COMPREHENSIONS)):
                return True
            call = self.parents[call]
        return False


def kept(lines: Mapping[Module, Collection[int]], executor: Executor) -> bool:
    """True where a comment keeps a line that would change."""
    places = [(executor.fn, line) for line in executor.lines()]
    if executor.pool is not None:
        places.append((executor.pool.fn, executor.pool.node.lineno))
        places += [(fn, statement.lineno) for fn, statement in executor.pool.shutdowns]
    return any(line in lines.get(fn.module, ()) for fn, line in places)
