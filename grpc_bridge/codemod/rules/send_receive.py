"""A call that is fed from a queue sends and receives in its place; with `--style send-receive` only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from ..index import Function, own_nodes
from ..later import cst
from ..nodes import is_none
from ..sites import IterateSite
from ..values import Ext, Obj
from .base import Edit, Rule, View
from .syntax import await_
from .syntax import name as syntax_name

RULE = Rule(
    id="GB801",
    slug="send-receive",
    sentence="A call that is fed from a queue sends and receives in its place (`--style send-receive`).",
    before="""\
requests = queue.Queue()
replies = stub.Chat(iter(requests.get, None))
requests.put(first)
print(next(replies))
requests.put(None)
""",
    after="""\
replies = stub.Chat()
await replies.send(first)
print(await replies.receive())
await replies.done_sending()
""",
    remedy="Write it by hand with send and receive, or leave the iterator as it is.",
)

QUEUES = frozenset({"queue.Queue()", "queue.SimpleQueue()"})


@dataclass
class Feed:
    """A queue of one function, and the one call that it feeds."""

    made: ast.Assign
    queue: str
    call: ast.Call | None = None
    replies: str = ""
    puts: list[ast.Call] = field(default_factory=list)
    trouble: str = ""


def match(view: View) -> Iterator[Edit]:
    if view.plan.style != "send-receive" or not view.is_async:
        return
    feeds = list(find(view))
    for call in streaming_calls(view):
        feed = next((feed for feed in feeds if feed.call is call), None)
        if feed is None:
            view.report(
                RULE, call, "its requests do not come from a queue of this function; its iterator stays"
            )
        elif feed.trouble:
            view.report(RULE, call, f"{feed.trouble}; its iterator stays")
        else:
            yield from convert(view, feed)


def streaming_calls(view: View) -> Iterator[ast.Call]:
    """Calls of stream-stream methods with a request iterator."""
    for node in ordered(view.fn):
        if isinstance(node, ast.Call) and node.args:
            values = view.facts.of(node.func)
            if values and all(isinstance(v, Obj) and v.kind == "StreamStreamMultiCallable" for v in values):
                yield node


def ordered(fn: Function) -> list[ast.AST]:
    return sorted(
        own_nodes(fn), key=lambda node: (getattr(node, "lineno", 0), getattr(node, "col_offset", 0))
    )


def find(view: View) -> Iterator[Feed]:
    """The queues that are made here, and what becomes of them."""
    for node in ordered(view.fn):
        if not (isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.value, ast.Call)):
            continue
        target = node.targets[0]
        values = view.facts.of(node.value)
        if isinstance(target, ast.Name) and any(isinstance(v, Ext) and v.path in QUEUES for v in values):
            feed = Feed(node, target.id)
            examine(view, feed)
            yield feed


def examine(view: View, feed: Feed) -> None:
    parents = view.graph.parents
    uses = [n for n in ast.walk(view.fn.node) if isinstance(n, ast.Name) and n.id == feed.queue]
    for use in sorted(uses, key=lambda name: (name.lineno, name.col_offset)):
        if use in feed.made.targets:
            continue
        member = parents.get(use)
        outer = parents.get(member) if member else None
        if not isinstance(member, ast.Attribute) or not isinstance(outer, ast.Call):
            feed.trouble = f"{feed.queue} goes elsewhere"
        elif member.attr == "put" and outer.func is member and len(outer.args) == 1 and not outer.keywords:
            feed.puts.append(outer)
        elif member.attr == "get" and until_none(outer):
            call = parents.get(outer)
            if isinstance(call, ast.Call) and call.args[:1] == [outer] and feed.call is None:
                feed.call = call
                assigned = parents.get(call)
                if isinstance(assigned, ast.Assign) and isinstance(assigned.targets[0], ast.Name):
                    feed.replies = assigned.targets[0].id
        else:
            feed.trouble = f"{feed.queue} is used for something else too"
    if feed.call is None or feed.trouble:
        return
    call, own = feed.call, set(own_nodes(view.fn))
    if not feed.replies:
        feed.trouble = "what the call returns has no name"
    elif commented(view, feed.made):
        feed.trouble = f"a comment stands beside {feed.queue}"
    elif any(put not in own for put in feed.puts):
        feed.trouble = f"another function puts into {feed.queue}"
    elif any(put.lineno < call.lineno for put in feed.puts):
        feed.trouble = f"{feed.queue} has requests before the call begins"
    elif any(isinstance(parents.get(put), ast.Await) for put in feed.puts) or repeated(view, feed):
        feed.trouble = "the call may begin several times"


def commented(view: View, made: ast.Assign) -> bool:
    """True where a comment would go with the queue."""
    above = view.module.lines[made.lineno - 2].strip() if made.lineno > 1 else ""
    return above.startswith("#") or "#" in view.module.lines[(made.end_lineno or made.lineno) - 1]


def until_none(node: ast.Call) -> bool:
    """True for `iter(queue.get, None)`."""
    return (
        isinstance(node.func, ast.Name)
        and node.func.id == "iter"
        and len(node.args) == 2
        and isinstance(node.args[1], ast.Constant)
        and node.args[1].value is None
    )


def repeated(view: View, feed: Feed) -> bool:
    """True where the queue and the call are not made one after the other in one block."""
    statement = view.graph.parents.get(feed.call) if feed.call else None
    return statement is None or view.graph.parents.get(statement) is not view.graph.parents.get(feed.made)


def convert(view: View, feed: Feed) -> Iterator[Edit]:
    assert feed.call is not None
    own = set(own_nodes(view.fn))
    reads = [
        s
        for s in view.sites(IterateSite)
        if isinstance(s.iterable, ast.Name) and s.iterable.id == feed.replies
    ]
    steps = [s for s in reads if s.form == "next" and isinstance(s.node, ast.Call) and len(s.node.args) == 1]
    view.plan.released["queue"] = view.plan.released.get("queue", 0) + 1
    view.plan.claimed |= {feed.made.value, feed.call.args[0], *feed.puts}
    yield view.edit(RULE, "SimpleStatementLine", feed.made, drop)
    yield view.edit(RULE, "Call", feed.call, without_iterator)
    for put in feed.puts:
        last = is_none(put.args[0])
        change = done_sending if last else send
        yield view.edit(RULE, "Call", put, partial(change, replies=feed.replies))
    if len(steps) == len(reads) and all(s.node in own for s in steps):
        for step in steps:
            view.plan.claimed.add(step.node)
            yield view.edit(RULE, "Call", step.node, partial(receive, replies=feed.replies))
            yield from ends(view, step.node)


def ends(view: View, call: ast.AST) -> Iterator[Edit]:
    """`except StopIteration` around a `receive` is the end of the stream."""
    node: ast.AST | None = call
    while node is not None and node is not view.fn.node:
        parent = view.graph.parents.get(node)
        if isinstance(parent, ast.Try) and node in parent.body:
            for caught in (handler.type for handler in parent.handlers):
                fresh = isinstance(caught, ast.Name) and caught not in view.plan.claimed
                if fresh and isinstance(caught, ast.Name) and caught.id == "StopIteration":
                    view.plan.claimed.add(caught)
                    end = f"{view.bridge_name()}.EOF"
                    yield view.edit(RULE, "Name", caught, partial(name_end, end=end))
        node = parent


def name_end(_: cst.Name, end: str) -> cst.BaseExpression:
    return syntax_name(end)


def drop(_: cst.SimpleStatementLine) -> cst.RemovalSentinel:
    return cst.RemoveFromParent()


def without_iterator(node: cst.Call) -> cst.Call:
    return node.with_changes(args=node.args[1:])


def method(node: cst.Call, replies: str, name: str) -> cst.Await:
    func = cst.Attribute(value=cst.Name(replies), attr=cst.Name(name))
    return await_(node.with_changes(func=func))


def send(node: cst.Call, replies: str) -> cst.Await:
    return method(node, replies, "send")


def done_sending(node: cst.Call, replies: str) -> cst.Await:
    return method(node.with_changes(args=[]), replies, "done_sending")


def receive(node: cst.Call, replies: str) -> cst.Await:
    return method(node.with_changes(args=[]), replies, "receive")
