"""There is no mode: libraries that import `grpc`, `grpc.aio` and `grpc_bridge` live in one process.

Imported in any order, each calls one target from what it knows as its own world, at the same time as the
others; and none finds a name of `grpc` changed because another was imported.
"""

from __future__ import annotations

import itertools
import textwrap
from pathlib import Path

import pytest

from .conftest import Run

pytestmark = pytest.mark.timeout(60)

LIBRARIES = {
    "plain": """
        import grpc
        from tests.protos import exchange_pb2_grpc
        from tests.protos.exchange_pb2 import Request

        names = {name: getattr(grpc, name) for name in grpc.__all__}

        def use(target):
            with grpc.insecure_channel(target) as channel:
                stub = exchange_pb2_grpc.ExchangeStub(channel)
                for _ in range(20):
                    assert stub.Ask(Request(text="sync")).text == "SYNC"
                    assert [reply.number for reply in stub.Watch(Request(number=3))] == [0, 1, 2]
                try:
                    stub.Ask(Request(), timeout=0)
                except grpc.RpcError as error:
                    assert type(error).__module__ == "grpc._channel"
                    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    """,
    "aio": """
        import asyncio
        import grpc.aio
        from tests.protos import exchange_pb2_grpc
        from tests.protos.exchange_pb2 import Request

        names = {name: getattr(grpc.aio, name) for name in grpc.aio.__all__}

        async def main(target):
            async with grpc.aio.insecure_channel(target) as channel:
                assert type(channel).__module__ == "grpc.aio._channel"
                stub = exchange_pb2_grpc.ExchangeStub(channel)
                for _ in range(20):
                    assert (await stub.Ask(Request(text="aio"))).text == "AIO"
                    assert [reply.number async for reply in stub.Watch(Request(number=3))] == [0, 1, 2]
                try:
                    await stub.Ask(Request(), timeout=0)
                except grpc.RpcError as error:
                    assert type(error) is grpc.aio.AioRpcError

        def use(target):
            asyncio.run(main(target))
    """,
    "bridge": """
        import asyncio
        import grpc_bridge as grpc
        from tests.protos import exchange_pb2_grpc
        from tests.protos.exchange_pb2 import Request

        names = {name: getattr(grpc, name) for name in grpc.__all__}

        async def main(stub):
            for _ in range(20):
                assert (await stub.Ask(Request(text="bridge"))).text == "BRIDGE"
                assert [reply.number async for reply in stub.Watch(Request(number=3))] == [0, 1, 2]

        def use(target):
            with grpc.insecure_channel(target) as channel:
                stub = exchange_pb2_grpc.ExchangeStub(channel)
                assert stub.Ask(Request(text="sync")).text == "SYNC"
                asyncio.run(main(stub))
                assert stub.Ask(Request(text="sync")).text == "SYNC"
                assert grpc.run(asyncio.wait_for(ask(stub), 20)) == "RUN"

        async def ask(stub):
            return (await stub.Ask(Request(text="run"))).text
    """,
    "bridge_aio": """
        import asyncio
        from grpc_bridge import aio
        from tests.protos import exchange_pb2_grpc
        from tests.protos.exchange_pb2 import Request

        names = {}

        async def main(target):
            async with aio.insecure_channel(target) as channel:
                stub = exchange_pb2_grpc.ExchangeStub(channel)
                for _ in range(20):
                    assert (await stub.Ask(Request(text="both"))).text == "BOTH"

        def use(target):
            asyncio.run(main(target))
    """,
}

PROGRAM = """
    import importlib, sys
    from concurrent import futures

    target, *order = sys.argv[1:]
    libraries = [importlib.import_module(name) for name in order]

    # One after the other, in the order of import and against it, and all at once.
    for library in (*libraries, *reversed(libraries)):
        library.use(target)
    with futures.ThreadPoolExecutor(len(libraries)) as pool:
        for end in [pool.submit(library.use, target) for library in libraries]:
            end.result(25)

    import grpc
    for library in libraries:
        module = {"plain": grpc, "aio": grpc.aio}.get(library.__name__)
        for name, value in library.names.items() if module else ():
            assert getattr(module, name) is value, name
            assert not getattr(value, "__module__", "").startswith("grpc_bridge"), name
    print("done")
"""


@pytest.mark.parametrize("order", [*itertools.permutations(["plain", "aio", "bridge"])], ids="-".join)
def test_three_libraries_in_any_order(
    run_program: Run, remote_target: str, tmp_path: Path, order: tuple[str, ...]
) -> None:
    write_libraries(tmp_path)
    assert run_program(PROGRAM, remote_target, *order) == "done\n"


@pytest.mark.parametrize("order", [*itertools.permutations(["aio", "bridge_aio", "bridge"])], ids="-".join)
def test_both_aio_namespaces_in_any_order(
    run_program: Run, remote_target: str, tmp_path: Path, order: tuple[str, ...]
) -> None:
    write_libraries(tmp_path)
    assert run_program(PROGRAM, remote_target, *order) == "done\n"


def write_libraries(folder: Path) -> None:
    for name, text in LIBRARIES.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
