"""Item 27: `return` of a call inside `try` keeps its `except`; what is not changed keeps every byte."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from grpc_bridge.codemod.runner import migrate, write

from ..conftest import Echo, Start

SOURCE = '''\
import contextlib

import grpc

from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub

log = []   # what happened,   in order


@contextlib.contextmanager
def noted(name):
    log.append(f"enter {name}")
    try:
        yield
    except grpc.RpcError as error:
        log.append(f"saw {error.code().name}")
        raise
    finally:
        log.append( 'exit '+name )


def caught(stub):
    try:
        return stub.Ask(Request(text="no"))
    except grpc.RpcError as error:
        return error.code().name


def caught_below(stub):
    """The call is one function further down."""
    try:
        return ask(stub)
    except grpc.RpcError as error: # comment


        return error.details()


def ask(stub):
    return stub.Ask(Request(text='no'))  # type: ignore[no-any-return]


def at_last(stub):
    try:
        return stub.Ask(Request(text="no"))
    finally:
        log.append("finally")


def in_with(stub):
    with noted("with"):
        return stub.Ask(Request(text="no"))


def not_raised(stub):
    try:
        reply = stub.Ask(Request(text="yes"))
    except grpc.RpcError:
        return "never"
    else:
        return reply.text


def nested(stub):
    try:
        try:
            return stub.Ask(Request(text="no"))
        except ValueError:
            return "wrong one"
    except grpc.RpcError as error:
        return error.code().name


def main(target):
    with grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        results = [caught(stub), caught_below(stub), not_raised(stub), nested(stub)]
        for function in (at_last, in_with):
            try:
                function(stub)
            except grpc.RpcError as error:
                results.append(error.code().name)
    return results, log
'''


class Refusing(Echo):
    def Ask(self, request, context):
        if request.text == "no":
            context.abort(grpc.StatusCode.NOT_FOUND, "not here")
        return super().Ask(request, context)


EXPECTED = (
    ["NOT_FOUND", "not here", "YES", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND"],
    ["finally", "enter with", "saw NOT_FOUND", "exit with"],
)


def loaded(text: str) -> Callable[[str], object]:
    space: dict[str, object] = {"__name__": "program"}
    exec(compile(text, "program.py", "exec"), space)
    return space["main"]  # type: ignore[return-value]


def migrated_text(folder: Path) -> str:
    (folder / "program.py").write_text(SOURCE)
    # The generated code is where the tests' own is.
    result = migrate([folder])
    assert result.failed == []
    write(result)
    return (folder / "program.py").read_text()


def test_the_except_catches_before_and_after(grpcio_server: Start, tmp_path: Path) -> None:
    target = grpcio_server(Refusing())
    assert loaded(SOURCE)(target) == EXPECTED
    text = migrated_text(tmp_path)
    assert text.count("        return await stub.Ask(") == 4
    assert "        return await ask(stub)" in text
    assert asyncio.run(loaded(text)(target)) == EXPECTED  # type: ignore[arg-type]


def test_every_other_byte_is_kept(tmp_path: Path) -> None:
    text = migrated_text(tmp_path)
    undone = text.replace("async ", "").replace("await ", "").replace("grpc_bridge as grpc", "grpc")
    assert undone == SOURCE


@pytest.mark.parametrize("ending", ["\r\n", "\n"])
def test_comments_blank_lines_and_quotes_are_kept(tmp_path: Path, ending: str) -> None:
    source = textwrap.dedent(
        """\
        # a comment before everything

        from tests.protos.exchange_pb2_grpc import ExchangeStub
        def f( stub : ExchangeStub,x = 'one' ) :   # odd, but his
            # type: (...) -> str


            return  stub . Ask( x  ,timeout = 3 )   # and here
        """
    ).replace("\n", ending)
    (tmp_path / "odd.py").write_bytes(source.encode())
    (tmp_path / "uses.py").write_text("import grpc\n")
    write(migrate([tmp_path]))
    after = (tmp_path / "odd.py").read_bytes().decode()
    assert after == source.replace("def f", "async def f").replace("stub . Ask", "await stub . Ask")
