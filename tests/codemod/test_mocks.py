"""Mocks that stand for stubs: what becomes an AsyncMock, and what stays; and the migrated tests pass."""

from __future__ import annotations

import asyncio
import sys
import unittest
from pathlib import Path
from typing import Any

import pytest

from .tool import generated, rewritten, rules, run

CLIENT = """\
from greet_pb2_grpc import GreeterStub


def fetch(stub: GreeterStub, n):
    return stub.Hi(n)


def watch(stub: GreeterStub):
    return [x for x in stub.Many(1)]


class Client:
    def __init__(self, channel):
        self.stub = GreeterStub(channel)

    def hi(self):
        return self.stub.Hi(1)
"""

TESTS = """\
import unittest
from unittest import mock
from unittest.mock import MagicMock, patch

from client import Client, fetch, watch
from greet_pb2_grpc import GreeterStub


class Tests(unittest.TestCase):
    def setUp(self):
        self.stub = mock.Mock()
        self.stub.Hi.return_value = "hi"

    def test_fetch(self):
        self.assertEqual(fetch(self.stub, 1), "hi")
        self.stub.Hi.assert_called_once_with(1)


def test_error():
    stub = MagicMock()
    stub.Hi.side_effect = ValueError("x")
    stub.Many.return_value = ["a", "b"]
    assert watch(stub) == ["a", "b"]
    try:
        fetch(stub, 2)
    except ValueError:
        pass


@patch("client.GreeterStub")
def test_patched(stub_class):
    stub = stub_class.return_value
    stub.Hi.return_value = "patched"
    stub.Many.return_value = iter(["x"])
    client = Client(None)
    assert client.hi() == "patched"


def test_object():
    stub = GreeterStub(mock.Mock())
    with patch.object(stub, "Hi", return_value=3) as hi:
        assert fetch(stub, 1) == 3
    hi.assert_called_once_with(1)
"""

MIGRATED = """\
import unittest
from unittest import mock
from unittest.mock import MagicMock, patch

import pytest

from client import Client, fetch, watch
from greet_pb2_grpc import GreeterStub


class Tests(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.stub = mock.AsyncMock()
        self.stub.Hi.return_value = "hi"

    async def test_fetch(self):
        self.assertEqual(await fetch(self.stub, 1), "hi")
        self.stub.Hi.assert_called_once_with(1)


@pytest.mark.asyncio
async def test_error():
    stub = MagicMock()
    stub.Hi = mock.AsyncMock(side_effect=ValueError("x"))
    stub.Many.return_value.__aiter__.return_value = ["a", "b"]
    assert await watch(stub) == ["a", "b"]
    try:
        await fetch(stub, 2)
    except ValueError:
        pass


@patch("client.GreeterStub")
@pytest.mark.asyncio
async def test_patched(stub_class):
    stub = stub_class.return_value
    stub.Hi = mock.AsyncMock(return_value="patched")
    stub.Many.return_value.__aiter__.return_value = iter(["x"])
    client = Client(None)
    assert await client.hi() == "patched"


@pytest.mark.asyncio
async def test_object():
    stub = GreeterStub(mock.Mock())
    with patch.object(stub, "Hi", new_callable=mock.AsyncMock, return_value=3) as hi:
        assert await fetch(stub, 1) == 3
    hi.assert_called_once_with(1)
"""


def test_mocks_of_stubs() -> None:
    assert (
        rewritten(
            {"test_app.py": TESTS, "client.py": CLIENT}, {"test_app.py": MIGRATED, "client.py": run_client()}
        )
        == []
    )


def run_client() -> str:
    return run(CLIENT)[1]["app.py"]


