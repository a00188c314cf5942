"""api-definitions.md: what it prints, run."""

from __future__ import annotations

import ast
import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

import grpc_bridge

from ..conftest import PATIENCE, in_plain_thread, until
from .snippets import COLON, CORRECTIONS, NO_ASYNC_DEF, at_port, corrected, parts, printed, run, run_async

CLIENT = "Client Side Examples / Unary-Unary Call"
STREAM = "Stream-Stream Call"
CREATION = "Server Side Example / Server Creation"
UNARY_HANDLER = "Server Side Example / Unary-Unary Handler"
STREAM_HANDLER = "Server Side Example / Stream-Stream Handler"
GENERATED = "Generated File"

SECTIONS = printed()


def snippet(section: str, port: int) -> str:
    return at_port(corrected(section), port)


@pytest.fixture
def names(generated: Any) -> dict[str, Any]:
    """What a snippet may use without having said where it comes from."""
    return {
        "grpc": grpc_bridge,
        "asyncio": asyncio,
        "queue": queue,
        "threading": threading,
        "ThreadPoolExecutor": ThreadPoolExecutor,
        "helloworld_pb2": generated.messages,
        "helloworld_pb2_grpc": generated.services,
        "request": generated.messages.HelloRequest(name="Ada"),
        "proto_message": generated.messages.HelloRequest(name="Ada", last=True),
        "response": generated.messages.HelloReply(message="printed"),
    }


# ---- one unary call ----------------------------------------------------------------------------------


def test_unary_call_current(names: dict[str, Any], greeting_port: int) -> None:
    in_plain_thread(run, snippet(f"{CLIENT} / Current API", greeting_port), names)
    assert names["response"].message == "hi Ada"


async def test_unary_call_options_1_and_2(names: dict[str, Any], greeting_port: int) -> None:
    await run_async(snippet(f"{CLIENT} / Option 1 / Option 2", greeting_port), names)
    assert names["response"].message == "hi Ada"


async def test_unary_call_ideal(names: dict[str, Any], greeting_port: int) -> None:
    await run_async(snippet(f"{CLIENT} / Ideal", greeting_port), names)
    assert names["response"].message == "hi Ada"


# ---- one stream, sent in one thread and received in another --------------------------------------------


@pytest.fixture
def stream_names(names: dict[str, Any], greeting_port: int) -> dict[str, Any]:
    names["processed"] = []
    names["process"] = lambda response: names["processed"].append(response.message)
    names["stub"] = names["helloworld_pb2_grpc"].GreeterStub(
        grpc_bridge.insecure_channel(f"127.0.0.1:{greeting_port}")
    )
    return names


def converse_in_threads(text: str, names: dict[str, Any]) -> None:
    begin, sending, receiving = parts(text)
    in_plain_thread(run, begin, names)
    with futures.ThreadPoolExecutor(2) as pool:
        receiver, sender = pool.submit(run, receiving, names), pool.submit(run, sending, names)
        receiver.result(PATIENCE)
        sender.result(PATIENCE)


async def converse_in_tasks(text: str, names: dict[str, Any]) -> None:
    begin, sending, receiving = parts(text)
    await run_async(begin, names)
    both = asyncio.gather(run_async(receiving, names), run_async(sending, names))
    await asyncio.wait_for(both, PATIENCE)


def test_stream_call_current(stream_names: dict[str, Any], greeting_port: int) -> None:
    converse_in_threads(snippet(f"{STREAM} / Current API", greeting_port), stream_names)
    assert stream_names["processed"] == ["hi Ada"]
    stream_names["request_iterator"].send(None)  # grpcio's thread still waits for a request


def test_stream_call_current_in_fewer_lines(stream_names: dict[str, Any], greeting_port: int) -> None:
    converse_in_threads(snippet(f"{STREAM} / Current API (2)", greeting_port), stream_names)
    assert stream_names["processed"] == ["hi Ada"]
    stream_names["request_queue"].put(None)


async def test_stream_call_option_1(stream_names: dict[str, Any], greeting_port: int) -> None:
    await converse_in_tasks(snippet(f"{STREAM} / Option 1", greeting_port), stream_names)
    assert stream_names["processed"] == ["hi Ada"]


