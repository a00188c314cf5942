"""Functions that the user keeps sync by name."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from grpc_bridge.codemod.options import Options
from grpc_bridge.codemod.runner import Result, migrate

from .tool import generated

CLIENT = """
import grpc
from greet_pb2_grpc import GreeterStub


class Client:
    def __init__(self):
        self.stub = GreeterStub(grpc.insecure_channel("localhost:1"))

    def upload(self, rows):
        return [self.stub.Hi(row) for row in rows]

    def read(self):
        return self.stub.Hi(1)


def main(client: Client):
    client.upload([1])
    return client.read()
"""

KEPT = """
import asyncio

import grpc_bridge as grpc
from greet_pb2_grpc import GreeterStub


class Client:
    def __init__(self):
        self.stub = GreeterStub(grpc.insecure_channel("localhost:1"))

    def upload(self, rows):
        return [self.stub.Hi(row) for row in rows]

    async def read(self):
        return await self.stub.Hi(1)


async def main(client: Client):
    await asyncio.to_thread(client.upload, [1])
    return await client.read()
"""


def run(root: Path, *names: str) -> tuple[Result, str]:
    package = root / "shop" / "billing"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    (root / "greet_pb2_grpc.py").write_text(generated())
    (package / "client.py").write_text(textwrap.dedent(CLIENT).lstrip())
    result = migrate([root], Options(keep_sync=frozenset(names)))
    assert not result.failed
    return result, result.changed[package / "client.py"]


@pytest.mark.parametrize(
    "name", ["shop.billing.client.Client.upload", "billing.client.Client.upload", "client.Client.upload"]
)
def test_a_method_is_kept_by_any_of_its_dotted_names(tmp_path: Path, name: str) -> None:
    result, text = run(tmp_path, name)
    assert text == KEPT.lstrip()
    kept = [finding for finding in result.findings if finding.rule == "GB711"]
    assert [(f.line, f.message) for f in kept] == [(9, f"Client.upload stays sync: keep_sync names {name}")]


@pytest.mark.parametrize("name", ["shop", "shop.billing", "shop.billing.client", "client"])
def test_a_module_or_package_is_kept_whole(tmp_path: Path, name: str) -> None:
    _, text = run(tmp_path, name)
    assert text == CLIENT.lstrip().replace("import grpc\n", "import grpc_bridge as grpc\n")


def test_a_function_all_of_whose_waits_are_kept_has_nothing_to_await(tmp_path: Path) -> None:
    result, text = run(tmp_path, "client.Client")
    assert "async" not in text
    assert {finding.rule for finding in result.findings if finding.kind == "cut"} == {"GB706", "GB711"}


@pytest.mark.parametrize("name", ["upload", "Client", "client.Client.uploa", "hop.billing", "main.upload"])
def test_a_name_that_names_nothing_keeps_nothing(tmp_path: Path, name: str) -> None:
    _, text = run(tmp_path, name)
    assert "    async def upload" in text
