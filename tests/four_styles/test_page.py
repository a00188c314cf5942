"""docs/four-styles.md: every client talks to every server, and the page says what the tests do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

import grpc
import pytest

from ..conftest import PATIENCE
from .snippets import table

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "four-styles.md").read_text()
STYLES = ["Current", "Option 1", "Option 2", "Ideal"]

EXPECTED = "Hello Ada\nHello Bob\nHello Eve\n"


def section(title: str) -> str:
    _, _, rest = PAGE.partition(f"\n## {title}\n")
    return rest.partition("\n## ")[0]


def programs(title: str) -> dict[str, str]:
    """The programs of a section, by style."""
    styles = re.findall(r"<th>(.*?)</th>", section(title))
    return dict(zip(styles, re.findall(r"^```python\n(.*?)^```$", section(title), re.M | re.S), strict=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's programs, and what protoc makes of its .proto file."""
    folder = tmp_path_factory.mktemp("page")
    (proto,) = re.findall(r"^```proto\n(.*?)^```$", PAGE, re.M | re.S)
    (folder / "helloworld.proto").write_text(proto)
    outputs = ("--python_out=.", "--grpc_python_out=.", "--grpc_python_async_out=.")
    python("-m", "grpc_bridge.protoc", "-I.", *outputs, "helloworld.proto", folder=folder)
    for title, name in ("The client", "client"), ("The server", "server"):
        for style, program in programs(title).items():
            (folder / f"{name} {style}.py").write_text(program)
    return folder


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def python(*arguments: str, folder: Path) -> str:
    """What a program says, on both streams, until it ends well."""
    ended = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


@pytest.fixture(params=STYLES)
def server(request: pytest.FixtureRequest, folder: Path, free_port: int) -> Iterator[str]:
    """A server of the page, on its way; its address."""
    address = f"127.0.0.1:{free_port}"
    program = subprocess.Popen(
        [sys.executable, f"server {request.param}.py", address],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield address
    program.terminate()
    assert program.communicate(timeout=PATIENCE)[0] == ""


def test_every_client_talks_to_every_server(folder: Path, server: str) -> None:
    with grpc.insecure_channel(server) as channel:
        grpc.channel_ready_future(channel).result(PATIENCE)

    def said_by(style: str) -> str:
        return python(f"client {style}.py", server, folder=folder)

    with futures.ThreadPoolExecutor(2) as pool:
        assert dict(zip(STYLES, pool.map(said_by, STYLES), strict=True)) == dict.fromkeys(STYLES, EXPECTED)


@pytest.mark.parametrize("title", ["The client", "The server"])
def test_the_page_shows_the_four(title: str) -> None:
    assert list(programs(title)) == STYLES


def test_the_page_tells_every_correction() -> None:
    assert table() in PAGE
