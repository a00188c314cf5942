"""Executors that an object keeps, and futures that are waited for as they come, for a time, or in part."""

from __future__ import annotations

import pytest

from .test_executors import FUTURES, HEAD
from .tool import rewritten, run

POOLED = """
import concurrent.futures
from concurrent.futures import ThreadPoolExecutor, wait

from greet_pb2_grpc import GreeterStub


class Limited:
    def __init__(self, stub: GreeterStub, workers: int = 4):
        self.stub = stub
        self.pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="limited")

    def one(self, n):
        return self.stub.Hi(n)

    def direct(self, n):
        return self.pool.submit(self.one, n).result()

    def soon(self, n):
        return self.pool.submit(self.stub.Hi, n).result(timeout=2)

    def every(self, ns):
        futures = [self.pool.submit(self.one, n) for n in ns]
        return [future.result() for future in futures], list(self.pool.map(self.stub.Hi, ns))

    def close(self):
        self.pool.shutdown(wait=True)
        print("closed")


class Plain:
    def __init__(self, stub: GreeterStub):
        self._pool = concurrent.futures.ThreadPoolExecutor()
        self.stub = stub

    def two(self):
        left = self._pool.submit(self.stub.Hi, 1)
        right = self._pool.submit(self.stub.Hi, 2)
        done, not_done = wait([left, right], timeout=3)
        if not_done:
            raise RuntimeError(len(not_done))
        return [future.result() for future in done]

    def __exit__(self, *exc):
        self._pool.shutdown()


class Child(Limited):
    def mine(self):
        return self.pool.submit(self.stub.Hi, 5).result()
"""
UNPOOLED = """
import asyncio
import functools

from greet_pb2_grpc import GreeterStub


async def _limited(limit, function, *args, **kwargs):
    async with limit:
        return await function(*args, **kwargs)


class Limited:
    def __init__(self, stub: GreeterStub, workers: int = 4):
        self.stub = stub
        self.pool = asyncio.Semaphore(workers)

    async def one(self, n):
        return await self.stub.Hi(n)

    async def direct(self, n):
        return await _limited(self.pool, self.one, n)

    async def soon(self, n):
        return await asyncio.wait_for(asyncio.shield(_limited(self.pool, self.stub.Hi, n)), 2)

    async def every(self, ns):
        futures = [asyncio.create_task(_limited(self.pool, self.one, n)) for n in ns]
        return [await future for future in futures], await asyncio.gather(*map(functools.partial(_limited, self.pool, self.stub.Hi), ns))

    def close(self):
        print("closed")


class Plain:
    def __init__(self, stub: GreeterStub):
        self.stub = stub

    async def two(self):
        left = asyncio.ensure_future(self.stub.Hi(1))
        right = asyncio.ensure_future(self.stub.Hi(2))
        done, not_done = await asyncio.wait([left, right], timeout=3)
        if not_done:
            raise RuntimeError(len(not_done))
        return [await future for future in done]

    def __exit__(self, *exc):
        pass


class Child(Limited):
    async def mine(self):
        return await _limited(self.pool, self.stub.Hi, 5)
"""  # noqa: E501


def test_pools_in_attributes() -> None:
    """A pool with so many threads becomes a semaphore; one with as many as it likes goes."""
    assert rewritten(POOLED, UNPOOLED) == []


