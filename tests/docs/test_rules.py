"""The examples of docs/rules.md: each stands in a program, and comes out of the codemod as the page says.

A rule that edits turns its `before` into its `after`. Of a rule that changes nothing, a person is told, and
its example stays as it is.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from grpc_bridge.codemod.options import DEFAULTS, Options
from grpc_bridge.codemod.rules import RULES
from grpc_bridge.codemod.rules.base import Rule
from grpc_bridge.codemod.runner import migrate

from ..codemod.tool import generated

HEAD = """\
import asyncio
import contextlib
import itertools
import queue
import signal
import threading
import time
import unittest
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from elsewhere import Empty, Order, Reply, Request, app, by_name, first, orders, request, retry, target
from greet_pb2_grpc import GreeterServicer, GreeterStub

"""

HERE = "EXAMPLE"
"""Where in a program the example stands; its lines are indented as that is."""

STATEMENTS = """
def main(stub: GreeterStub, worker: threading.Thread, replies: Iterator[Reply]):
    EXAMPLE
"""

WAITING = """
def main(stub: GreeterStub, worker: threading.Thread, grace):
    stub.Hi(request)
    server = grpc.server(None)
    EXAMPLE
"""

WITH_STUB = """
EXAMPLE

    stub = GreeterStub(grpc.insecure_channel(target))
"""

CHANNEL = "GreeterStub(grpc.insecure_channel(target))"

PROGRAMS = {
    "GB101": HERE,
    "GB102": HERE,
    "GB104": HERE,
    "GB103": f"def main():\n    {CHANNEL}.Get(request)\n\nEXAMPLE",
    "GB201": "EXAMPLE\n\ndef main(stub: GreeterStub):\n    print(fetch(stub))\n",
    "GB204": f"""
def fetch(stub: GreeterStub):
    return stub.Get(request)

EXAMPLE

if __name__ == '__main__':
    main({CHANNEL})
""",
    "GB206": """
def main(stub: GreeterStub):
    replies = stub.Watch(request)
    EXAMPLE
    return reply
""",
    "GB208": """
EXAMPLE

def main(stub: GreeterStub):
    for reply in relay(stub, request):
        print(reply)
""",
    "GB210": HERE,
    "GB211": """
EXAMPLE

    def __init__(self):
        self._channel = grpc.insecure_channel(target)

def main():
    with Client() as client:
        print(client)
""",
    "GB213": f"""
def render(reply):
    return {CHANNEL}.Get(reply)

EXAMPLE

def main(stub: GreeterStub):
    show(watch(stub), render)
""",
    "GB214": "import functools\n\nEXAMPLE\n\ndef main(stub: GreeterStub):\n    return fetch(stub)\n",
    "GB301": WAITING,
    "GB302": f"""
class Greeter(GreeterServicer):
    def Hi(self, request, context):
        {CHANNEL}.Get(request)
        EXAMPLE
""",
    "GB401": WAITING,
    "GB402": WAITING,
    "GB403": """
def main(stub: GreeterStub):
    jobs = queue.Queue()
    jobs.put(stub.Get(request))
    EXAMPLE
    return job
""",
    "GB404": f"""
class Prices:
    _stub = {CHANNEL}

    EXAMPLE

def main(stub: GreeterStub):
    prices = Prices(stub)
    prices._ready.set()
    prices.refresh()
""",
    "GB406": """
def fetch(stub: GreeterStub, n):
    return stub.Hi(n)


def main(stub: GreeterStub, numbers, articles):
    EXAMPLE
""",
    "GB405": """
def read(stub, seen):
    for reply in stub.Watch(request):
        seen.append(reply)

def main(stub: GreeterStub, seen):
    stub.Get(request)
    EXAMPLE
""",
    "GB501": f"def main():\n    {CHANNEL}.Get(request)\n\nEXAMPLE\n",
    "GB502": f"""
stub = {CHANNEL}

def fetch(stub: GreeterStub):
    return stub.Get(request)

EXAMPLE

def main():
    fetch(stub)
    threading.Thread(target=report).start()
""",
    "GB507": f"""
stub = {CHANNEL}

EXAMPLE

def main(stub: GreeterStub):
    stub.Get(request)
""",
    "GB503": f"""
class Client:
    def __init__(self, target):
        self.version = {CHANNEL}.Version(request)

def main(stub: GreeterStub):
    stub.Get(request)
    EXAMPLE
    return client
""",
    "GB504": """
async def watch(stub: GreeterStub):
    return stub.Get(request)

EXAMPLE

def run(stub: GreeterStub):
    main(stub)
""",
    "GB505": f"""
async def fetch(stub: GreeterStub):
    return await stub.Get(request)

def look_up(order):
    return {CHANNEL}.Get(order)

EXAMPLE

def main(stub: GreeterStub):
    report(stub)
""",
    "GB506": f"import click\n\nstub = {CHANNEL}\n\nEXAMPLE\n",
    "GB601": f"@pytest.fixture\ndef stub():\n    return {CHANNEL}\n\nEXAMPLE\n",
    "GB602": HERE,
    "GB603": f"EXAMPLE\n\n    def setUp(self):\n        self.stub = {CHANNEL}\n",
    "GB701": WITH_STUB,
    "GB702": f"""
