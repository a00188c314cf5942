"""The seam holds: what is above it knows nothing of the transport below."""

from __future__ import annotations

import re
from pathlib import Path

import grpc_bridge

PACKAGE = Path(grpc_bridge.__file__).parent
RPC_LAYER = PACKAGE / "_cy"
CCORE = RPC_LAYER / "ccore"
SOURCES = [file for file in PACKAGE.rglob("*.*") if file.suffix in (".py", ".pyi", ".pyx", ".pxd")]

CYGRPC = re.compile(r"cygrpc|grpc\._cython")
IMPORTS_CYGRPC = re.compile(r"^\s*(?:from|c?import)\s+grpc\._cython", re.MULTILINE)


ABOVE = [file for file in SOURCES if CCORE not in file.parents]
RPC_LAYER_SOURCES = [file for file in SOURCES if file.parent == RPC_LAYER]


def _matching(pattern: re.Pattern[str], files: list[Path]) -> list[str]:
    return sorted(
        str(file.relative_to(PACKAGE)) for file in files if pattern.search(file.read_text(encoding="utf-8"))
    )


def test_there_is_something_on_either_side() -> None:
    assert len(RPC_LAYER_SOURCES) > 10
    assert len(ABOVE) > 50
    assert len(SOURCES) - len(ABOVE) > 5


def test_nothing_above_the_seam_names_a_type_of_cygrpc() -> None:
    assert _matching(CYGRPC, ABOVE) == []


def test_the_rpc_layer_names_no_transport() -> None:
    assert _matching(re.compile("ccore"), RPC_LAYER_SOURCES) == []


def test_one_module_touches_cygrpc() -> None:
    assert _matching(IMPORTS_CYGRPC, SOURCES) == ["_cy/ccore/port.pyx"]
