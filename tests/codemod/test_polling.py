"""Loops that ask again and again: on an event loop they have to let it run."""

from __future__ import annotations

import pytest

from .tool import migrated, rewritten


def test_a_loop_that_only_asks() -> None:
    before = """
    import threading

    from greet_pb2_grpc import GreeterStub


    def spin(stub: GreeterStub, tell):
        future = stub.Hi.future(1)
        # until it is there
        while not future.done():
            pass
        while future.running(): tell("still")
        turns = 0
        while not future.done():
            # one more
            turns += 1
            if turns > 9:
                continue
        return future.result()


    def one_by_one(stub: GreeterStub, names):
        futures = {stub.Hi.future(name): name for name in names}
        while futures:
            for future in list(futures):
                if future.done():
                    print(futures.pop(future), future.result())


    def work(stub: GreeterStub):
        return stub.Hi(1)


    def joined(stub: GreeterStub):
        worker = threading.Thread(target=work, args=(stub,))
        worker.start()
        print(stub.Hi(2))
        while worker.is_alive():
            print("alive")
        worker.join()
    """
    after = """
    import asyncio

    from greet_pb2_grpc import GreeterStub


    async def spin(stub: GreeterStub, tell):
        future = stub.Hi.future(1)
        # until it is there
        while not future.done():
            await asyncio.sleep(0)
        while future.running():
            await asyncio.sleep(0)
            tell("still")
        turns = 0
        while not future.done():
            await asyncio.sleep(0)
            # one more
            turns += 1
            if turns > 9:
                continue
        return await future.result()


    async def one_by_one(stub: GreeterStub, names):
        futures = {stub.Hi.future(name): name for name in names}
        while futures:
            await asyncio.sleep(0)
            for future in list(futures):
                if future.done():
                    print(futures.pop(future), await future.result())


    async def work(stub: GreeterStub):
        return await stub.Hi(1)


    async def joined(stub: GreeterStub):
        worker = asyncio.create_task(work(stub))
        print(await stub.Hi(2))
        while not worker.done():
            await asyncio.sleep(0)
            print("alive")
        await asyncio.wait([worker])
    """
    assert rewritten(before, after) == ["GB407"]


@pytest.mark.parametrize(
    "loop",
    [
        "while not future.done(): await asyncio.sleep(1)",
        "while not future.done(): await stub.Hi(1)",
        "while not future.done() and (await stub.Hi(1)).ok: pass",
        "while not future.done():\n  async for reply in stub.Many(1):\n   print(reply)",
        "while not future.done():\n  if n:\n   await stub.Hi(1)\n  else:\n   break",
        "while not future.done():\n  try:\n   await stub.Hi(1)\n  except ValueError:\n   n += 1",
        "while not future.done():\n  with open('x'):\n   await stub.Hi(1)",
        "while not future.done():\n  while await stub.Hi(1):\n   n += 1",
        "while True:\n  if future.done():\n   return await future.result()\n  await asyncio.sleep(1)",
        "while n: n -= 1",
        "while not n.done(): n -= 1",
    ],
)
def test_loops_that_wait_or_ask_for_something_else_stay(loop: str) -> None:
    time = "import time\n\n" if "asyncio.sleep" in loop else ""
    after = (
        f"{time}from greet_pb2_grpc import GreeterStub\n\n\nasync def use(stub: GreeterStub, n):\n"
        f" future = stub.Hi.future(1)\n {loop}\n return await future.result()\n"
    )
    if time:
        before = after.replace("await asyncio.", "time.").replace("async ", "").replace("await ", "")
        assert rewritten(before, after.replace("import time", "import asyncio")) == []
    else:
        assert migrated(after) == []