async def test_stream_call_option_2(stream_names: dict[str, Any], greeting_port: int) -> None:
    stream_names["proto_message"].last = False
    await converse_in_tasks(snippet(f"{STREAM} / Option 2", greeting_port), stream_names)
    assert stream_names["processed"] == ["hi Ada"]
    stream_names["call"].cancel()


async def test_stream_call_ideal(stream_names: dict[str, Any], greeting_port: int) -> None:
    stream_names["proto_message"].last = False
    ending = []

    def process_and_end(response: Any) -> None:
        stream_names["processed"].append(response.message)
        ending.append(asyncio.create_task(stream_names["call"].done_sending()))

    stream_names["process"] = process_and_end
    await converse_in_tasks(snippet(f"{STREAM} / Ideal", greeting_port), stream_names)
    assert stream_names["processed"] == ["hi Ada"]
    await asyncio.gather(*ending)


# ---- a server ----------------------------------------------------------------------------------------


def greeter(names: dict[str, Any]) -> type:
    class Greeter(names["helloworld_pb2_grpc"].GreeterServicer):  # type: ignore[misc, name-defined]
        def Hi(self, request, context):
            return names["helloworld_pb2"].HelloReply(message=f"served {request.name}")

    return Greeter


def hi(names: dict[str, Any], port: int) -> str:
    """What a client of grpcio's is answered."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = names["helloworld_pb2_grpc"].GreeterStub(channel)
        message: str = stub.Hi(names["request"], timeout=PATIENCE, wait_for_ready=True).message
        return message


@pytest.mark.parametrize("server", [grpc.server, grpc_bridge.server])
def test_an_address_without_a_host_is_refused(server: Any) -> None:
    with futures.ThreadPoolExecutor(1) as pool, pytest.raises(RuntimeError, match="Failed to bind"):
        server(pool).add_insecure_port(":50051")


def test_server_creation_current(names: dict[str, Any], free_port: int) -> None:
    names["Greeter"] = greeter(names)
    with futures.ThreadPoolExecutor(1) as pool:
        program = pool.submit(run, snippet(f"{CREATION} / Current API", free_port), names)
        assert hi(names, free_port) == "served Ada"
        names["server"].stop(None)
        program.result(PATIENCE)


async def test_server_creation_options_1_and_2_and_ideal(names: dict[str, Any], free_port: int) -> None:
    names["Greeter"] = greeter(names)
    text = snippet(f"{CREATION} / Option 1 / Option 2 / Ideal", free_port)
    program = asyncio.create_task(run_async(text, names))
    assert await asyncio.to_thread(hi, names, free_port) == "served Ada"
    await names["server"].stop(None)
    await asyncio.wait_for(program, PATIENCE)


# ---- handlers ----------------------------------------------------------------------------------------

Ask = Callable[[Any], Any]


async def served(names: dict[str, Any], ask: Ask) -> Any:
    """What `ask` gets for a stub of grpcio's, from a server of ours with the snippet's ``Greeter``."""
    server = grpc_bridge.server()
    names["helloworld_pb2_grpc"].add_GreeterServicer_to_server(names["Greeter"](), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    def ask_in_thread() -> Any:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            return ask(names["helloworld_pb2_grpc"].GreeterStub(channel))

    try:
        return await asyncio.wait_for(asyncio.to_thread(ask_in_thread), PATIENCE)
    finally:
        await server.stop(None)


async def test_unary_handler_current(names: dict[str, Any]) -> None:
    run(snippet(f"{UNARY_HANDLER} / Current API", 0), names)
    assert await served(names, lambda stub: stub.Hi(names["request"]).message) == "printed"


async def test_unary_handler_options_1_and_2_and_ideal(names: dict[str, Any]) -> None:
    names["some_io_operation"] = asyncio.get_running_loop().create_future()
    run(snippet(f"{UNARY_HANDLER} / Option 1 / Option 2 / Ideal", 0), names)
    names["some_io_operation"].set_result(names["response"])
    assert await served(names, lambda stub: stub.Hi(names["request"]).message) == "printed"


def one_to_one(names: dict[str, Any]) -> Ask:
    """Sends three requests, takes what comes until the handler ends the stream, and the status."""

    def ask(stub: Any) -> Any:
        request = names["helloworld_pb2"].HelloRequest
        requests = [request(needs_respond=True), request(needs_respond=True), request(needs_respond=True)]
        call = stub.StreamingHi(iter(requests), timeout=PATIENCE)
        return [response.message for response in call], call.code()

    return ask


def one_at_a_time(names: dict[str, Any]) -> Ask:
    """Sends requests of which two are to be responded, takes two responses, and hangs up.

    The handler, as printed, never ends its stream.
    """

    def ask(stub: Any) -> Any:
        request = names["helloworld_pb2"].HelloRequest
        requests = [request(needs_respond=True), request(), request(needs_respond=True)]
        call = stub.StreamingHi(iter(requests), timeout=PATIENCE)
        messages = [next(call).message, next(call).message]
        call.cancel()
        return messages

    return ask


class CountedQueue(queue.Queue):  # type: ignore[type-arg]
    """A queue that is found again, to let go of the thread that waits for it."""

    made: list[CountedQueue] = []  # noqa: RUF012 - emptied by the test

    def __init__(self) -> None:
        super().__init__()
        self.made.append(self)


class QueueModule:
    Queue = CountedQueue


# Its thread may learn that the client has hung up, and does not expect it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_stream_handler_current(names: dict[str, Any]) -> None:
    names["queue"] = QueueModule
    run(snippet(f"{STREAM_HANDLER} / Current API", 0), names)
    try:
        assert await served(names, one_at_a_time(names)) == ["printed", "printed"]
    finally:
        while CountedQueue.made:
            CountedQueue.made.pop().put(names["response"])


async def test_stream_handler_current_one_to_one(names: dict[str, Any]) -> None:
    run(snippet(f"{STREAM_HANDLER} / Current API (2)", 0), names)
    assert await served(names, one_to_one(names)) == (["printed"] * 3, grpc.StatusCode.OK)


async def test_stream_handler_option_1(names: dict[str, Any]) -> None:
    run(snippet(f"{STREAM_HANDLER} / Option 1", 0), names)
    before = asyncio.all_tasks()
    assert await served(names, one_at_a_time(names)) == ["printed", "printed"]
    await until(lambda: asyncio.all_tasks() <= before)


async def test_stream_handler_option_1_one_to_one(names: dict[str, Any]) -> None:
    run(snippet(f"{STREAM_HANDLER} / Option 1 (2)", 0), names)
    assert await served(names, one_to_one(names)) == (["printed"] * 3, grpc.StatusCode.OK)


async def test_stream_handler_option_2_and_ideal(names: dict[str, Any]) -> None:
    run(snippet(f"{STREAM_HANDLER} / Option 2 / Ideal", 0), names)
    assert await served(names, one_to_one(names)) == (["printed"] * 3, grpc.StatusCode.OK)


# ---- the generated file ------------------------------------------------------------------------------


def test_generated_file_current_and_option_1(names: dict[str, Any], greeting_port: int) -> None:
    run(snippet(f"{GENERATED} / Current / Option 1", greeting_port), names)
    assert in_plain_thread(names["stub"].Hi, names["request"]).message == "hi Ada"
    names["channel"].close()


async def test_generated_file_option_2(names: dict[str, Any], greeting_port: int) -> None:
    await run_async(snippet(f"{GENERATED} / Option 2", greeting_port), names)
    assert (await names["stub"].Hi(names["request"])).message == "hi Ada"
    await names["channel"].close()


# ---- the document ------------------------------------------------------------------------------------


def test_every_snippet_has_its_test() -> None:
    source = Path(__file__).read_text()
    shorts = {CLIENT: "CLIENT", STREAM: "STREAM", CREATION: "CREATION", UNARY_HANDLER: "UNARY_HANDLER"}
    shorts |= {STREAM_HANDLER: "STREAM_HANDLER", GENERATED: "GENERATED"}
    for section in SECTIONS:
        head = max((short for short in shorts if section.startswith(short)), key=len)
        assert f'snippet(f"{{{shorts[head]}}}{section.removeprefix(head)}"' in source, section
    assert len(SECTIONS) == 19


def compiles(text: str) -> bool:
    try:
        compile(text, "snippet", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError:
        return False
    return True


def test_what_is_no_python_is_corrected_and_says_so() -> None:
    broken = {section for section, text in SECTIONS.items() if not compiles(text)}
    told = {
        section
        for section, corrections in CORRECTIONS.items()
        if any(correction.reason in (NO_ASYNC_DEF, COLON) for correction in corrections)
    }
    assert broken == told
    assert all(compiles(corrected(section)) for section in SECTIONS)
