"""Runs the examples of pages: `python -m tests.docs.run_page PAGE...`; says of each that it has run.

All of a page's examples share their names, as a reader takes them to do. One that awaits runs in a coroutine,
each on a loop of its own; the others run where no loop does. `localhost:50051` is a live server of grpcio.
Files and shell commands share a folder, in which that address is a free port. A block of text, or of a diff,
behind shell commands is what they print.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc

from ..conftest import PATIENCE
from . import scenes
from .pages import ROOT, Example, examples

SHELL_PATIENCE = 50.0
ADDRESS = re.compile(r"(localhost|\[::\]):50051")

TESTS = (
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 python -m pytest -q -W error -p no:cacheprovider "
    "-p pytest_asyncio.plugin -o asyncio_mode=auto -o asyncio_default_fixture_loop_scope=function ."
)


class Page:
    """A page on its way."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder / Path(name).stem
        (self.folder / ".git").mkdir(parents=True)  # a project: nothing outside of it is looked at
        sys.path.insert(0, str(self.folder))
        for file, text in {"helloworld.proto": scenes.PROTO, **scenes.FILES.get(name, {})}.items():
            self.write(file, text)
        # Bound while the page runs: nobody else is given the port before a server of the page has it.
        self.reserved = socket.socket()
        self.reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.reserved.bind(("127.0.0.1", 0))
        self.port: int = self.reserved.getsockname()[1]
        self.tests = False
        self.printed: str | None = None
        self.groups: list[subprocess.Popen[str]] = []

    def run(self, target: str) -> None:
        names = scenes.names(self.name, target)
        try:
            for block in examples(self.name):
                if block.runs:
                    self.one(block, target, names)
                    scenes.after(block, names)
                    print("ran", block.where, flush=True)
            if self.tests:
                self.shell(TESTS)
        finally:
            for group in self.groups:
                with contextlib.suppress(ProcessLookupError):  # the page has ended it itself
                    os.killpg(group.pid, signal.SIGTERM)
            self.reserved.close()

    def one(self, block: Example, target: str, names: dict[str, Any]) -> None:
        if block.mark == "file":
            self.write(block.said, self.local(block.code))
            self.tests |= block.said.startswith("test_")
        elif block.mark == "serves":
            served(block, f"127.0.0.1:{self.port}", names)
        elif block.language == "python":
            execute(block, ADDRESS.sub(target, block.code), names)
        elif block.language == "sh":
            printed = self.shell(self.local(block.code))
            self.printed = printed.replace(f"127.0.0.1:{self.port}", "localhost:50051").rstrip()
        elif block.language in ("text", "diff"):
            assert self.printed == block.code.rstrip(), f"{block.where}: printed was\n{self.printed}"
        elif block.language == "toml":
            self.write("settings/pyproject.toml", block.code)
            self.shell("python -m grpc_bridge.codemod --check --no-cache settings")
        else:
            raise AssertionError(f"{block.where}: nobody knows how to run {block.language or 'no language'}")

    def local(self, code: str) -> str:
        return ADDRESS.sub(f"127.0.0.1:{self.port}", code)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def shell(self, commands: str) -> str:
        """What the commands print; what they start in the background ends with the page."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        # Its output goes to a file: something in the background would keep a pipe open.
        with tempfile.TemporaryFile("w+") as output:
            group = subprocess.Popen(
                ["sh", "-e", "-c", commands],
                cwd=self.folder,
                env={
                    **os.environ,
                    "PATH": path,
                    "PYTHONPATH": f"{ROOT}{os.pathsep}{self.folder.parent}",
                    "PYTHONFAULTHANDLER": "1",
                },
                stdout=output,
                text=True,
                start_new_session=True,
            )
            try:
                status: int | str = group.wait(SHELL_PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(group.pid, signal.SIGABRT)  # Python shows where it was
                group.wait()
                status = f"none in {SHELL_PATIENCE} seconds"
            output.seek(0)
            printed = output.read()
        if re.search(r"&\s*$", commands, re.MULTILINE):
            self.groups.append(group)
        assert status == 0, f"{commands}\nended with status {status}\n{printed}"
        return printed


def execute(block: Example, code: str, names: dict[str, Any]) -> None:
    padded = "\n" * (block.line - 1) + code  # so that a traceback names the page's own lines
    compiled = compile(padded, str(ROOT / block.page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if compiled.co_flags & inspect.CO_COROUTINE:
        asyncio.run(asyncio.wait_for(eval(compiled, names), PATIENCE))
    else:
        exec(compiled, names)


def served(block: Example, address: str, names: dict[str, Any]) -> None:
    """Run it in a thread, call the server that it has started, and stop that."""
    with futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(execute, block, ADDRESS.sub(address, block.code), names)
        with grpc.insecure_channel(address) as channel:
            scenes.call(channel)
        stopped = names["server"].stop(None)
        assert stopped.wait(PATIENCE)
        running.result(PATIENCE)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, scenes.live(Path(folder)) as target:
        for name in sys.argv[1:]:
            Page(name, Path(folder)).run(target)


if __name__ == "__main__":
    main()
