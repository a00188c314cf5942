"""A channel in the lifespan of a web application, FastAPI's and Starlette's, over httpx's ASGI transport.

One channel serves handlers that are coroutines, on the loop, and handlers that are functions, in threads;
and so does the module-level channel of an application that has no lifespan.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import grpc_bridge

from ..conftest import PATIENCE, Start, stub_of
from ..protos.exchange_pb2 import Request

httpx = pytest.importorskip("httpx", reason="httpx is not installed")


@contextlib.asynccontextmanager
async def running(application: Any) -> AsyncIterator[Any]:
    """The application within its lifespan, and a client for it."""
    # httpx's transport does not start lifespans; Starlette's router is the lifespan's context manager.
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(application), base_url="http://app", timeout=PATIENCE
        ) as client,
    ):
        yield client


def fastapi_application(target: str) -> Any:
    fastapi = pytest.importorskip("fastapi", reason="fastapi is not installed")

    @contextlib.asynccontextmanager
    async def lifespan(application: Any) -> AsyncIterator[None]:
        async with grpc_bridge.insecure_channel(target) as channel:
            application.state.stub = stub_of(channel)
            yield

    application = fastapi.FastAPI(lifespan=lifespan)

    @application.get("/async/{text}")
    async def ask(text: str) -> dict[str, str]:
        return {"text": (await application.state.stub.Ask(Request(text=text), timeout=PATIENCE)).text}

    @application.get("/sync/{text}")
    def ask_in_thread(text: str) -> dict[str, str]:
        return {"text": application.state.stub.Ask(Request(text=text), timeout=PATIENCE).text}

    @application.get("/stream/{number}")
    async def stream(number: int) -> Any:
        async def lines() -> AsyncIterator[str]:
            async for reply in application.state.stub.Watch(Request(number=number), timeout=PATIENCE):
                yield f"{reply.number}\n"

        return fastapi.responses.StreamingResponse(lines())

    @application.get("/stream-in-thread/{number}")
    def stream_in_thread(number: int) -> Any:
        def lines() -> Iterator[str]:
            for reply in application.state.stub.Watch(Request(number=number), timeout=PATIENCE):
                yield f"{reply.number}\n"

        return fastapi.responses.StreamingResponse(lines())

    return application


@pytest.mark.parametrize("start", ["grpcio_server", "bridge_server"])
async def test_a_channel_in_fastapi_s_lifespan(request: pytest.FixtureRequest, start: str) -> None:
    async with running(fastapi_application(request.getfixturevalue(start)())) as client:
        for path in ("/async/a", "/sync/a"):
            assert (await client.get(path)).json() == {"text": "A"}
        for path in ("/stream/3", "/stream-in-thread/3"):
            assert (await client.get(path)).text == "0\n1\n2\n"
        responses = await asyncio.gather(*(client.get(f"/{way}/b") for way in ("async", "sync") * 10))
        assert {response.json()["text"] for response in responses} == {"B"}


def test_the_application_starts_again_on_another_loop(grpcio_server: Start) -> None:
    application = fastapi_application(grpcio_server())

    async def use() -> str:
        async with running(application) as client:
            return str((await client.get("/async/a")).json()["text"])

    assert [asyncio.run(use()) for _ in range(2)] == ["A", "A"]


def test_a_module_level_channel_in_starlette(grpcio_server: Start) -> None:
    applications = pytest.importorskip("starlette.applications", reason="starlette is not installed")
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    # Made where no loop runs, as at import.
    with grpc_bridge.insecure_channel(grpcio_server()) as channel:
        stub = stub_of(channel)

        async def ask(request: Any) -> Any:
            reply = await stub.Ask(Request(text=request.path_params["text"]), timeout=PATIENCE)
            return PlainTextResponse(reply.text)

        def ask_in_thread(request: Any) -> Any:
            reply = stub.Ask(Request(text=request.path_params["text"]), timeout=PATIENCE)
            return PlainTextResponse(reply.text)

        application = applications.Starlette(
            routes=[Route("/async/{text}", ask), Route("/sync/{text}", ask_in_thread)]
        )

        async def use() -> list[str]:
            async with running(application) as client:
                return [(await client.get(path)).text for path in ("/async/a", "/sync/b")]

        assert [asyncio.run(use()) for _ in range(2)] == [["A", "B"], ["A", "B"]]