@pytest.mark.parametrize(
    ("made", "use", "why"),
    [
        (
            "self.pool = ThreadPoolExecutor()",
            "return self.pool.submit(self.stub.Hi, 2)",
            "keeps what it submits",
        ),
        ("self.pool = ThreadPoolExecutor()", "self.pool.submit(self.stub.Hi, 2)", "keeps what it submits"),
        ("self.pool = ThreadPoolExecutor()", "self.pool.map(self.stub.Hi, [2])", "does not wait for what"),
        ("self.pool = ThreadPoolExecutor()", "self.pool = None", "sets it again"),
        ("self.pool = ThreadPoolExecutor()", "return self.pool._threads", "takes it where it cannot be"),
        ("self.pool = ThreadPoolExecutor()", "return getattr(self, 'pool')", "may ask for it by its name"),
        ("self.pool = ThreadPoolExecutor()", "return unknown().pool", "may use it, or something else"),
        (
            "self.pool = ThreadPoolExecutor()",
            "return self.pool.submit(len, []).result()",
            "is not one function",
        ),
        (
            "self.pool = ThreadPoolExecutor()",
            "f = self.pool.submit(self.stub.Hi, 2); f.cancel(); f.result()",
            "cancels",
        ),
        ("self.pool = ThreadPoolExecutor(n)", "pass", "may be left open"),
        ("self.pool = ThreadPoolExecutor(initializer=print)", "pass", "more than a number and a name"),
        ("self.pool = self.other = ThreadPoolExecutor()", "pass", "two names"),
        ("# Ours.\n        self.pool = ThreadPoolExecutor()", "pass", "a comment stands beside"),
        ("self.pool = ThreadPoolExecutor()", "self.pool.shutdown()  # at once", "a comment stands beside"),
        ("self.pool = ThreadPoolExecutor()  # grpc-bridge: keep", "pass", "a comment"),
    ],
)
def test_pools_that_stay(made: str, use: str, why: str) -> None:
    """All that a pool is used for stays on its threads, and why is told where it is made."""
    source = HEAD.format(imports=FUTURES) + (
        f"class Client:\n    def __init__(self, stub: GreeterStub, n=None):\n        {made}\n"
        "        self.stub = stub\n\n"
        "    def one(self, ns):\n        fs = [self.pool.submit(self.stub.Hi, n) for n in ns]\n"
        "        return [f.result() for f in fs]\n\n"
        f"    def other(self, unknown):\n        {use}\n\n\n"
        "def main(stub: GreeterStub):\n    return stub.Hi(1), Client(stub).one([1])\n"
    )
    result, got = run(source)
    assert made in got["app.py"]
    assert f"    def other(self, unknown):\n        {use}\n" in got["app.py"]
    (found,) = [finding for finding in result.findings if finding.rule == "GB406"]
    assert why in found.message
    assert found.line == 12 + made.startswith("#")


def test_a_pool_of_code_that_runs_on_several_loops() -> None:
    source = HEAD.format(imports=FUTURES) + (
        "class Client:\n    def __init__(self, stub: GreeterStub):\n        self.stub = stub\n"
        "        self.pool = ThreadPoolExecutor({workers})\n\n"
        "    def one(self, n):\n        return self.pool.submit(self.stub.Hi, n).result()\n\n\n"
        "CLIENT = Client(GreeterStub(None))\nprint(CLIENT.one(1), CLIENT.one(2))\n"
    )
    result, got = run(source.format(workers=4))
    assert "self.pool.submit(self.stub.Hi, n).result()" in got["app.py"]
    (found,) = [finding.message for finding in result.findings if finding.rule == "GB406"]
    assert "stays sync" in found or "is run by more than one event loop" in found