from elsewhere import button

def buy():
    {CHANNEL}.Get(request)

def main():
    EXAMPLE
""",
    "GB703": """
def poll(stub: GreeterStub):
    stub.Get(request)

def main(stub: GreeterStub):
    EXAMPLE
""",
    "GB704": f"""
class Client:
    def __init__(self):
        self._lock = threading.Lock()
        self._stub = {CHANNEL}

    EXAMPLE

    def cached(self):
        with self._lock:
            return self._cache

def main():
    client = Client()
    client.refresh()
    threading.Thread(target=client.cached).start()
""",
    "GB705": f"stub = {CHANNEL}\n\nEXAMPLE\n",
    "GB706": f"""
stub = {CHANNEL}

EXAMPLE

def work():
    price_all([])

def main():
    threading.Thread(target=work).start()
""",
    "GB708": f"""
EXAMPLE

    def __init__(self):
        self._stub = {CHANNEL}

def main():
    with grpc.intercept_channel(grpc.insecure_channel(target), Auth()) as channel:
        GreeterStub(channel).Get(request)
""",
    "GB709": HERE + "\n\ndef main():\n    order(grpc.insecure_channel(target))\n",
    "GB710": f"stub = {CHANNEL}\n\nEXAMPLE\n\ndef main():\n    fetch(stub)\n",
    "GB711": f"EXAMPLE\n\ndef main():\n    stub = {CHANNEL}\n    upload(stub, fetch(stub))\n",
    "GB712": HERE,
    "GB713": "EXAMPLE\n\ndef main(stub: GreeterStub):\n    Client(stub)\n",
    "GB714": WITH_STUB,
    "GB715": WITH_STUB,
    "GB719": f"import atexit\n\nstub = {CHANNEL}\n\nEXAMPLE\n",
    "GB720": """
import csv
from elsewhere import out

def main(stub: GreeterStub):
    EXAMPLE
""",
    "GB722": f"""
from elsewhere import plugin

class Client:
    stub = {CHANNEL}

    def fetch_price(self, name):
        return self.stub.Get(name)

EXAMPLE

def main():
    Client().fetch_price(1)
""",
    "GB721": f"import asyncio\n\nEXAMPLE\n\ndef main():\n    report({CHANNEL})\n",
}
ELSEWHERE = {"GB604": "tests/codemod/test_mocks.py has each of its lines in a program of its own"}
OPTIONS = {
    "GB711": Options(keep_sync=frozenset({"client.upload"})),
    "GB801": Options(style="send-receive"),
}
FILES = {"GB601": "test_client.py", "GB602": "conftest.py", "GB603": "test_client.py"}
"""What the program's file is called where it matters."""

METHODS = {
    **dict.fromkeys(
        ("Close", "Count", "Get", "Hi", "Leave", "List", "Page", "Price", "Put", "Reload", "Version"),
        "unary_unary",
    ),
    "Watch": "unary_stream",
    "Chat": "stream_stream",
}

OTHER_FILE = re.compile(r"^# (?:the run|not in the run): (\w+\.py)\n", re.MULTILINE)


def framed(rule: Rule, example: str) -> tuple[str, str]:
    """The program of a rule with this in it; and the example as it stands there."""
    before, _, after = PROGRAMS.get(rule.id, STATEMENTS).partition(HERE)
    indented = textwrap.indent(example, before.rpartition("\n")[2]).strip()
    return f"{before}{indented}{after}\n", indented


def sources(rule: Rule) -> tuple[dict[str, str], dict[str, str], str]:
    """The files of the run, those outside it, and the example as it stands in the run."""
    name = FILES.get(rule.id, "client.py")
    parts = OTHER_FILE.split(rule.before)
    files = dict(zip(parts[1::2], parts[2::2], strict=True))
    program, example = framed(rule, files.pop(name, parts[0]))
    outside = {other: f"import client\nfrom client import *\n{text}" for other, text in files.items()}
    return {name: HEAD + program}, outside, example


def migrated(
    rule: Rule, folder: Path, run: Mapping[str, str], outside: Mapping[str, str]
) -> tuple[str, set[str]]:
    """The text of the run afterwards, and the ids of what was said."""
    (folder / ".git").mkdir()
    (folder / "greet_pb2_grpc.py").write_text(generated(METHODS))
    for name, text in {**run, **outside}.items():
        (folder / name).write_text(text)
    result = migrate([folder / name for name in run], OPTIONS.get(rule.id, DEFAULTS))
    assert result.failed == []
    for path, text in result.changed.items():
        compile(text, str(path), "exec", dont_inherit=True)
    after = "".join(result.changed.get(folder / name, text) for name, text in run.items())
    return after, {finding.rule for finding in result.findings}


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.id not in ELSEWHERE], ids=lambda rule: rule.slug
)
def test_the_example_comes_out_as_the_page_says(rule: Rule, tmp_path: Path) -> None:
    run, outside, example = sources(rule)
    after, told = migrated(rule, tmp_path, run, outside)
    assert rule.id in told
    expected = framed(rule, rule.after)[1] if rule.after else example
    assert expected in after, after
