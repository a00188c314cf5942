"""Where neither generated code nor a .proto file is in reach, use tells which methods stream."""

from __future__ import annotations

import re

import pytest

from .tool import migrated, rewritten, unchanged

HEAD = "import grpc_bridge as grpc\nfrom elsewhere_pb2_grpc import OrdersStub\n\n\n"

UNARY = {
    "attribute": "return (await stub.Get(1)).name",
    "variable": "order = await stub.Get(1)\n    print(order)\n    return order.items",
    "method of a field": "return (await stub.Get(1)).code",
    "thrown away": "await stub.Get(1)",
    "with_call": "order, call = await stub.Get.with_call(1, timeout=1)\n    return order",
    "future": "return await stub.Get.future(1).result()",
    "elsewhere": "other = await stub.Get(2)\n    print(other.name)\n    return await stub.Get(1)",
}
STREAMS = {
    "loop": "async for order in stub.Get(1):\n        print(order)",
    "comprehension": "return [order.name async for order in stub.Get(1)]",
    "variable": "orders = stub.Get(1)\n    async for o in orders:\n        print(o)\n    orders.cancel()",
    "requests": "async for order in stub.Get(iter([1, 2])):\n        print(order)",
}


def program(body: str) -> str:
    return f"{HEAD}async def f(channel):\n    stub = OrdersStub(channel)\n    {body}\n"


def told(after: str) -> list[str]:
    before = re.sub(r"\b(async|await) ", "", after).replace("grpc_bridge as grpc", "grpc")
    return rewritten(re.sub(r"\((stub\.Get\(1\))\)", r"\1", before), after)


@pytest.mark.parametrize("body", UNARY.values(), ids=UNARY.keys())
def test_one_response(body: str) -> None:
    assert told(program(body)) == ["GB712"]


@pytest.mark.parametrize("body", STREAMS.values(), ids=STREAMS.keys())
def test_a_stream_of_responses(body: str) -> None:
    assert told(program(body)) == ["GB712"]


def test_next_reads_a_stream() -> None:
    body = "def f(channel):\n    orders = OrdersStub(channel).Get(1)\n    return {}next(orders)\n"
    head = HEAD.replace("grpc_bridge as grpc", "grpc")
    found = rewritten(head + body.format(""), HEAD + "async " + body.format("await a"))
    assert found == ["GB712"]


def test_one_use_speaks_for_another_module() -> None:
    found = migrated(
        {
            "a.py": program("return [order async for order in stub.List(1)]"),
            "b.py": HEAD + "def start(channel):\n    return OrdersStub(channel).List(1)\n",
        }
    )
    assert found == ["GB712"]


def test_a_package_s_stubs() -> None:
    migrated(
        """
        import grpc_bridge as grpc
        from acme.shop.v1 import orders_pb2_grpc as shop


        async def f(channel):
            order = await shop.OrdersStub(channel).Get(1)
            return order.name
        """
    )


@pytest.mark.parametrize(
    "body",
    [
        "return stub.Get(1)",
        "order = stub.Get(1)\n    save(order)",
        "for order in stub.Get(1):\n        print(order)\n    return stub.Get(2).name",
    ],
)
def test_what_use_does_not_tell_stays(body: str) -> None:
    text = HEAD.replace("grpc_bridge as grpc", "grpc") + program(body)[len(HEAD) :].removeprefix("async ")
    assert unchanged(text) == ["GB709"]


def test_a_method_that_is_told_beside_one_that_is_not() -> None:
    before = (
        "def f(channel):\n    return OrdersStub(channel).Get(1).name\n\n\n"
        "def g(channel):\n    return OrdersStub(channel).Find(1)\n"
    )
    after = before.replace("def f", "async def f").replace(
        "OrdersStub(channel).Get(1).name", "(await OrdersStub(channel).Get(1)).name"
    )
    found = rewritten(HEAD.replace("grpc_bridge as grpc", "grpc") + before, HEAD + after)
    assert found == ["GB709", "GB712"]
