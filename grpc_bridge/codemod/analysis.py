"""What steps 2 to 5 found of a program: for whoever explains it or draws it."""

from __future__ import annotations

from dataclasses import dataclass

from .index import Program
from .infer import Facts
from .sites import Graph
from .waiting import Colours


@dataclass(frozen=True)
class Analysis:
    program: Program
    facts: Facts
    graph: Graph
    colours: Colours
