"""A picture of how colour spread: RPCs at the right, what waits for them to their left, each in its colour.

Plain SVG that stands alone, with a tooltip on everything, and that follows the reader's dark or light mode.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from typing import Literal

from .analysis import Analysis
from .index import Function
from .sites import CallSite, IterateSite, WithSite

MAX_FUNCTIONS = 500
"""Beyond so many a node stands for a module."""

Kind = Literal["rpc", "async", "sync", "entry"]

HEIGHT, GAP, COLUMN_GAP, CHARACTER = 24, 8, 70, 7.3
LANE = 5
"""The height of an edge on its way past a column."""
SWEEPS = 6

# Everything but the node under the pointer, its neighbours and what joins them fades.
SCRIPT = """
  const edges = [...document.querySelectorAll("path[data-ends]")];
  const nodes = [...document.querySelectorAll("g.node")];
  for (const node of nodes) {
    node.addEventListener("mouseenter", () => {
      const near = new Set([node.id]);
      for (const edge of edges) {
        const ends = edge.dataset.ends.split(" ");
        const joins = ends.includes(node.id);
        if (joins) ends.forEach(end => near.add(end));
        edge.classList.add(joins ? "near" : "far");
      }
      for (const other of nodes) other.classList.toggle("far", !near.has(other.id));
    });
    node.addEventListener("mouseleave", () => {
      for (const each of [...edges, ...nodes]) each.classList.remove("near", "far");
    });
  }
