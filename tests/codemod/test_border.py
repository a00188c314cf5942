"""A run over part of a project: what crosses its border keeps working; bridges go when they are needless."""

from __future__ import annotations

from pathlib import Path

import pytest

from grpc_bridge.codemod.runner import migrate, write

from .tool import as_files, generated, rewritten, rules, unchanged
from .tool import run as run_tool

CLIENT = """\
from greet_pb2_grpc import GreeterServicer, GreeterStub


class Relay(GreeterServicer):
    stub: GreeterStub

    def Hi(self, request, context):
        return fetch_all(self.stub)


def fetch(stub: GreeterStub):
    return stub.Hi(1)


def fetch_all(stub: GreeterStub):
    return [fetch(stub) for _ in range(3)]


def report(stub: GreeterStub):
    return len(fetch_all(stub))
"""
CALLER = """\
from greet_pb2_grpc import GreeterStub

import client


def main(stub: GreeterStub):
    print(stub.Hi(1), client.report(stub))
"""
FILES = {"client.py": CLIENT, "caller.py": CALLER}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "greet_pb2_grpc.py").write_text(generated())
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def run(project: Path, *names: str) -> list[str]:
    result = migrate([project / name for name in names])
    assert result.failed == []
    write(result)
    return rules(result)


def texts(project: Path) -> dict[str, str]:
    return {name: (project / name).read_text() for name in FILES}


def test_the_callee_first(project: Path) -> None:
    assert run(project, "client.py") == ["GB502", "GB710"]
    assert texts(project)["caller.py"] == CALLER
    client = texts(project)["client.py"]
    assert "async def fetch_all" in client
    assert "\ndef report" in client
    assert "len(grpc.run(fetch_all(stub)))" in client
    assert run(project, "client.py", "caller.py") == []
    assert texts(project) == at_once()


def test_the_caller_first(project: Path) -> None:
    assert run(project, "caller.py") == ["GB503"]
    assert texts(project)["client.py"] == CLIENT
    assert "await asyncio.to_thread(client.report, stub)" in texts(project)["caller.py"]
    assert run(project, "client.py") == ["GB502", "GB710"]
    assert run(project, ".") == []
    assert texts(project) == at_once()


def at_once() -> dict[str, str]:
    client = CLIENT.replace("def ", "async def ").replace("return stub.Hi", "return await stub.Hi")
    client = client.replace("[fetch(", "[await fetch(").replace("len(fetch_all", "len(await fetch_all")
    client = client.replace("return fetch_all", "return await fetch_all")
    caller = CALLER.replace("def ", "async def ").replace("stub.Hi(1)", "await stub.Hi(1)")
    return {"client.py": client, "caller.py": caller.replace("client.report", "await client.report")}


def test_a_coroutine_outside_that_calls_it_allows_no_bridge(project: Path) -> None:
    (project / "caller.py").write_text(CALLER.replace("def main", "async def main"))
    before = texts(project)["client.py"]
    assert run(project, "client.py") == ["GB706", "GB710"]
    assert texts(project)["client.py"] == before


@pytest.mark.parametrize("making", ["grpc.insecure_channel('x')", "grpc.server(None)"])
def test_channels_of_grpcio_outside_come_first(project: Path, making: str) -> None:
    outside = CALLER.replace("from greet", "import grpc\nfrom greet", 1) + f"\n\nmade = {making}\n"
    (project / "caller.py").write_text(outside)
    (project / "client.py").write_text("import grpc\n" + CLIENT)
    assert run(project, "client.py") == ["GB103"]
    assert texts(project)["client.py"] == "import grpc_bridge as grpc\n" + CLIENT


def test_a_file_outside_that_only_catches_errors_is_no_trouble(project: Path) -> None:
    outside = CALLER.replace("from greet", "import grpc\nfrom greet", 1) + "\n\nERROR = grpc.RpcError\n"
    (project / "caller.py").write_text(outside)
    assert run(project, "client.py") == ["GB502", "GB710"]


KEPT = "import grpc  # grpc-bridge: keep\n\nCHANNEL = grpc.insecure_channel('x')\n"
USER = """\
from greet_pb2_grpc import GreeterStub
{}


def ask(channel):
    return GreeterStub(channel).Hi(1)
"""


@pytest.mark.parametrize(
    "link", ["import kept", "from kept import CHANNEL", "from . import kept", "import middle"]
)
def test_a_file_inside_that_keeps_grpcio_keeps_those_sync_that_import_it(link: str) -> None:
    files = {"kept.py": KEPT, "middle.py": "import kept\n", "user.py": USER.format(link)}
    result, got = run_tool(files)
    assert got == files
    told = [(finding.path.name, finding.rule) for finding in result.findings if finding.kind == "cut"]
    assert ("kept.py", "GB103") in told
    assert ("user.py", "GB103") in told


def test_a_file_inside_that_keeps_grpcio_for_itself_is_no_trouble() -> None:
    files = {"kept.py": KEPT, "user.py": USER.format("import os")}
    result, got = run_tool(files)
    assert "await GreeterStub(channel).Hi(1)" in got["user.py"]
    assert "GB103" not in {finding.rule for finding in result.findings}


# Bridges inside a run


def test_bridges_go() -> None:
    rewritten(
        """
        import asyncio

        import grpc_bridge as grpc
        from greet_pb2_grpc import GreeterStub


        async def fetch(stub: GreeterStub):
            return await stub.Hi(1)


        def report(stub: GreeterStub):
            return (grpc.run(fetch(stub))), grpc.run(
                fetch(stub)
            )


        def slow(stub: GreeterStub, n):
            return stub.Hi(n)


        async def use(stub: GreeterStub):
            return await asyncio.to_thread(slow, stub, n=2)
        """,
        """
        from greet_pb2_grpc import GreeterStub


        async def fetch(stub: GreeterStub):
            return await stub.Hi(1)


        async def report(stub: GreeterStub):
            return (await fetch(stub)), await fetch(stub)


        async def slow(stub: GreeterStub, n):
            return await stub.Hi(n)


        async def use(stub: GreeterStub):
            return await slow(stub, n=2)
        """,
    )


def test_bridges_stay_where_a_thread_needs_them() -> None:
    unchanged(
        """
        import asyncio
        import threading
        import time

        import grpc_bridge as grpc
        from greet_pb2_grpc import GreeterStub


        async def fetch(stub: GreeterStub):
            return await stub.Hi(1)


        def report(stub: GreeterStub):
            print(grpc.run(fetch(stub)))


        class Client:
            def __init__(self, stub: GreeterStub):
                self.first = stub.Hi(1)


        def start(stub: GreeterStub):
            threading.Thread(target=report, args=(stub,)).start()


        async def use(stub: GreeterStub):
            client = await asyncio.to_thread(Client, stub)
            return await asyncio.to_thread(time.sleep, 1), client


        if __name__ == "__main__":
            asyncio.run(use(GreeterStub(grpc.insecure_channel("x"))))
        """
    )


def test_the_files_of_the_example_compile() -> None:
    assert set(as_files(FILES)) == set(at_once())
