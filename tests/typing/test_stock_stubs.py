"""mypy knows what stock stubs return in both colours, by mypy-protobuf's files and types-grpcio."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ..docs.pages import examples
from ..docs.scenes import PROTO
from .test_calls import PATIENCE, ROOT, marked

pytestmark = pytest.mark.timeout(2 * PATIENCE + 10)

FIXTURE = Path(__file__).with_name("stock_stubs.py")

PAGE = """\
from __future__ import annotations

from typing import TYPE_CHECKING

from helloworld_pb2 import HelloReply, HelloRequest
from helloworld_pb2_grpc import GreeterStub

import grpc_bridge
from grpc_bridge import aio

if TYPE_CHECKING:
    from helloworld_pb2_grpc import GreeterAsyncStub

def said_by_the_page(target: str, request: HelloRequest) -> None:
    channel = grpc_bridge.insecure_channel(target)
EXAMPLE
    reply: HelloReply = in_threads.Hi(request)
    text: str = in_threads.Hi(request)  # wrong

    async def in_a_coroutine() -> None:
        for stub in in_coroutines, on_aio:
            reply: HelloReply = await stub.Hi(request)
            text: str = await stub.Hi(request)  # wrong
"""
"""Uses of the stubs of docs/typing.md; what is wrong shows that the types are no `Any`."""


def test_mypy(tmp_path: Path) -> None:
    for module in ("mypy", "mypy_protobuf", "grpc_tools"):
        pytest.importorskip(module, reason=f"{module} is not installed")
    shutil.copy(ROOT / "tests" / "protos" / "exchange.proto", tmp_path)
    (tmp_path / "helloworld.proto").write_text(PROTO)
    # protoc finds mypy-protobuf's plugins on PATH, beside this interpreter.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    outputs = [f"--{kind}_out=." for kind in ("python", "grpc_python", "mypy", "mypy_grpc")]
    protos = "exchange.proto", "helloworld.proto"
    run("-m", "grpc_tools.protoc", "-I.", *outputs, *protos, cwd=tmp_path, PATH=path)
    [example] = [e.code for e in examples("docs/typing.md") if e.heading == "Stock stubs"]
    page = tmp_path / "page.py"
    page.write_text(PAGE.replace("EXAMPLE\n", textwrap.indent(example, " " * 4)))
    # In the strict mode of the project's own settings.
    found = run("-m", "mypy", "--no-error-summary", str(FIXTURE), str(page), cwd=ROOT, MYPYPATH=str(tmp_path))
    # By name alone: mypy may tell of a folder in which it saw the same page before.
    errors: dict[str, set[int]] = {}
    for line in found.splitlines():
        if ": error" in line:
            file, number, _ = line.split(":", 2)
            errors.setdefault(Path(file).name, set()).add(int(number))
    expected = {FIXTURE.name: marked("mypy", FIXTURE), page.name: marked("wrong", page)}
    assert {file: sorted(lines) for file, lines in errors.items()} == expected, found


def run(*arguments: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout
