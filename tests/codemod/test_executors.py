"""Executors: which become tasks, what is written for them, and which stay, with the reason."""

from __future__ import annotations

import textwrap

import pytest

from .tool import rewritten, run

HEAD = """\
{imports}
from greet_pb2_grpc import GreeterStub


def fetch(stub: GreeterStub, n, scale=1):
    return stub.Hi(n) * scale


"""
FUTURES = "from concurrent.futures import ThreadPoolExecutor, as_completed, wait\n"


def test_everything_that_is_taken() -> None:
    before = """
    from concurrent.futures import ThreadPoolExecutor, as_completed, wait

    from greet_pb2_grpc import GreeterStub


    class Client:
        def __init__(self, stub: GreeterStub):
            self.stub = stub

        def one(self, n, scale=1):
            return self.stub.Hi(n) * scale

        # All of them.
        def all(self, ns):
            # Side by side.
            with ThreadPoolExecutor() as pool:  # in threads
                return list(pool.map(self.one, ns))

        def total(self, ns):
            with ThreadPoolExecutor(len(ns)) as pool:
                futures = []
                for n in ns:
                    futures.append(pool.submit(self.one, n, scale=2))

                # As they come.
                for future in as_completed(futures):
                    try:
                        print(future.result().text)
                    except ValueError:
                        print(len(futures))
            return sum(future.result() for future in futures)

        def raw(self, ns):
            with ThreadPoolExecutor() as pool:
                futures = [pool.submit(self.stub.Hi, n) for n in ns]
                wait(futures)
                pool.map(self.one, ns)
                for n, future in zip(ns, futures):
                    print(n, future.result(), future.done())

        def two(self):
            with ThreadPoolExecutor(max_workers=2) as pool:
                left = pool.submit(self.one, 1)
                right = pool.submit(self.one, 2)
                return left.result() + right.result().upper()
    """
    after = """
    import asyncio

    from greet_pb2_grpc import GreeterStub


    class Client:
        def __init__(self, stub: GreeterStub):
            self.stub = stub

        async def one(self, n, scale=1):
            return await self.stub.Hi(n) * scale

        # All of them.
        async def all(self, ns):
            # Side by side.
            # in threads
            return await asyncio.gather(*map(self.one, ns))

        async def total(self, ns):
            futures = []
            for n in ns:
                futures.append(asyncio.create_task(self.one(n, scale=2)))

            # As they come.
            for future in asyncio.as_completed(futures):
                try:
                    print((await future).text)
                except ValueError:
                    print(len(futures))
            return sum([await future for future in futures])

        async def raw(self, ns):
            futures = [asyncio.ensure_future(self.stub.Hi(n)) for n in ns]
            await asyncio.gather(*futures, return_exceptions=True)
            await asyncio.gather(*map(self.one, ns), return_exceptions=True)
            for n, future in zip(ns, futures):
                print(n, await future, future.done())

        async def two(self):
            left = asyncio.create_task(self.one(1))
            right = asyncio.create_task(self.one(2))
            return await left + (await right).upper()
    """
    assert rewritten(before, after) == []


def test_how_many_run_at_once_stays() -> None:
    before = """
    import concurrent.futures

    from greet_pb2_grpc import GreeterStub

    WORKERS = 8


    # The one for all.
    def fetch(stub: GreeterStub, n, scale=1):
        return stub.Hi(n) * scale


    def every(stub: GreeterStub, ns):
        with concurrent.futures.ThreadPoolExecutor(WORKERS, "fetch") as pool:
            return [pool.submit(fetch, stub, 1), *pool.map(stub.Hi, ns)]


    def many(stub: GreeterStub, ns):
        with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
            futures = [pool.submit(fetch, stub, n, scale=2) for n in ns]
            print(dict(zip(ns, pool.map(stub.Hi, ns))))
            return [future.result() for future in futures]
    """
    after = """
    import asyncio
    import concurrent.futures
    import functools

    from greet_pb2_grpc import GreeterStub

    WORKERS = 8


    async def _limited(limit, function, *args, **kwargs):
        async with limit:
            return await function(*args, **kwargs)


    # The one for all.
    async def fetch(stub: GreeterStub, n, scale=1):
        return await stub.Hi(n) * scale


    async def many(stub: GreeterStub, ns):
        pool = asyncio.Semaphore(8)
        futures = [asyncio.create_task(_limited(pool, fetch, stub, n, scale=2)) for n in ns]
        print(dict(zip(ns, await asyncio.gather(*map(functools.partial(_limited, pool, stub.Hi), ns)))))
        return [await future for future in futures]
    """
    head, _, rest = before.partition("\n\n\n    def every")
    many = rest[rest.index("\n\n\n    def many") :]
    assert rewritten(head + many, after.replace("    import concurrent.futures\n", "")) == []