@pytest.mark.parametrize("migrated", [False, True])
def test_they_pass_before_and_after(migrated: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "greet_pb2_grpc.py").write_text(generated())
    (tmp_path / "client.py").write_text(run_client() if migrated else CLIENT)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("greet_pb2_grpc", "client"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    namespace: dict[str, Any] = {}
    exec(compile(MIGRATED if migrated else TESTS, "test_app.py", "exec", dont_inherit=True), namespace)
    outcome = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(namespace["Tests"]).run(outcome)
    assert outcome.testsRun == 1
    assert outcome.wasSuccessful(), outcome.errors + outcome.failures
    for test in (namespace["test_error"], namespace["test_patched"], namespace["test_object"]):
        ran = test()
        if migrated:
            asyncio.run(ran)
    for name in ("greet_pb2_grpc", "client"):
        monkeypatch.delitem(sys.modules, name, raising=False)


MOCKED = """
from unittest.mock import Mock

from greet_pb2_grpc import GreeterStub


def fetch(stub: GreeterStub, n):
    {body}


def test_it():
    stub = Mock({given})
    {setting}
    fetch(stub, 1)
"""


@pytest.mark.parametrize(
    ("body", "given", "setting", "after"),
    [
        (
            "return stub.Hi(n)",
            "",
            "stub.Hi.return_value = 1",
            "stub = AsyncMock()\n    stub.Hi.return_value = 1\n",
        ),
        (
            "return stub.Hi(n)",
            "**{'Hi.return_value': 1}",
            "",
            "stub = AsyncMock(**{'Hi.return_value': 1})\n",
        ),
        (
            "return stub.Hi(n), stub.close()",
            "",
            "stub.Hi.return_value = 1; stub.Hi.return_value = 2",
            "stub = Mock()\n    stub.Hi = AsyncMock(return_value=1); stub.Hi.return_value = 2\n",
        ),
        (
            "return list(stub.Many(n))",
            "",
            "stub.Many.return_value = [1]",
            "stub = MagicMock()\n    stub.Many.return_value.__aiter__.return_value = [1]\n",
        ),
        (
            "return stub.Hi(next(stub.Many(n)))",
            "",
            "stub.Hi.side_effect = [1]",
            "stub = MagicMock()\n    stub.Hi = AsyncMock(side_effect=[1])\n",
        ),
    ],
)
def test_what_a_mock_becomes(body: str, given: str, setting: str, after: str) -> None:
    _, got = run({"test_it.py": MOCKED.format(body=body, given=given, setting=setting or "pass")})
    assert f"    {after}" in got["test_it.py"]
    assert "    await fetch(stub, 1)\n" in got["test_it.py"]


@pytest.mark.parametrize(
    "source",
    [
        "def test_it(other):\n    stub = Mock()\n    stub.Hi.return_value = 1\n    other(stub)\n",
        "def test_it():\n    thing = Mock()\n    thing.size.return_value = 1\n    assert thing.size() == 1\n",
        "@patch('os.path.GreeterStub')\ndef test_it(cls):\n    cls.return_value.other.return_value = 1\n",
        "def test_it(stub: GreeterStub):\n    with patch.object(stub, 'Hi', new=print):\n"
        "        stub.Hi(1)\n",
    ],
)
def test_other_mocks_stay(source: str) -> None:
    head = "from unittest.mock import Mock, patch\n\nfrom greet_pb2_grpc import GreeterStub\n\n\n"
    result, got = run({"test_it.py": head + source})
    assert "AsyncMock" not in got["test_it.py"]
    assert "__aiter__" not in got["test_it.py"]
    assert rules(result) == []


def test_a_mock_for_both_colours_stays_and_is_told_of() -> None:
    source = """
    import threading
    from unittest.mock import Mock

    from greet_pb2_grpc import GreeterStub


    def fetch(stub: GreeterStub):
        return stub.Hi(1)


    def poll(stub: GreeterStub):
        open("log").write(stub.Hi(2))


    def test_it():
        stub = Mock()
        threading.Thread(target=poll, args=(stub,)).start()
        fetch(stub)
    """
    result, got = run({"test_it.py": source})
    assert "stub = Mock()" in got["test_it.py"]
    assert "GB604" in rules(result)
