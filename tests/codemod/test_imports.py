"""Import statements: swapped, added, removed; and stubs that cannot be read."""

from __future__ import annotations

import pytest

from .tool import generated, rewritten, run, unchanged

HEADER = "\nfrom greet_pb2_grpc import GreeterStub\n\n\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import grpc", "import grpc_bridge as grpc"),
        ("import grpc as g", "import grpc_bridge as g"),
        ("import os, grpc, sys", "import os, grpc_bridge as grpc, sys"),
        (
            "from grpc import StatusCode, insecure_channel",
            "from grpc_bridge import StatusCode, insecure_channel",
        ),
        ("from grpc import *", "from grpc_bridge import *"),
        ("from grpc import aio", "from grpc_bridge import aio"),
        (
            "try:\n    import grpc\nexcept ImportError:\n    grpc = None",
            "try:\n    import grpc_bridge as grpc\nexcept ImportError:\n    grpc = None",
        ),
        (
            "def f():\n    import grpc\n    return grpc",
            "def f():\n    import grpc_bridge as grpc\n    return grpc",
        ),
        ("import grpc.experimental", "import grpc_bridge as grpc"),
        ("import os\nimport grpc\nimport grpc.experimental", "import os\nimport grpc_bridge as grpc"),
        ("import grpc.aio as aio", "import grpc_bridge.aio as aio"),
        ("from grpc.experimental import unary_unary", "from grpc_bridge.experimental import unary_unary"),
        ("from grpc.aio import Channel", "from grpc_bridge.aio import Channel"),
        ("import grpc_testing", "import grpc_bridge.testing as grpc_testing"),
        ("import grpc_testing as testing", "from grpc_bridge import testing"),
        (
            "import grpc_testing as t\n\nc = t.channel([], t.strict_real_time())",
            "import grpc_bridge.testing as t\n\nc = t.channel([], t.strict_real_time())",
        ),
        ("from grpc_testing import channel", "from grpc_bridge.testing import channel"),
    ],
)
def test_the_import_is_swapped(before: str, after: str) -> None:
    assert rewritten(before + "\n", after + "\n") == []


@pytest.mark.parametrize(
    "source",
    [
        "import grpc_status\n",
        "from grpc_health.v1 import health_pb2\n",
        "import grpcio_extras as grpc\n",
        "# import grpc\n",
        "from . import grpc\n",
    ],
)
def test_other_imports_stay(source: str) -> None:
    assert unchanged(source) == []


@pytest.mark.parametrize(
    "source",
    [
        "import grpc.framework\n\n\ndef f(x):\n    return grpc.insecure_channel(x).close()\n",
        "from grpc.framework.interfaces import face\n",
        "import grpc.beta.implementations as implementations\n",
    ],
)
def test_a_submodule_is_reported(source: str) -> None:
    assert unchanged(source) == ["GB102"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import os\nimport time\n", "import asyncio\nimport os\n"),
        ("import abc\nimport time\n\nimport yaml\n", "import abc\nimport asyncio\n\nimport yaml\n"),
        (
            "from __future__ import annotations\n\nimport time\n",
            "from __future__ import annotations\n\nimport asyncio\n",
        ),
        ('"""Doc."""\nimport time\n', '"""Doc."""\nimport asyncio\n'),
        ("import asyncio\nimport time\n", "import asyncio\n"),
        ("# Comment.\nimport time\n", "# Comment.\nimport asyncio\n"),
        ("import os, time\n", "import asyncio\nimport os\n"),
        ("import time as t\n", "import asyncio\n"),
        ("from time import sleep\n", "import asyncio\nfrom time import sleep\n"),
    ],
)
def test_asyncio_comes_and_time_goes(before: str, after: str) -> None:
    call = "t.sleep(1)" if " as t" in before else "sleep(1)" if "from time" in before else "time.sleep(1)"
    body = HEADER + "{}def use(stub: GreeterStub):\n    {}\n    return {}stub.Hi(1)\n"
    rewritten(
        before + body.format("", call, ""),
        after + body.format("async ", "await asyncio.sleep(1)", "await "),
    )