def test_the_helper_of_an_earlier_run_is_taken() -> None:
    helper = """
    async def _limited(limit, function, *args, **kwargs):
        async with limit:
            return await function(*args, **kwargs)
    """
    source = f"""
    from concurrent.futures import ThreadPoolExecutor

    from greet_pb2_grpc import GreeterStub

    {helper}

    def every(stub: GreeterStub, ns):
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(stub.Hi, ns))
    """
    _, got = run(source)
    assert got["app.py"].count("def _limited") == 1
    assert "functools.partial(_limited, pool, stub.Hi)" in got["app.py"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("return [pool.submit(fetch, stub, n) for n in ns][0].result()", "keeps what it submits"),
        ("pool.submit(fetch, stub, 1)", "keeps what it submits"),
        ("f = pool.submit(fetch, stub, 1)", "nobody waits for f"),
        ("f = pool.submit(fetch, stub, 1); return f.result(*names)", "gives result what cannot be followed"),
        ("f = pool.submit(fetch, stub, 1); return f.result(1, 2)", "calls result of a future"),
        (
            "f = pool.submit(fetch, stub, 1)\n        try:\n            return f.result(1)\n"
            "        except Exception:\n            return 2",
            "before what is late is done",
        ),
        (
            "f = pool.submit(fetch, stub, 1); f.add_done_callback(print); f.result()",
            "calls add_done_callback",
        ),
        ("f = pool.submit(fetch, stub, 1); print(f.exception()); f.result()", "calls exception"),
        ("f = pool.submit(fetch, stub, 1); print(f); f.result()", "takes the futures where"),
        ("f = pool.submit(fetch, stub, 1); f.result(); f = 3", "is bound more than once"),
        ("f = pool.submit(print, 1); f.result(); pool.submit(stub.Hi)", "is not one function"),
        ("f = pool.submit(stub.Many, 1); f.result(); g = pool.submit(stub.Hi)", "is not one function"),
        ("f = pool.submit(slow, stub); f.result()", "slow calls builtins.open, which may block the loop"),
        ("print(pool); pool.map(stub.Hi, ns)", "takes it where it cannot be followed"),
        ("return pool.map(stub.Hi, ns)", "keeps the results of map for later"),
        ("return list(pool.map(stub.Hi, ns, timeout=3))", "gives map more than"),
        ("r = pool.map(stub.Hi, ns); return list(r)", "keeps the results of map for later"),
        ("pool.map(stub.Hi, ns); return lambda: pool.map(stub.Hi, ns)", "uses pool in another function"),
        (
            "fs = [pool.submit(fetch, stub, n) for n in ns]\n"
            "        for f in fs:\n            return f.result()",
            "leaves before all are done",
        ),
        ("fs = {pool.submit(fetch, stub, n): n for n in ns}; print(fs)", "takes the futures where"),
        ("fs = {n: pool.submit(fetch, stub, n) for n in ns}; print(fs[1])", "takes a future where"),
        ("fs = {n: pool.submit(fetch, stub, n) for n in ns}; print(sorted(fs))", "takes the futures where"),
        ("fs = {pool.submit(fetch, stub, n): n for n in ns}; fs.pop(1).result()", "takes the futures where"),
        ("fs = {}; fs[pool.submit(fetch, stub, 1)] = 1; fs[2] = pool.submit(fetch, stub, 2)", "keeps what"),
        (
            "fs = {pool.submit(fetch, stub, n): n for n in ns}\n"
            "        for f in fs:\n            print(f.exception(), f.result())",
            "calls exception of a future",
        ),
        (
            "fs = [pool.submit(fetch, stub, n) for n in ns]\n"
            "        for f in as_completed(fs):\n            print(names[f], f.result())",
            "takes a future where",
        ),
        (
            "fs = [pool.submit(fetch, stub, n) for n in ns]\n        both = wait(fs)",
            "takes the futures where",
        ),
        (
            "fs = [pool.submit(fetch, stub, n) for n in ns]\n        done, rest = wait(fs, *ns)",
            "takes the futures where",
        ),
        (
            "fs = [pool.submit(fetch, stub, n) for n in ns]\n        done, rest = wait(fs)\n"
            "        return done",
            "takes the futures where",
        ),
        (
            "fs = [pool.submit(fetch, stub, n) for n in ns]\n        done, rest = wait(fs)\n"
            "        for f in rest:\n            f.cancel()",
            "cancels it",
        ),
        (
            "fs = [pool.submit(fetch, stub, n) for n in ns]\n        done, rest = wait(fs, 3)\n"
            "        if rest:\n            return None",
            "leaves the block before all are done",
        ),
        (
            "fs = [pool.submit(fetch, stub, n) for n in ns]\n        done, rest = wait(fs, 3)\n"
            "        return [f.done() for f in fs]",
            "asks what is done before",
        ),
        (
            "fs = [pool.submit(fetch, stub, n) for n in ns]\n"
            "        return [f.result() for f in wait(fs, 3).done]",
            "leaves the block before all are done",
        ),
        (
            "fs = [pool.submit(fetch, stub, n) for n in ns]\n        done, rest = wait(fs, 3)\n"
            "        first = done.pop()\n        print(first)",
            "takes a future where",
        ),
        (
            "fs = [pool.submit(fetch, stub, n) for n in ns]\n        return (f.result() for f in fs)",
            "generator",
        ),
    ],
)
def test_what_stays(body: str, why: str) -> None:
    """The executor stays as it is, on threads, and the reason is told."""
    source = HEAD.format(imports=FUTURES) + (
        "def slow(stub: GreeterStub):\n    return stub.Hi(open('x').read())\n\n\n"
        "def every(stub: GreeterStub, ns, names):\n    with ThreadPoolExecutor() as pool:\n"
        f"        {body}\n\n\n"
        "def main(stub: GreeterStub):\n    return stub.Hi(1), every(stub, [1], {})\n"
    )
    result, got = run(source)
    assert f"    with ThreadPoolExecutor() as pool:\n        {body}\n" in got["app.py"]
    assert "async def every" not in got["app.py"]
    (found,) = [finding.message for finding in result.findings if finding.rule == "GB406"]
    assert why in found


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ("with ThreadPoolExecutor(initializer=print) as pool:", "more than a number and a name"),
        ("with ThreadPoolExecutor(*ns) as pool:", "more than a number and a name"),
        ("with ThreadPoolExecutor(workers) as pool:", "may be left open"),
        ("with ThreadPoolExecutor(4) as pool, open('x'):", "together with others"),
        ("with ThreadPoolExecutor(4) as pool:  # grpc-bridge: keep", "a comment keeps a line of it"),
    ],
)
def test_executors_that_stay_by_how_they_are_made(head: str, why: str) -> None:
    source = HEAD.format(imports=FUTURES) + (
        f"def every(stub: GreeterStub, ns, workers=None):\n    {head}\n"
        "        return list(pool.map(stub.Hi, ns))\n\n\n"
        "def main(stub: GreeterStub):\n    return stub.Hi(1), every(stub, [1])\n"
    )
    result, got = run(source)
    assert head in got["app.py"]
    found = [finding.message for finding in result.findings if finding.rule == "GB406"]
    assert found == [] if "together" in why else why in found[0]