"""

STYLE = """
  .page { fill: #ffffff } text { font: 12px ui-monospace, monospace; fill: #1c1e21 }
  rect { stroke-width: 1.2 } path { fill: none; stroke: #9aa0a6; stroke-width: 1 }
  .rpc rect { fill: #d7e6fb; stroke: #2f6fc4 } .async rect { fill: #d6f1dc; stroke: #2c8a46 }
  .sync rect { fill: #fde3cf; stroke: #c4661f } .entry rect { fill: #eceef0; stroke: #7a8087 }
  .cut { stroke: #c4661f; stroke-dasharray: 5 3 } g.node:hover rect { stroke-width: 3 }
  path:hover, path.near { stroke-width: 3 } .far { opacity: 0.15 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #16181b } text { fill: #e6e7e9 } path { stroke: #6b7178 }
    .rpc rect { fill: #17324f } .async rect { fill: #173a22 } .sync rect { fill: #4a2a10 }
    .entry rect { fill: #2a2d31 }
  }
"""

LEGEND: tuple[tuple[Kind, str], ...] = (
    ("rpc", "RPC"),
    ("async", "coroutine"),
    ("sync", "waits and stays sync (cut)"),
    ("entry", "top level"),
)


@dataclass(eq=False)
class Node:
    label: str
    kind: Kind
    tip: str
    targets: dict[Node, bool] = field(default_factory=dict)
    """What it calls, and whether a cut runs between the two."""
    layer: int = 0
    x: float = 0
    y: float = 0
    right: float = 0
    id: str = ""
    ways: dict[Node, list[Node]] = field(default_factory=dict)
    """The places between it and a target through which the edge runs, one in each column on the way."""

    @property
    def height(self) -> float:
        return HEIGHT if self.label else LANE

    @property
    def width(self) -> float:
        return len(self.label) * CHARACTER + 16


def svg(analysis: Analysis) -> str:
    """The picture as the text of an SVG element."""
    nodes = _nodes(analysis)
    for number, node in enumerate(nodes):
        node.id = f"f{number}"
    columns = _columns(nodes)
    width, height = _place(columns)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="How asyncio spreads">',
        f"<style>{STYLE}</style>",
        '<rect class="page" width="100%" height="100%" stroke="none"/>',
        *_legend(),
        *(_edge(node, target, cut) for node in nodes for target, cut in node.targets.items()),
        *(_box(node) for node in nodes),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def page(analysis: Analysis) -> str:
    """The picture as an HTML page."""
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>How asyncio spreads</title>\n'
        "<style>body { margin: 0; overflow: auto }</style>\n"
        f"{svg(analysis)}<script>{SCRIPT}</script>\n</html>\n"
    )


def _nodes(analysis: Analysis) -> list[Node]:
    """A node for everything that waits, for what it waits for, and for the top levels that call it."""
    colours, graph = analysis.colours, analysis.graph
    leading = _leading(analysis)
    shown = [
        fn
        for fn in analysis.program.functions()
        if fn in graph.sites and (fn in colours.waiting or fn in leading)
    ]
    by_module = len(shown) > MAX_FUNCTIONS
    nodes: dict[object, Node] = {}

    def node_of(fn: Function) -> Node:
        key: object = fn.module if by_module else fn
        if key not in nodes:
            nodes[key] = _node(analysis, fn, by_module)
        return nodes[key]

    for fn in shown:
        node = node_of(fn)
        waiting = {callee for site in graph.of(fn) for callee in getattr(site, "callees", ())}
        for callee in sorted(
            (waiting & colours.waiting) | (graph.coroutines.get(fn, set()) & leading), key=_place_in_text
        ):
            if callee in graph.sites and node_of(callee) is not node:
                # What a main block calls is run by `asyncio.run`: nothing stays behind.
                cut = fn.kind != "main" and colours.is_async(fn) != colours.is_async(callee)
                other = node_of(callee)
                node.targets[other] = node.targets.get(other, False) or cut
        for name in _rpcs(analysis, fn):
            rpc = nodes.setdefault(name, Node(name, "rpc", f"the RPC {name}"))
            node.targets.setdefault(rpc, False)
    return list(nodes.values())


def shows_something(analysis: Analysis) -> bool:
    """True where the program has RPCs, awaited or not."""
    return any(_rpcs(analysis, fn) for fn in analysis.graph.sites)


def _leading(analysis: Analysis) -> set[Function]:
    """The coroutines from which calls lead to an RPC, and who calls one of them from code that is not."""
    graph = analysis.graph
    callers: dict[Function, set[Function]] = {}
    for fn, callees in graph.coroutines.items():
        for callee in callees:
            callers.setdefault(callee, set()).add(fn)
    found: set[Function] = set()
    pending = [*analysis.colours.waiting, *graph.streams, *graph.channels]
    while pending:
        fn = pending.pop()
        if fn not in found:
            found.add(fn)
            pending += callers.get(fn, ())
    return found


def _place_in_text(fn: Function) -> tuple[str, int]:
    return str(fn.module.path), fn.line


def _rpcs(analysis: Analysis, fn: Function) -> list[str]:
    """The names of the RPCs that a function makes."""
    found = [name for site in analysis.graph.of(fn) if (name := _rpc(site)) is not None]
    found += [_stream(stream) for stream in analysis.graph.streams.get(fn, ())]
    return found + ["channel"] * (fn in analysis.graph.channels)


def _node(analysis: Analysis, fn: Function, by_module: bool) -> Node:
    if by_module:
        name = ".".join(fn.module.path.with_suffix("").parts[-2:])
        inside = [f for f in fn.module.functions if f in analysis.colours.waiting]
        cuts = sum(analysis.colours.stays_sync(f) for f in inside)
        tip = f"{fn.module.path}: {len(inside) - cuts} coroutines, {cuts} stay sync"
        return Node(name, "sync" if cuts * 2 > len(inside) else "async", tip)
    place = f"{fn.module.path}:{fn.line}"
    if fn.top_level:
        return Node(f"{fn.module.name} ({'__main__' if fn.kind == 'main' else 'top level'})", "entry", place)
    cut = analysis.colours.sync.get(fn)
    if cut is not None and not fn.is_async:
        return Node(fn.label, "sync", f"{place}\nstays sync ({cut.rule}): {cut.reason}")
    if not analysis.colours.is_async(fn):
        return Node(fn.label, "sync", f"{place}\nis sync, and starts coroutines")
    return Node(fn.label, "async", f"{place}\n{'is' if fn.is_async else 'becomes'} a coroutine")


def _rpc(site: object) -> str | None:
    """The RPC that a place waits for."""
    if isinstance(site, CallSite) and site.intrinsic and any(k.endswith("MultiCallable") for k in site.kinds):
        parts = [part for part in _dotted(site.node.func) if part not in ("with_call", "future")]
        return parts[-1] if parts else "an RPC"
    if isinstance(site, IterateSite) and site.stream:
        return _stream(site.iterable)
    if isinstance(site, WithSite) and site.channel:
        return "channel"
    return None


def _stream(node: ast.expr | None) -> str:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr
    return "a stream"


def _dotted(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Attribute):
        return [*_dotted(node.value), node.attr]
    return [node.id] if isinstance(node, ast.Name) else []


def _columns(nodes: Iterable[Node]) -> list[list[Node]]:
    """The nodes by their distance from the RPCs, callers to the left; in few crossings' order."""
    order: dict[Node, int] = {}
    for start in nodes:
        _depth(start, order)
    deepest = max(order.values(), default=0)
    columns: list[list[Node]] = [[] for _ in range(deepest + 1)]
    for node in nodes:
        node.layer = deepest - order[node]
        columns[node.layer].append(node)
    for column in columns:
        column.sort(key=lambda node: (node.tip, node.label))
    before, after = _joined(nodes, columns)
    rank = {node: float(index) for column in columns for index, node in enumerate(column)}
    for sweep in range(SWEEPS):
        for column in columns if sweep % 2 else columns[::-1]:
            near = {node: (before if sweep % 2 else after).get(node, []) for node in column}
            middle = {
                node: sum(rank[other] for other in others) / len(others) if others else rank[node]
                for node, others in near.items()
            }
            column.sort(key=lambda node: middle[node])
            rank.update((node, float(index)) for index, node in enumerate(column))
    return columns


def _joined(
    nodes: Iterable[Node], columns: list[list[Node]]
) -> tuple[dict[Node, list[Node]], dict[Node, list[Node]]]:
    """What stands next to what, on the left and on the right; long edges get a place in each column."""
    before: dict[Node, list[Node]] = {}
    after: dict[Node, list[Node]] = {}
    for node in nodes:
        for target in node.targets:
            way = [Node("", node.kind, node.tip, layer=i) for i in range(node.layer + 1, target.layer)]
            node.ways[target] = way
            for place in way:
                columns[place.layer].append(place)
            stations = [node, *way, target]
            for left, right in itertools.pairwise(stations):
                after.setdefault(left, []).append(right)
                before.setdefault(right, []).append(left)
    return before, after


def _depth(start: Node, order: dict[Node, int]) -> None:
    """Fill in how far nodes are from the end of the longest chain; a circle is cut where it was entered."""
    pending: list[tuple[Node, bool]] = [(start, False)]
    open_: set[Node] = set()
    while pending:
        node, done = pending.pop()
        if done:
            open_.discard(node)
            order[node] = max(
                (order[t] + 1 for t in node.targets if t in order and t not in open_), default=0
            )
        elif node not in order and node not in open_:
            open_.add(node)
            pending.append((node, True))
            pending += [(target, False) for target in node.targets]


def _place(columns: list[list[Node]]) -> tuple[float, float]:
    """Give every node its place; returns the size of the picture."""
    heights = [sum(node.height + GAP for node in column) for column in columns]
    tallest = max(heights, default=0)
    x = 20.0
    for column, tall in zip(columns, heights, strict=True):
        y = 60 + (tallest - tall) / 2
        wide = max((node.width for node in column), default=0)
        for node in column:
            node.x, node.y = x, y
            y += node.height + GAP
            node.right = x + (node.width if node.label else wide)
        x += wide + COLUMN_GAP
    return max(x - COLUMN_GAP + 20, 640), max(tallest + 80, 120)


def _box(node: Node) -> str:
    return (
        f'<g class="node {node.kind}" id="{node.id}"><title>{escape(node.tip)}</title>'
        f'<rect x="{node.x:.0f}" y="{node.y:.0f}" width="{node.width:.0f}" height="{HEIGHT}" rx="4"/>'
        f'<text x="{node.x + 8:.0f}" y="{node.y + 16:.0f}">{escape(node.label)}</text></g>'
    )


def _edge(node: Node, target: Node, cut: bool) -> str:
    style = ' class="cut"' if cut else ""
    stations = [node, *node.ways[target], target]
    curve = f"M{node.right:.0f} {node.y + node.height / 2:.0f}"
    for left, right in itertools.pairwise(stations):
        y1, y2 = left.y + left.height / 2, right.y + right.height / 2
        bend = max(abs(right.x - left.right) / 2, 30)
        curve += f" C{left.right + bend:.0f} {y1:.0f} {right.x - bend:.0f} {y2:.0f} {right.x:.0f} {y2:.0f}"
        if right is not target:
            curve += f" H{right.right:.0f}"
    return (
        f'<path{style} data-ends="{node.id} {target.id}" d="{curve}">'
        f"<title>{escape(node.label)} → {escape(target.label)}{' (a cut)' if cut else ''}</title></path>"
    )


def _legend() -> list[str]:
    parts: list[str] = []
    x = 20.0
    for kind, text in LEGEND:
        parts.append(
            f'<g class="{kind}"><rect x="{x:.0f}" y="16" width="14" height="14" rx="3"/>'
            f'<text x="{x + 20:.0f}" y="28">{text}</text></g>'
        )
        x += 40 + len(text) * CHARACTER
    return parts