def test_a_name_that_is_still_used_stays() -> None:
    body = HEADER + "{}def use(stub: GreeterStub):\n    {}\n    return {}stub.Hi(time.time())\n"
    rewritten(
        "import time\n" + body.format("", "time.sleep(1)", ""),
        "import asyncio\nimport time\n" + body.format("async ", "await asyncio.sleep(1)", "await "),
    )


def test_a_stub_that_cannot_be_read_keeps_its_caller_sync() -> None:
    found = unchanged(
        """
        import grpc

        from elsewhere_pb2_grpc import OrdersStub


        def order(target):
            with grpc.insecure_channel(target) as channel:
                return OrdersStub(channel).Place(1)
        """
    )
    assert found == ["GB709"]


@pytest.mark.parametrize(
    "imported",
    [
        ("import protos.greet_pb2_grpc", "protos.greet_pb2_grpc.GreeterStub"),
        ("import protos.greet_pb2_grpc as pb", "pb.GreeterStub"),
        ("from protos import greet_pb2_grpc", "greet_pb2_grpc.GreeterStub"),
        ("from protos.greet_pb2_grpc import GreeterStub as Stub", "Stub"),
        ("from protos.greet_pb2_grpc import *", "GreeterStub"),
        ("from protos import stubs", "stubs.GreeterStub"),
    ],
)
def test_every_way_to_import_a_stub(imported: tuple[str, str]) -> None:
    statement, name = imported
    package = {
        "protos/__init__.py": "",
        "protos/greet_pb2_grpc.py": generated(),
        "protos/stubs.py": "from .greet_pb2_grpc import GreeterStub\n",
    }
    source = f"{statement}\n\n\n{{}}def use(channel):\n    return {{}}{name}(channel).Hi(1)\n"
    rewritten(
        {**package, "app.py": source.format("", "")},
        {**package, "app.py": source.format("async ", "await ")},
    )


def test_what_grpc_bridge_has_not_of_grpc_testing_stays() -> None:
    assert unchanged("import grpc_testing\n\n\nclass Mine(grpc_testing.Channel):\n    pass\n") == ["GB104"]
    assert unchanged("from grpc_testing import Channel\n") == ["GB104"]


def test_calls_without_a_channel_are_awaited_after_the_swap() -> None:
    rewritten(
        "import grpc.experimental\n\n\ndef ask(request):\n"
        "    return grpc.experimental.unary_unary(request, 'x', '/a/B')\n",
        "import grpc_bridge as grpc\n\n\nasync def ask(request):\n"
        "    return await grpc.experimental.unary_unary(request, 'x', '/a/B')\n",
    )


def test_a_coroutine_waits_for_a_fake_channel_in_a_thread() -> None:
    _, got = run(
        """
        import grpc_testing

        from greet_pb2_grpc import GreeterStub


        def test_it(stub: GreeterStub):
            channel = grpc_testing.channel([], grpc_testing.strict_real_time())
            stub.Hi(1)
            return channel.take_unary_unary("x")
        """
    )
    assert 'await asyncio.to_thread(channel.take_unary_unary, "x")' in got["app.py"]


@pytest.mark.parametrize(
    ("names", "after"),
    [
        ("TYPE_CHECKING, Any, Iterator, cast", "TYPE_CHECKING, Any, AsyncIterator, cast"),
        ("Any, Iterator, TYPE_CHECKING, cast", "Any, AsyncIterator, TYPE_CHECKING, cast"),
        ("Any, cast, Iterator, TYPE_CHECKING", "Any, AsyncIterator, cast, TYPE_CHECKING"),
        ("cast, Iterator, Any, TYPE_CHECKING", "AsyncIterator, cast, Any, TYPE_CHECKING"),
    ],
)
def test_a_name_goes_where_the_order_of_the_others_has_it(names: str, after: str) -> None:
    source = """
    from typing import {names}

    from greet_pb2_grpc import GreeterStub


    {a}def watch(stub: GreeterStub) -> {i}Iterator:
        {a}for reply in stub.Many(cast(Any, 1)):
            yield reply
            assert not TYPE_CHECKING
    """
    before = source.format(names=names, a="", i="")
    assert rewritten(before, source.format(names=after, a="async ", i="Async")) == []
