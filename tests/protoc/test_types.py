"""What type checkers say of generated files and of programs that use them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from .conftest import PATIENCE, mypy_findings, pyright_findings
from .protos import CONSTRUCTS, GREETER

# Of protoc and two type checkers each may take as long as it is given.
pytestmark = pytest.mark.timeout(3 * PATIENCE + 10)

Generate = Callable[[Mapping[str, str]], Path]

UNWRITABLE = {"names that Python or the file has taken", "a module that is a keyword"}
"""Where protoc's own .pyi is no valid Python."""


def test_generated_files_have_no_finding(folder: Path, generate: Generate) -> None:
    constructs = [protos for name, protos in CONSTRUCTS.items() if name not in UNWRITABLE]
    generate({name: text for protos in constructs for name, text in protos.items()})
    files = [str(file.relative_to(folder)) for file in sorted(folder.rglob("*_pb2_grpc_async.py"))]
    assert len(files) == sum(map(len, constructs))
    for findings in mypy_findings(folder, *files), pyright_findings(folder, *files):
        # Protoc's own .pyi of a proto2 group has one.
        assert [finding for finding in findings if "_pb2.pyi" not in finding] == []


PROGRAM = """\
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import grpc

import grpc_bridge
from greeter_pb2 import HelloReply, HelloRequest
from greeter_pb2_grpc_async import GreeterServicer, GreeterStub, add_GreeterServicer_to_server
from grpc_bridge import typed

Context = typed.ServicerContext[HelloRequest, HelloReply]


class InCoroutines(GreeterServicer):
    async def Hi(self, request: HelloRequest, context: Context) -> HelloReply:
        if not request.name:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no name")
        return HelloReply(text=request.name)

    async def Many(self, request: HelloRequest, context: Context) -> AsyncIterator[HelloReply]:
        yield HelloReply(text=request.name)

    async def Sum(self, request_iterator: AsyncIterator[HelloRequest], context: Context) -> HelloReply:
        return HelloReply(text="".join([request.name async for request in request_iterator]))

    async def Talk(self, context: Context) -> None:
        request = await context.receive()
        await context.send(HelloReply(text=request.name))


class InThreads(GreeterServicer):
    def Hi(self, request: HelloRequest, context: grpc.ServicerContext) -> HelloReply:
        return HelloReply(text=request.name)

    def Many(self, request: HelloRequest, context: grpc.ServicerContext) -> Iterator[HelloReply]:
        yield HelloReply(text=request.name)

    def Talk(
        self, request_iterator: Iterator[HelloRequest], context: grpc.ServicerContext
    ) -> Iterator[HelloReply]:
        for request in request_iterator:
            yield HelloReply(text=request.name)


class Wrong(GreeterServicer):
    async def Hi(self, request: HelloRequest, context: Context) -> str:  # wrong: override
        return request.name

    def Talk(self, context: Context) -> Iterator[str]:  # wrong: override
        yield ""


async def client() -> None:
    async with grpc_bridge.insecure_channel("localhost:50051") as channel:
        stub = GreeterStub(channel)
        reply: HelloReply = await stub.Hi(HelloRequest(name="x"), timeout=1)
        reply, call = await stub.Hi.with_call(HelloRequest(), metadata=[("key", "value")])
        code: grpc.StatusCode = await call.code()
        future = stub.Hi.future(HelloRequest())
        future.cancel()
        replies: list[HelloReply] = await asyncio.gather(*(stub.Hi(HelloRequest()) for _ in range(2)))
        texts: list[str] = [reply.text async for reply in stub.Many(HelloRequest())]
        reply = await stub.Sum([HelloRequest()])
        summing = stub.Sum()
        await summing.send(HelloRequest())
        await summing.done_sending()
        reply = await summing
        async with stub.Sum() as summing:
            await summing.send(HelloRequest())
        async with stub.Talk() as talk:
            await talk.send(HelloRequest())
            reply = await talk.receive()
        async for reply in stub.Talk(iter([HelloRequest()])):
            print(reply.text, code, texts, replies)

        stub.Hi(HelloRequest())  # wrong: await
        stub.Sum([HelloRequest()])  # wrong: await
        await stub.Hi("x")  # wrong: argument
        await talk.send(HelloReply())  # wrong: argument
        await stub.Hello(HelloRequest())  # wrong: name


def server() -> None:
    GreeterStub(grpc.insecure_channel("localhost:50051"))  # wrong: argument
    server = grpc_bridge.server()
    for servicer in InCoroutines(), InThreads(), GreeterServicer():
        add_GreeterServicer_to_server(servicer, server)
"""


WRONG = {
    "override": ("override", "reportIncompatibleMethodOverride"),
    "await": ("unused-coroutine", "reportUnusedCoroutine"),
    "argument": ("arg-type", "reportArgumentType"),
    "name": ("attr-defined", "reportAttributeAccessIssue"),
}
"""What mypy and pyright call what is wrong in the program."""


def announced(tool: int) -> list[str]:
    """The findings that the program's comments announce."""
    marked = ((number, line.rpartition("# wrong: ")) for number, line in enumerate(PROGRAM.splitlines(), 1))
    return [f"program.py:{number} {WRONG[mark][tool]}" for number, (_, found, mark) in marked if found]


def test_mypy_finds_what_is_wrong_and_nothing_else(folder: Path, generate: Generate) -> None:
    generate({"greeter.proto": GREETER})
    (folder / "program.py").write_text(PROGRAM)
    assert mypy_findings(folder, "program.py") == announced(0) != []


def test_pyright_finds_what_is_wrong_and_nothing_else(folder: Path, generate: Generate) -> None:
    generate({"greeter.proto": GREETER})
    (folder / "program.py").write_text(PROGRAM)
    findings = pyright_findings(folder, "program.py")
    # An attribute that does not exist is unknown as well.
    assert [finding for finding in findings if "UnknownMember" not in finding] == announced(1)
