"""Mocks that stand for stubs: what becomes an AsyncMock, and what stays; and the migrated tests pass."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any

import pytest

from ..conftest import PATIENCE
from .tool import generated, rewritten, rules, run

ROOT = Path(__file__).resolve().parents[2]

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


@pytest.mark.asyncio
@patch("client.GreeterStub")
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
        del sys.modules[name]  # monkeypatch would put it back


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
            "stub.Hi.side_effect = [1]; stub.Many.return_value = iter([2])",
            "stub = MagicMock()\n    stub.Hi = AsyncMock(side_effect=[1]); "
            "stub.Many.return_value.__aiter__.return_value = iter([2])\n",
        ),
        (
            "return stub.Hi(n), stub.close()",
            "Hi=Mock(return_value=1)",
            "",
            "stub = Mock(Hi=AsyncMock(return_value=1))\n",
        ),
        (
            "return list(stub.Many(n)), stub.close()",
            "",
            "stub.Many = Mock(return_value=[1])",
            'stub = Mock()\n    stub.Many = MagicMock(**{"return_value.__aiter__.return_value": [1]})\n',
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
    ],
)
def test_other_mocks_stay(source: str) -> None:
    head = "from unittest.mock import Mock, patch\n\nfrom greet_pb2_grpc import GreeterStub\n\n\n"
    result, got = run({"test_it.py": head + source})
    assert "AsyncMock" not in got["test_it.py"]
    assert "__aiter__" not in got["test_it.py"]
    assert rules(result) == []


@pytest.mark.parametrize(
    "line",
    [
        "patch.object(stub, 'Hi', new=print)",
        "patch.object(GreeterStub, 'Hi', lambda self, request: 1)",
        "patch('app.fetch', lambda stub: 1)",
        "patch.object(stub, 'Many', side_effect=[[1]])",
        "Mock(**{'Hi.return_value': 1}) as stub",
        "monkeypatch.setattr(stub, 'Hi', lambda request: 1)",
        "monkeypatch.setattr('app.fetch', lambda stub: 1)",
    ],
)
def test_what_cannot_be_awaited_is_told_of(line: str) -> None:
    app = """
    from greet_pb2_grpc import GreeterStub


    def fetch(stub: GreeterStub):
        stub.close()
        return stub.Hi(next(stub.Many(1)))
    """
    test = f"""
    from unittest.mock import Mock, patch

    from app import fetch
    from greet_pb2_grpc import GreeterStub


    def test_it(stub: GreeterStub, monkeypatch):
        with {line}:
            fetch(stub)
    """
    result, got = run({"app.py": app, "test_it.py": test})
    assert "            await fetch(stub)\n" in got["test_it.py"].replace(
        "        await", "            await"
    )
    assert line in got["test_it.py"]
    assert [f.line for f in result.findings if f.rule == "GB604" and f.decide] == [8]


SHOP = """
from greet_pb2_grpc import GreeterStub


class Client:
    def __init__(self, channel):
        self.stub = GreeterStub(channel)

    def hi(self):
        return self.stub.Hi(1)

    def many(self):
        return [x for x in self.stub.Many(1)]

    def each(self):
        for x in self.stub.Many(1):
            yield x

    def log(self, text):
        print(text)


class Service:
    def __init__(self, client):
        self.client = client

    def greet(self):
        greeting = self.client.hi()
        self.client.log(greeting)
        return greeting.upper()

    def all(self):
        return [x for x in self.client.each()]


def make(channel):
    return Service(Client(channel))


def fetch(channel):
    return GreeterStub(channel).Hi(1)


def refetch():
    return fetch(None)
"""

SHOP_TESTS = """
from unittest import mock
from unittest.mock import Mock, create_autospec, patch

import grpc
import pytest

import shop
from greet_pb2_grpc import GreeterStub
from shop import Client, Service


def test_mocker_patch(mocker):
    stub_class = mocker.patch("shop.GreeterStub")
    stub_class.return_value.Hi.return_value = "hi"
    assert Client(None).hi() == "hi"


def test_mocker_object(mocker):
    client = Client(mocker.Mock())
    hi = mocker.patch.object(client.stub, "Hi", return_value="hi")
    mocker.patch.object(client.stub, "Many", return_value=iter(["a"]))
    assert client.hi() == "hi"
    assert client.many() == ["a"]
    hi.assert_called_once_with(1)


def test_mocker_method(mocker):
    mocker.patch("shop.Client.hi", return_value="hi")
    mocker.patch.object(Client, "each", return_value=["a"])
    assert make().greet() == "HI"
    assert make().all() == ["a"]


def make():
    return shop.make(Mock())


def test_mocker_mock(mocker):
    client = Client(Mock())
    client.stub = mocker.Mock()
    client.stub.Hi.return_value = "hi"
    client.stub.Many.return_value = ["a"]
    assert client.hi() == "hi"
    assert client.many() == ["a"]


