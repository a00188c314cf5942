"""tenacity around calls, in both colours."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import PATIENCE, Servicer, Start, stub_of
from ..protos.exchange_pb2 import Reply, Request

tenacity = pytest.importorskip("tenacity", reason="tenacity is not installed")


class Reluctant(Servicer):
    """Refuses the first two calls."""

    def __init__(self) -> None:
        self.asked = 0

    def Ask(self, request, context):
        self.asked += 1
        if self.asked <= 2:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        return Reply(text=request.text.upper())

    def Watch(self, request, context):
        self.asked += 1
        yield Reply(number=self.asked)
        if self.asked <= 2:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not now")


def is_unavailable(error: BaseException) -> bool:
    return isinstance(error, grpc.RpcError) and error.code() is grpc.StatusCode.UNAVAILABLE


again = tenacity.retry(
    retry=tenacity.retry_if_exception(is_unavailable),
    stop=tenacity.stop_after_attempt(5),
    wait=tenacity.wait_none(),
    reraise=True,
)


def test_calls_in_threads_are_tried_again(grpcio_server: Start) -> None:
    servicer = Reluctant()
    with grpc_bridge.insecure_channel(grpcio_server(servicer)) as channel:
        stub = stub_of(channel)
        assert again(stub.Ask)(Request(text="a"), timeout=PATIENCE).text == "A"
        assert servicer.asked == 3
        servicer.asked = 0

        @again
        def read() -> list[int]:
            return [reply.number for reply in stub.Watch(Request(), timeout=PATIENCE)]

        assert read() == [3]


async def test_calls_in_coroutines_are_tried_again(grpcio_server: Start) -> None:
    servicer = Reluctant()
    async with grpc_bridge.insecure_channel(grpcio_server(servicer)) as channel:
        stub = stub_of(channel)

        @again
        async def ask() -> Any:
            return await stub.Ask(Request(text="a"), timeout=PATIENCE)

        assert (await ask()).text == "A"
        assert servicer.asked == 3
        servicer.asked = 0

        @again
        async def read() -> list[int]:
            return [reply.number async for reply in stub.Watch(Request(), timeout=PATIENCE)]

        assert await read() == [3]
        servicer.asked = 0
        async for attempt in tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(is_unavailable), wait=tenacity.wait_none()
        ):
            with attempt:
                assert (await stub.Ask(Request(text="b"), timeout=PATIENCE)).text == "B"
        assert servicer.asked == 3


async def test_an_error_that_is_not_tried_again_is_the_call_s_own(grpcio_server: Start) -> None:
    async with grpc_bridge.insecure_channel(grpcio_server(Servicer())) as channel:

        @again
        async def ask() -> Any:
            return await stub_of(channel).Ask(Request(), timeout=PATIENCE)

        with pytest.raises(grpc.RpcError) as caught:
            await ask()
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
