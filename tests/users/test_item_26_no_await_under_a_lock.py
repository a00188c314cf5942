"""Item 26: no await under a threading lock, nor where Python or other code calls; each with its code."""

from __future__ import annotations

import ast

import pytest

from ..codemod.tool import rules, run

HEAD = "import signal\nimport threading\n\nimport grpc\nfrom greet_pb2_grpc import GreeterStub\n\n\n"
CLIENT = "class Client:\n    def __init__(self, stub: GreeterStub):\n        self.stub = stub\n\n"

PLACES = {
    **{
        f"{lock}": (
            "GB704",
            f"LOCK = threading.{lock}()\n\n\ndef f(stub: GreeterStub):\n    with LOCK:\n"
            "        return stub.Hi(1)\n",
        )
        for lock in ("Lock", "RLock", "Condition")
    },
    "a helper under a lock": (
        "GB704",
        "LOCK = threading.Lock()\n\n\ndef f(stub: GreeterStub):\n    with LOCK:\n"
        "        return ask(stub)\n\n\n"
        "def ask(stub):\n    return stub.Hi(1)\n",
    ),
    "a signal handler": (
        "GB718",
        "STUB = GreeterStub(grpc.insecure_channel('x'))\n\n\ndef bye(number, frame):\n"
        "    STUB.Hi(number)\n\n\n"
        "signal.signal(signal.SIGTERM, bye)\n",
    ),
    "__del__": ("GB714", CLIENT + "    def __del__(self):\n        self.stub.Hi('bye')\n"),
    "__init__": (
        "GB713",
        "class Client:\n    def __init__(self, stub: GreeterStub):\n        self.version = stub.Hi(1)\n",
    ),
    "a property": ("GB715", CLIENT + "    @property\n    def name(self):\n        return self.stub.Hi(1)\n"),
    "a comparison": ("GB701", CLIENT + "    def __eq__(self, other):\n        return self.stub.Hi(other)\n"),
    "a hash": ("GB701", CLIENT + "    def __hash__(self):\n        return self.stub.Hi(1)\n"),
    "a generator given to a sync consumer": (
        "GB720",
        "from somewhere import consume\n\n\ndef items(stub: GreeterStub):\n    for n in range(3):\n"
        "        yield stub.Hi(n)\n\n\ndef f(stub: GreeterStub):\n    consume(items(stub))\n",
    ),
    "a sort key": (
        "GB717",
        "def f(stub: GreeterStub, names):\n    names.sort(key=lambda name: stub.Hi(name))\n",
    ),
    "a lambda": ("GB716", "def f(stub: GreeterStub):\n    return (lambda n: [stub.Hi(n)])(1)\n"),
}


@pytest.mark.parametrize(("rule", "body"), PLACES.values(), ids=PLACES.keys())
def test_the_place_stays_sync_and_has_its_code(rule: str, body: str) -> None:
    result, after = run(HEAD + body)
    kinds = (ast.Await, ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith)
    assert not any(isinstance(node, kinds) for node in ast.walk(ast.parse(after["app.py"]))), after["app.py"]
    assert rule in rules(result)


def test_what_is_beside_the_lock_is_migrated() -> None:
    _, after = run(
        HEAD + "LOCK = threading.Lock()\nSEEN = []\n\n\ndef f(stub: GreeterStub):\n    reply = stub.Hi(1)\n"
        "    with LOCK:\n        SEEN.append(reply)\n    return reply\n"
    )
    assert "async def f(stub: GreeterStub):\n    reply = await stub.Hi(1)\n    with LOCK:" in after["app.py"]