KEYED = """
from greet_pb2_grpc import GreeterStub
{helper}

async def fetch(stub: GreeterStub, n):
    return await stub.Hi(n)


async def by_future(stub: GreeterStub, ns):
    {taken}futures = {{{task}: n for n in ns}}
    {taken}{loop} future in {completed}(futures):
        {taken}try:
            {taken}print(futures[future], {result})
        {taken}except ValueError:
            {taken}print(len(futures))
    return dict({open}(futures[future], {result}) {loop} future in {completed}(futures){close})


async def one_by_one(stub: GreeterStub, ns):
    {taken}futures = {{}}
    {taken}for n in ns:
        {taken}futures[{task}] = n
    {taken}for future, n in futures.items():
        {taken}print(n, {result})
    {taken}futures2 = {{n: {task} for n in ns}}
    {taken}for n in futures2:
        {taken}print(n, {result2})
    {taken}print([{value} for future in futures2.values()])
    {taken}{loop} future in {completed}(futures2.values()):
        {taken}print(future.exception() or {result})
"""


def test_futures_in_dictionaries() -> None:
    """What belongs to a future is found by the task that took its place, and by no other."""
    before = KEYED.format(
        taken="    ", task="pool.submit(fetch, stub, n)", loop="for", completed="as_completed", helper="",
        result="future.result()", result2="futures2[n].result()", value="future.result()", open="", close="",
    )  # fmt: skip
    before = before.replace("async ", "").replace("await ", "")
    before = before.replace("ns):\n        fut", "ns):\n    with ThreadPoolExecutor() as pool:\n        fut")
    before = before.replace("\nfrom", f"\n{FUTURES}\nfrom".replace(", wait", ""))
    helper = """

async def _as_completed(tasks):
    pending = set(tasks)
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            yield task
"""
    after = KEYED.format(
        taken="", task="asyncio.create_task(fetch(stub, n))", loop="async for", completed="_as_completed",
        helper=helper, result="await future", result2="await futures2[n]", value="await future",
        open="[", close="]",
    )  # fmt: skip
    assert rewritten(before, after.replace("\nfrom", "\nimport asyncio\n\nfrom", 1)) == []


def test_a_future_that_is_waited_for_twice_as_it_comes() -> None:
    """Of what asyncio's `as_completed` gives nothing can be asked, and it can be awaited once."""
    source = HEAD.format(imports=FUTURES) + (
        "def every(stub: GreeterStub, ns):\n    with ThreadPoolExecutor() as pool:\n"
        "        fs = [pool.submit(fetch, stub, n) for n in ns]\n"
        "        for f in as_completed(fs):\n            {body}\n"
    )
    for body in ("print(f.result(), f.result())", "print(f.done(), f.result())"):
        _, got = run(source.format(body=body))
        assert "    async for f in _as_completed(fs):\n" in got["app.py"]
    _, got = run(source.format(body="print(f.result(timeout=1))"))
    assert "    for f in asyncio.as_completed(fs):\n        print(await f)\n" in got["app.py"]


