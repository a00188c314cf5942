"""Ratios with their spread as SVG, the same file from the same figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_OURS, _THEIRS = "#2b6cb0", "#a0aec0"
_ROW, _HEAD = 0.28, 0.9
_INCHES = 8.5


@dataclass(frozen=True)
class Bar:
    label: str
    median: float
    low: float
    high: float
    ours: bool = True
    bound: float | None = None
    """Where a target lies."""


def bars(file: Path, title: str, rows: Sequence[Bar]) -> None:
    """Write one plot: a bar for each ratio, over it a line from low to high, and a line at 1.

    ImportError where there is no matplotlib.
    """
    import matplotlib

    matplotlib.use("svg")
    # Text stays text, so that it can be read and searched; ids are the same in every run.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "grpc_bridge", "font.size": 9})
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(_INCHES, _HEAD + _ROW * len(rows)))
    places = range(len(rows))
    axes.barh(
        places,
        [row.median for row in rows],
        0.7,
        color=[_OURS if row.ours else _THEIRS for row in rows],
        xerr=[[row.median - row.low for row in rows], [row.high - row.median for row in rows]],
        error_kw={"ecolor": "#1a202c", "elinewidth": 1, "capsize": 2},
    )
    for place, row in zip(places, rows, strict=True):
        if row.bound is not None:
            axes.plot([row.bound, row.bound], [place - 0.42, place + 0.42], color="#c53030", linewidth=2)
        axes.text(max(row.high, row.bound or 0.0), place, f"  {row.median:.2f}", va="center")
    axes.axvline(1.0, color="#1a202c", linewidth=0.8)
    axes.set_yticks(places, [row.label for row in rows])
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_title(title, loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)