def test_waits_whose_results_are_used() -> None:
    before = """
    import concurrent.futures
    from concurrent.futures import ThreadPoolExecutor, wait

    from greet_pb2_grpc import GreeterStub


    def some(stub: GreeterStub, ns):
        with ThreadPoolExecutor() as pool:
            fs = [pool.submit(stub.Hi, n) for n in ns]
            done, rest = wait(fs, 3)
            return [f.result() for f in done], len(rest)


    def first(stub: GreeterStub, ns):
        with ThreadPoolExecutor() as pool:
            fs = [pool.submit(stub.Hi, n) for n in ns]
            winner = next(iter(wait(fs, return_when=concurrent.futures.FIRST_COMPLETED).done))
        return winner.result()


    def one_by_one(stub: GreeterStub, ns):
        seen = []
        with ThreadPoolExecutor() as pool:
            pending = {pool.submit(stub.Hi, n) for n in ns}
            while pending:
                done, pending = wait(pending, return_when=concurrent.futures.FIRST_COMPLETED)
                for f in done:
                    seen.append(f.exception() or f.result())
                if len(seen) == 3:
                    pending.add(pool.submit(stub.Hi, 3))
        return seen


    def nobody_asks(stub: GreeterStub):
        with ThreadPoolExecutor() as pool:
            one = pool.submit(stub.Hi, 1)
            done, rest = wait([one], timeout=None)
            if not rest:
                print(len(done))
    """
    after = """
    import asyncio

    from greet_pb2_grpc import GreeterStub


    async def _wait(tasks, **options):
        # asyncio.wait takes no empty set.
        return await asyncio.wait(tasks, **options) if tasks else (set(), set())


    async def some(stub: GreeterStub, ns):
        fs = [asyncio.ensure_future(stub.Hi(n)) for n in ns]
        done, rest = await _wait(fs, timeout=3)
        await asyncio.gather(*fs, return_exceptions=True)
        return [await f for f in done], len(rest)


    async def first(stub: GreeterStub, ns):
        fs = [asyncio.ensure_future(stub.Hi(n)) for n in ns]
        winner = next(iter((await _wait(fs, return_when=asyncio.FIRST_COMPLETED))[0]))
        await asyncio.gather(*fs, return_exceptions=True)
        return await winner


    async def one_by_one(stub: GreeterStub, ns):
        seen = []
        pending = {asyncio.ensure_future(stub.Hi(n)) for n in ns}
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for f in done:
                seen.append(f.exception() or await f)
            if len(seen) == 3:
                pending.add(asyncio.ensure_future(stub.Hi(3)))
        await asyncio.gather(*pending, return_exceptions=True)
        return seen


    async def nobody_asks(stub: GreeterStub):
        one = asyncio.ensure_future(stub.Hi(1))
        done, rest = await asyncio.wait([one], timeout=None)
        if not rest:
            print(len(done))
        await asyncio.gather(one, return_exceptions=True)
    """
    assert rewritten(before, after) == []


def test_as_they_come_for_a_time() -> None:
    """The loop is late where it asks for the next one, as `as_completed` is, and not in its body."""
    before = """
    from concurrent.futures import ThreadPoolExecutor, TimeoutError, as_completed

    from greet_pb2_grpc import GreeterStub


    def some(stub: GreeterStub, ns, limit=None):
        found = []
        with ThreadPoolExecutor() as pool:
            fs = [pool.submit(stub.Hi, n) for n in ns]
            try:
                for f in as_completed(fs, timeout=limit):
                    found.append(f.result())
            except TimeoutError:
                found.append(None)
            return found


    def total(stub: GreeterStub, ns):
        with ThreadPoolExecutor() as pool:
            fs = [pool.submit(stub.Hi, n) for n in ns]
            return sum(f.result() for f in as_completed(fs, 3))
    """
    after = """
    import asyncio

    from greet_pb2_grpc import GreeterStub


    async def _as_completed_in(tasks, timeout):
        loop = asyncio.get_running_loop()
        end = None if timeout is None else loop.time() + timeout
        pending = set(tasks)
        while pending:
            left = None if end is None else max(end - loop.time(), 0)
            done, pending = await asyncio.wait(pending, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                raise asyncio.TimeoutError(f"{len(pending)} (of {len(tasks)}) tasks are not done")
            for task in done:
                yield task


    async def some(stub: GreeterStub, ns, limit=None):
        found = []
        fs = [asyncio.ensure_future(stub.Hi(n)) for n in ns]
        try:
            async for f in _as_completed_in(fs, timeout=limit):
                found.append(await f)
        except asyncio.TimeoutError:
            found.append(None)
        await asyncio.gather(*fs, return_exceptions=True)
        return found


    async def total(stub: GreeterStub, ns):
        fs = [asyncio.ensure_future(stub.Hi(n)) for n in ns]
        return sum([await f async for f in _as_completed_in(fs, 3)])
    """
    assert rewritten(before, after) == []