def test_waits_for_a_time() -> None:
    """What is late goes on, and the block waits for it in the end."""
    before = """
    import concurrent.futures as futures

    from greet_pb2_grpc import GreeterStub


    def some(stub: GreeterStub, ns, limit):
        late = 0
        with futures.ThreadPoolExecutor() as pool:
            first = pool.submit(stub.Hi, 0)
            others = {n: pool.submit(stub.Hi, n) for n in ns}
            rest = [pool.submit(stub.Hi, n) for n in ns]
            for n in ns:
                try:
                    print(first.result(timeout=None), others[n].result(limit))
                    print(rest[0].result(timeout=2 * limit))
                except (ValueError, futures.TimeoutError):
                    late += 1
        return late


    def one(stub: GreeterStub):
        with futures.ThreadPoolExecutor() as pool:
            reply = pool.submit(stub.Hi, 0)
            try:
                return reply.result(timeout=3)
            except Exception as error:
                raise ValueError from error
    """
    after = """
    import asyncio

    from greet_pb2_grpc import GreeterStub


    async def some(stub: GreeterStub, ns, limit):
        late = 0
        first = asyncio.ensure_future(stub.Hi(0))
        others = {n: asyncio.ensure_future(stub.Hi(n)) for n in ns}
        rest = [asyncio.ensure_future(stub.Hi(n)) for n in ns]
        for n in ns:
            try:
                print(await first, await asyncio.wait_for(asyncio.shield(others[n]), limit))
                print(await asyncio.wait_for(asyncio.shield(rest[0]), 2 * limit))
            except (ValueError, asyncio.TimeoutError):
                late += 1
        await asyncio.gather(first, *others.values(), *rest, return_exceptions=True)
        return late


    async def one(stub: GreeterStub):
        reply = asyncio.ensure_future(stub.Hi(0))
        try:
            return await asyncio.wait_for(asyncio.shield(reply), 3)
        except Exception as error:
            raise ValueError from error
    """
    assert rewritten(before, after) == []


def test_a_wait_for_a_time_whose_end_is_caught_elsewhere() -> None:
    """Before Python 3.11 it is another exception."""
    source = HEAD.format(imports=FUTURES + "import concurrent.futures\n") + (
        "def every(stub: GreeterStub):\n    with ThreadPoolExecutor() as pool:\n"
        "        f = pool.submit(fetch, stub, 1)\n        return f.result(timeout=3)\n\n\n"
        "def main(stub: GreeterStub):\n    try:\n        return stub.Hi(1), every(stub)\n"
        "    except concurrent.futures.TimeoutError:\n        return None\n"
    )
    result, got = run(source)
    assert "        return f.result(timeout=3)\n" in got["app.py"]
    (found,) = [finding.message for finding in result.findings if finding.rule == "GB406"]
    assert "its end may be caught elsewhere" in found


def test_an_executor_of_something_else_is_left_alone() -> None:
    source = HEAD.format(imports=FUTURES) + (
        "def every(stub: GreeterStub, ns):\n    with ThreadPoolExecutor(4) as pool:\n"
        "        sizes = list(pool.map(len, ns))\n    return sizes, stub.Hi(1)\n"
    )
    result, got = run(source)
    assert "        sizes = list(pool.map(len, ns))\n" in got["app.py"]
    assert [finding for finding in result.findings if finding.rule == "GB406"] == []


def test_threads_that_asyncio_starts_for_an_rpc() -> None:
    """And what asyncio is given to wait for stays what it is."""
    before = """
    import asyncio

    from greet_pb2_grpc import GreeterStub


    def fetch(stub: GreeterStub):
        return stub.Hi(0)


    async def partly(stub: GreeterStub, ns):
        loop = asyncio.get_running_loop()
        one = await loop.run_in_executor(None, stub.Hi, 1)
        two = await asyncio.to_thread(stub.Hi, 2), await loop.run_in_executor(None, fetch, stub)
        three = await loop.run_in_executor(None, lambda: stub.Hi(3))
        pair = await asyncio.gather(stub.Hi(4), stub.Hi(5))
        task = asyncio.ensure_future(stub.Hi(6))
        rest = await asyncio.gather(*(stub.Hi(n) for n in ns), *[stub.Hi(n) for n in ns])
        return one, two, three, pair, await task, rest, await asyncio.wait_for(stub.Hi(7), 1)
    """
    after = (
        before.replace("        loop = asyncio.get_running_loop()\n", "")
        .replace("await loop.run_in_executor(None, stub.Hi, 1)", "await stub.Hi(1)")
        .replace("await asyncio.to_thread(stub.Hi, 2)", "await stub.Hi(2)")
        .replace("await loop.run_in_executor(None, lambda: stub.Hi(3))", "await stub.Hi(3)")
        .replace("await loop.run_in_executor(None, fetch, stub)", "await fetch(stub)")
        .replace(
            "    def fetch(stub: GreeterStub):\n        return",
            "    async def fetch(stub: GreeterStub):\n        return await",
        )
    )
    assert rewritten(before, after) == []


