"""The test tool: `unchanged(source)` and `rewritten(before, after)`.

A source is a text, or several by file name. Each run stands in a folder of its own beside a generated
module, `greet_pb2_grpc`, with one method of each arity; what comes out must compile, and a second run
over it must change nothing.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Mapping
from pathlib import Path

from grpc_bridge.codemod.rewrite import rewrite, rewrite_whole
from grpc_bridge.codemod.rules.base import Plan
from grpc_bridge.codemod.runner import Result, migrate, write

Sources = str | Mapping[str, str]
MAIN = "app.py"

ARITIES = {"Hi": "unary_unary", "Many": "unary_stream", "Sum": "stream_unary", "Chat": "stream_stream"}


def generated(arities: Mapping[str, str] = ARITIES) -> str:
    """A generated module as protoc's plugin writes it, without the messages."""
    lines = ["import grpc", "", "", "class GreeterStub(object):", "    def __init__(self, channel):"]
    lines += [
        f"        self.{name} = channel.{arity}('/greet.Greeter/{name}')" for name, arity in arities.items()
    ]
    lines += ["", "", "class GreeterServicer(object):"]
    for name, arity in arities.items():
        request = "request_iterator" if arity.startswith("stream") else "request"
        lines += [f"    def {name}(self, {request}, context):", "        raise NotImplementedError()", ""]
    lines += ["", "def add_GreeterServicer_to_server(servicer, server):", "    rpc_method_handlers = {"]
    lines += [
        f"        '{name}': grpc.{arity}_rpc_method_handler(servicer.{name}),"
        for name, arity in arities.items()
    ]
    lines += ["    }", "    return rpc_method_handlers", ""]
    return "\n".join(lines)


def as_files(sources: Sources) -> dict[str, str]:
    files = {MAIN: sources} if isinstance(sources, str) else dict(sources)
    return {name: textwrap.dedent(text).lstrip("\n") for name, text in files.items()}


def run(sources: Sources) -> tuple[Result, dict[str, str]]:
    """Migrate in a new folder; returns the result and the text of each file afterwards."""
    files = as_files(sources)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "greet_pb2_grpc.py").write_text(generated(), encoding="utf-8")
        (root / ".git").mkdir()
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        result = migrate([root])
        assert result.failed == [], result.failed
        write(result)
        after = {name: (root / name).read_text(encoding="utf-8") for name in files}
        for name, text in after.items():
            if name.endswith(".py"):
                compile(text, name, "exec", dont_inherit=True)
                assert not doubled_awaits(text)
        again = migrate([root])
        assert again.changed == {}, f"a second run changes {again.changed}"
        return result, after


def both_ways(plan: Plan) -> str:
    """What `rewrite` makes of a file: the same as where LibCST reads all of it and makes every edit."""
    text = rewrite(plan)
    assert text == rewrite_whole(plan)
    return text


def doubled_awaits(text: str) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Await) and isinstance(node.value, ast.Await)
    ]


def rewritten(before: Sources, after: Sources) -> list[str]:
    """Assert that `before` becomes `after`; returns the rule ids of what a person is told."""
    result, got = run(before)
    assert got == as_files(after)
    return rules(result)


def unchanged(sources: Sources) -> list[str]:
    """Assert that nothing but the import of grpc changes; returns the rule ids of what a person is told."""
    result, got = run(sources)
    assert got == {name: swapped(text) for name, text in as_files(sources).items()}
    return rules(result)


def migrated(after: Sources) -> list[str]:
    """Assert that the sync program of which `after` is the migrated form becomes `after`.

    The sync one is the same text without `async`, `await` and the swapped import, so only what those say is
    under test. Returns the rule ids of what a person is told.
    """
    return rewritten({name: synced(text) for name, text in as_files(after).items()}, after)


SYNC_NAMES = {
    "__aenter__": "__enter__", "__aexit__": "__exit__", "__aiter__": "__iter__", "__anext__": "__next__",
    "asynccontextmanager": "contextmanager", "anext": "next", "StopAsyncIteration": "StopIteration",
    "AsyncIterator": "Iterator", "grpc_bridge as grpc": "grpc",
}  # fmt: skip


def synced(text: str) -> str:
    """The sync program of which `text` is the migrated form."""
    text = re.sub(r"\b(async|await) ", "", text)
    for name, sync_name in SYNC_NAMES.items():
        text = re.sub(rf"\b{name}\b", sync_name, text)
    return re.sub(r"asyncio\.run\((.*)\)$", r"\1", text, flags=re.MULTILINE).replace("import asyncio\n\n", "")


def swapped(text: str) -> str:
    return re.sub(r"^import grpc$", "import grpc_bridge as grpc", text, flags=re.MULTILINE)


def rules(result: Result) -> list[str]:
    return sorted({finding.rule for finding in result.findings if finding.kind == "cut"})


def command_after(preparation: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The command's end, in a process that has run some code before: it gives up rights, or room.

    Not by `preexec_fn`: that forks this process, which may have C-core in it, and its threads come to harm
    where the child closes what they wait on.
    """
    execute = "import os, sys; os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    return subprocess.run(
        [sys.executable, "-c", f"{preparation}\n{execute}", "-B", "-m", "grpc_bridge.codemod", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def limited(size: int) -> str:
    """Code after which no file of the process may grow beyond a number of bytes."""
    return f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"
