"""The report as one HTML page that needs nothing else: to be shown, mailed, or kept by CI."""

from __future__ import annotations

import base64

from jinja2 import Environment, PackageLoader, StrictUndefined

from .. import graph
from ..findings import Finding
from ..rules.base import Rule
from ..runner import Result
from . import model

TEMPLATE = "report.html.j2"


def render(result: Result, written: bool) -> str:
    """The whole page. Its colours follow the reader's system; it runs no script."""
    report = model.build(result, written)
    edits = {rule.id: count for rule, count in report.by_rule}
    environment = Environment(
        loader=PackageLoader(__name__.rpartition(".")[0], "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(TEMPLATE).render(
        report=report,
        rules=model.RULES,
        edits=edits,
        most=max(edits.values(), default=1),
        changed=sum(file.changed for file in report.files),
        failures=[file for file in report.files if file.failure is not None],
        coroutines=edits.get("GB201", 0),
        settled=_settled(report),
        picture=_picture(result),
        decisions=[(file, finding) for file in report.files for finding in file.decisions],
    )


def _picture(result: Result) -> str:
    """The propagation graph as an image's address; "" where nothing waits for gRPC.

    As an image, and not as a part of the page: it has colours of its own.
    """
    if result.analysis is None or not graph.shows_something(result.analysis):
        return ""
    drawn = base64.b64encode(graph.svg(result.analysis).encode())
    return f"data:image/svg+xml;base64,{drawn.decode('ascii')}"


def _settled(report: model.Report) -> list[tuple[Rule, list[tuple[model.File, Finding]]]]:
    """What stays as it is, or was made and is worth a look, by rule."""
    found: dict[str, list[tuple[model.File, Finding]]] = {}
    for file in report.files:
        for finding in file.cuts:
            found.setdefault(finding.rule, []).append((file, finding))
    return [(model.RULES[id_], places) for id_, places in sorted(found.items())]