@pytest.fixture
def stub(mocker):
    stub = mocker.patch("shop.GreeterStub").return_value
    stub.Hi.return_value = "hi"
    return stub


def test_fixture(stub):
    assert Client(None).hi() == "hi"
    stub.Hi.assert_called_once_with(1)


def test_autospec_of_a_stub():
    client = Client(Mock())
    client.stub = create_autospec(GreeterStub(grpc.insecure_channel("localhost:1")))
    client.stub.Hi.return_value = "hi"
    client.stub.Many.return_value = ["a"]
    assert client.hi() == "hi"
    assert client.many() == ["a"]


def test_spec_of_a_stub():
    client = Client(Mock())
    client.stub = Mock(spec=GreeterStub)
    client.stub.Hi = Mock(return_value="hi")
    client.stub.Many = mock.MagicMock(return_value=["a"])
    assert client.hi() == "hi"
    assert client.many() == ["a"]


def test_attribute():
    client = Client(Mock())
    with mock.patch.object(client, "stub") as stub:
        stub.Hi.side_effect = ["hi"]
        assert client.hi() == "hi"


@patch.object(shop, "GreeterStub")
def test_class(cls):
    cls.return_value.Hi.return_value = "hi"
    assert Client(None).hi() == "hi"


def test_client():
    client = Mock()
    client.hi.return_value = "hi"
    client.each.return_value = ["a"]
    assert Service(client).greet() == "HI"
    assert Service(client).all() == ["a"]
    client.log.assert_called_once_with("hi")


def test_spec_of_a_client():
    client = Mock(spec=Client)
    client.hi.return_value = "hi"
    assert Service(client).greet() == "HI"
    client = create_autospec(Client)
    client.hi.return_value = "hi"
    client.each.return_value = ["a"]
    assert Service(client).greet() == "HI"
    assert Service(client).all() == ["a"]


def test_patched_client():
    with patch("shop.Client") as cls:
        cls.return_value.hi.return_value = "hi"
        assert shop.make(None).greet() == "HI"
    with patch("shop.Client", autospec=True) as cls:
        cls.return_value.hi.return_value = "hi"
        assert shop.make(None).greet() == "HI"


@patch("shop.fetch", return_value="hi")
def test_function(fetch):
    assert shop.refetch() == "hi"
    fetch.assert_called_once_with(None)


def test_new():
    with patch("shop.fetch", new=Mock(return_value="hi")):
        assert shop.refetch() == "hi"
    with patch.object(shop, "fetch", Mock(return_value="hi")):
        assert shop.refetch() == "hi"
"""


@pytest.mark.parametrize("migrated", [False, True])
def test_mocks_of_every_kind_pass_before_and_after(migrated: bool, tmp_path: Path) -> None:
    sources = {"shop.py": SHOP, "test_shop.py": SHOP_TESTS}
    result, after = run(sources)
    assert rules(result) == []
    (tmp_path / "greet_pb2_grpc.py").write_text(generated())
    for name, text in (after if migrated else sources).items():
        (tmp_path / name).write_text(text)
    options = ["-W", "error", "-o", "asyncio_default_fixture_loop_scope=function"]
    for plugin in ("pytest_mock", "pytest_asyncio.plugin", "no:cacheprovider"):
        options += ["-p", plugin]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options, "test_shop.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "14 passed" in done.stdout


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


def test_a_stream_of_a_mock_that_sync_code_calls_too() -> None:
    """It stays a `Mock`, whose answers have no `__aiter__` to be set."""
    before = """
    from unittest.mock import MagicMock, Mock

    from greet_pb2_grpc import GreeterStub


    def read(stub: GreeterStub):
        return [reply for reply in stub.Many(1)]


    def ask(stub: GreeterStub):  # grpc-bridge: keep
        return stub.Hi(1)


    def test_it():
        stub = Mock()
        stub.Hi.return_value = 1
        stub.Many.return_value = [1, 2]
        assert (ask(stub), read(stub)) == (1, [1, 2])
    """
    result, got = run(before)
    assert '    stub.Many.return_value = MagicMock(**{"__aiter__.return_value": [1, 2]})\n' in got["app.py"]
    assert "    stub = Mock()\n    stub.Hi.return_value = 1\n" in got["app.py"]
    assert "GB604" in rules(result)


def test_a_class_of_mocks_is_named_as_those_beside_it() -> None:
    source = """
    from unittest import mock
    from unittest.mock import Mock

    from greet_pb2_grpc import GreeterStub


    def read(stub: GreeterStub):
        return [reply for reply in stub.Many(1)]


    def test_it():
        stub = Mock()
        stub.Many.return_value = [1, 2]
        assert read(stub) == [1, 2] and mock
    """
    _, got = run(source)
    assert "    stub = MagicMock()\n" in got["app.py"]
    assert "from unittest.mock import MagicMock\n" in got["app.py"]