def test_lambdas_that_asyncio_runs_in_a_thread() -> None:
    """One that does no more than to make one call is the call; the loop does not evaluate all else."""
    before = """
    import asyncio

    from greet_pb2 import Request
    from greet_pb2_grpc import GreeterStub


    def fetch(stub: GreeterStub, n, scale=1):
        return stub.Hi(n) * scale


    def read(n):
        return open(n).read()


    async def some(stub: GreeterStub, ns):
        loop = asyncio.get_running_loop()
        one = await loop.run_in_executor(None, lambda: stub.Hi(Request(name="x"), timeout=2))
        two = await asyncio.to_thread(lambda: fetch(stub, 5, scale=2))
        three = await asyncio.wait_for(loop.run_in_executor(None, lambda: stub.Hi(3)), 3)
        four = await asyncio.gather(*(loop.run_in_executor(None, lambda n=n: stub.Hi(n)) for n in ns))
        five = await asyncio.gather(*(loop.run_in_executor(None, fetch, stub, n) for n in ns))
        six = await asyncio.gather(*[loop.run_in_executor(None, lambda: stub.Hi(6)), asyncio.sleep(1)])
        return one, two, three, four, five, six


    async def others(stub: GreeterStub, ns):
        loop = asyncio.get_running_loop()
        one = await loop.run_in_executor(None, lambda: stub.Hi(read(1)))
        two = await loop.run_in_executor(None, lambda: stub.Hi(stub.Hi(2)))
        three = await loop.run_in_executor(None, lambda: stub.Hi(3) if ns else None)
        four = await loop.run_in_executor(None, lambda: stub.Hi(4), 4)
        five = await loop.run_in_executor(None, lambda n=4: stub.Hi(n))
        done, _ = await asyncio.wait([loop.run_in_executor(None, stub.Hi, n) for n in ns])
        return one, two, three, four, five, done
    """
    after = (
        before.replace("        loop = asyncio.get_running_loop()\n", "", 1)
        .replace(
            'loop.run_in_executor(None, lambda: stub.Hi(Request(name="x"), timeout=2))',
            'stub.Hi(Request(name="x"), timeout=2)',
        )
        .replace("asyncio.to_thread(lambda: fetch(stub, 5, scale=2))", "fetch(stub, 5, scale=2)")
        .replace("loop.run_in_executor(None, lambda: stub.Hi(3))", "stub.Hi(3)")
        .replace("loop.run_in_executor(None, lambda n=n: stub.Hi(n))", "stub.Hi(n)")
        .replace("loop.run_in_executor(None, fetch, stub, n)", "fetch(stub, n)")
        .replace("loop.run_in_executor(None, lambda: stub.Hi(6))", "stub.Hi(6)")
        .replace("def fetch", "async def fetch")
        .replace("return stub.Hi(n) * scale", "return await stub.Hi(n) * scale")
    )
    result, got = run(before)
    assert got["app.py"] == textwrap.dedent(after).lstrip("\n")
    cut = [finding.line for finding in result.findings if finding.kind == "cut"]
    assert cut == [line + 1 for line, text in enumerate(after.splitlines()) if "None, lambda" in text]
