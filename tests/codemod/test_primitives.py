"""Queues, locks, events and threads: asyncio's where all who use one share a loop, else what they were."""

from __future__ import annotations

import textwrap

import pytest

from .tool import rewritten, rules, run

QUEUED = """
import queue

from greet_pb2_grpc import GreeterStub


def talk(stub: GreeterStub):
    requests = queue.Queue()
    replies = stub.Chat(iter(requests.get, None), timeout=20)
    requests.put("one")  # the greeting
    print(next(replies))
    requests.put(None)
"""
TALKS = """
import asyncio

import asyncstdlib

from greet_pb2_grpc import GreeterStub


async def talk(stub: GreeterStub):
    requests = asyncio.Queue()
    replies = stub.Chat(asyncstdlib.iter(requests.get, None), timeout=20)
    await requests.put("one")  # the greeting
    print(await anext(replies))
    await requests.put(None)
"""


def test_a_queue_of_one_coroutine() -> None:
    assert rewritten(QUEUED, TALKS) == []


def test_a_queue_that_a_class_holds_and_its_request_generator() -> None:
    found = rewritten(
        """
        import queue
        from collections.abc import Iterator

        from greet_pb2_grpc import GreeterStub


        class Client:
            def __init__(self, stub: GreeterStub):
                self.requests = queue.Queue()
                self.replies = stub.Chat(self.feed())

            def feed(self) -> Iterator[str]:
                while True:
                    request = self.requests.get()
                    if request is None:
                        return
                    yield request

            def tell(self, text):
                self.requests.put(text)

            def ask(self, text):
                self.tell(text)
                return next(self.replies)


        def main(stub: GreeterStub):
            return Client(stub).ask("one")
        """,
        """
        import asyncio
        from collections.abc import AsyncIterator

        from greet_pb2_grpc import GreeterStub


        class Client:
            def __init__(self, stub: GreeterStub):
                self.requests = asyncio.Queue()
                self.replies = stub.Chat(self.feed())

            async def feed(self) -> AsyncIterator[str]:
                while True:
                    request = await self.requests.get()
                    if request is None:
                        return
                    yield request

            def tell(self, text):
                self.requests.put_nowait(text)

            async def ask(self, text):
                self.tell(text)
                return await anext(self.replies)


        async def main(stub: GreeterStub):
            return await Client(stub).ask("one")
        """,
    )
    assert found == []


METHODS = """
import queue

from greet_pb2_grpc import GreeterStub


def work(stub: GreeterStub, jobs: queue.{kind}):
    {body}
    stub.Hi(1)


def main(stub: GreeterStub):
    jobs = queue.{made}
    work(stub, jobs)
"""


@pytest.mark.parametrize(
    ("made", "body", "after"),
    [
        ("Queue()", "jobs.get()", "await jobs.get()"),
        ("SimpleQueue()", "jobs.get(True)", "await jobs.get()"),
        ("Queue()", "jobs.get(); jobs.put(1)", "await jobs.get(); await jobs.put(1)"),
        ("Queue(maxsize=3)", "jobs.put(1)", "await jobs.put(1)"),
        ("Queue(3)", "jobs.put(1, timeout=2)", "await asyncio.wait_for(jobs.put(1), 2)"),
        ("LifoQueue()", "jobs.get(timeout=2)", "await asyncio.wait_for(jobs.get(), 2)"),
        ("Queue()", "x = jobs.get(True, 2).y", "x = (await asyncio.wait_for(jobs.get(), 2)).y"),
        ("Queue()", "jobs.get(); jobs.get(block=False)", "await jobs.get(); jobs.get_nowait()"),
        ("Queue()", "jobs.join(); jobs.put(1, False)", "await jobs.join(); jobs.put_nowait(1)"),
        (
            "PriorityQueue()",
            "jobs.get(); jobs.task_done(); jobs.put_nowait(1); print(jobs.qsize(), jobs.empty())",
            "await jobs.get(); jobs.task_done(); jobs.put_nowait(1); print(jobs.qsize(), jobs.empty())",
        ),
        ("Queue()", "x = [jobs.get() for _ in range(2)]", "x = [await jobs.get() for _ in range(2)]"),
        (
            "Queue()",
            "try:\n        jobs.get(timeout=1)\n    except queue.Empty:\n        pass",
            "try:\n        await asyncio.wait_for(jobs.get(), 1)\n"
            "    except asyncio.TimeoutError:\n        pass",
        ),
        (
            "Queue(1)",
            "try:\n        jobs.get_nowait()\n        jobs.get(timeout=1)\n"
            "    except (queue.Empty, ValueError):\n        jobs.put(1)",
            "try:\n        jobs.get_nowait()\n        await asyncio.wait_for(jobs.get(), 1)\n"
            "    except ((asyncio.QueueEmpty, asyncio.TimeoutError), ValueError):\n        await jobs.put(1)",
        ),
    ],
)
def test_methods_of_queues(made: str, body: str, after: str) -> None:
    _, got = run(METHODS.format(made=made, body=body, kind="SimpleQueue" if "Simple" in made else "Queue"))
    name = "Queue" if made.startswith("Simple") else made.partition("(")[0]
    assert f"    {after}\n    await stub.Hi(1)\n" in got["app.py"]
    assert (
        f"    jobs = asyncio.{name}({made.partition('(')[2]}\n    await work(stub, jobs)\n" in got["app.py"]
    )
    assert "jobs: asyncio.Queue" in got["app.py"]
    assert "import queue" not in got["app.py"]


def test_what_a_caller_catches_of_a_queue() -> None:
    _, got = run(
        """
        from queue import Empty, Queue

        from greet_pb2_grpc import GreeterStub


        def take(jobs):
            return jobs.get(timeout=1)


        def main(stub: GreeterStub):
            jobs = Queue()
            try:
                take(jobs)
            except Empty:
                stub.Hi(1)
        """
    )
    assert "    except asyncio.TimeoutError:\n        await stub.Hi(1)\n" in got["app.py"]
    assert "from queue" not in got["app.py"]


def test_what_makes_queues_of_its_own() -> None:
    _, got = run(
        """
        import queue
        from collections import defaultdict
        from dataclasses import dataclass, field

        from greet_pb2_grpc import GreeterStub


        @dataclass
        class Desk:
            jobs: queue.Queue = field(default_factory=queue.Queue)


        def main(stub: GreeterStub):
            by_kind = defaultdict(queue.Queue)
            desk = Desk()
            desk.jobs.put(stub.Hi(1))
            by_kind["a"].put(desk.jobs.get())
            return by_kind["a"].get()
        """
    )
    assert "field(default_factory=asyncio.Queue)" in got["app.py"]
    assert "defaultdict(asyncio.Queue)" in got["app.py"]
    assert 'await by_kind["a"].put(await desk.jobs.get())' in got["app.py"]


LEFT = """
import queue
import threading

import grpc
from greet_pb2_grpc import GreeterStub

{top}


def main(stub: GreeterStub):
    jobs = {made}
    {body}
    return stub.Hi(jobs.get())
"""


@pytest.mark.parametrize(
    ("made", "body", "why", "top"),
    [
        ("JOBS", "pass", "lives longer than an event loop", "JOBS = queue.Queue()"),
        ("queue.Queue()", "register(jobs)", "cannot be followed", "from elsewhere import register"),
        ("queue.Queue()", "print(jobs.queue)", "takes its queue and does not call it", ""),
        ("queue.Queue()", "put = jobs.put", "takes its put", ""),
        ("queue.Queue()", "print(any(jobs.get() for _ in range(2)))", "inside a generator expression", ""),
        (
            "queue.Queue()",
            "jobs.get(block=stub)",
            "gives get an argument, such as a time limit, that asyncio.Queue's does not take",
            "",
        ),
        (
            "queue.Queue()",
            "threading.Thread(target=fill, args=(jobs,), daemon=True).start()",
            "fill uses it and may run in another thread than the event loop's",
            "def fill(jobs):\n    jobs.put(open('x').read())",
        ),
        (
            "queue.Queue()",
            "atexit.register(lambda: jobs.put(1))",
            "in another thread than the event loop's",
            "import atexit",
        ),
    ],
)
def test_queues_that_others_use(made: str, body: str, why: str, top: str) -> None:
    result, got = run(LEFT.format(made=made, body=body, top=top))
    assert "asyncio.Queue" not in got["app.py"]
    assert "await asyncio.to_thread(jobs.get)" in got["app.py"]
    (said,) = [f.message for f in result.findings if f.rule == "GB403"]
    assert said.lower().startswith("jobs stays a queue.queue: ")
    assert why in said


def test_a_queue_between_coroutines_of_several_loops_stays() -> None:
    """Each `asyncio.run` of the main block has a loop of its own, and so has each `grpc.run` of a thread."""
    source = QUEUED.replace(
        "def talk", "class C:\n    def __init__(self):\n        self.q = queue.Queue()\n\n\ndef talk"
    )
    source = source.replace("requests = queue.Queue()", "requests = client.q").replace(
        "(stub:", "(client, stub:"
    )
    main = "\n\nif __name__ == '__main__':\n    client = C()\n    talk(client, GreeterStub(1))\n"
    once, twice = source + main, source + main + "    talk(client, GreeterStub(1))\n"
    assert "asyncio.Queue()" in run(once)[1]["app.py"]
    result, got = run(twice)
    assert "asyncio.Queue()" not in got["app.py"]
    assert "GB403" in rules(result)


def test_a_queue_of_sync_code_stays_and_nothing_is_said() -> None:
    source = """
    import queue

    import grpc


    def main():
        jobs = queue.Queue()
        jobs.put(1)
        return jobs.get()
    """
    result, got = run(source)
    assert got["app.py"] == textwrap.dedent(source).lstrip().replace(
        "import grpc", "import grpc_bridge as grpc"
    )
    assert rules(result) == []


HELD = """
import threading

from greet_pb2_grpc import GreeterStub


class Prices:
    def __init__(self, stub: GreeterStub):
        self.lock = {made}
        self.stub = stub

    def refresh(self):
        with self.lock:
            self.value = self.stub.Hi(1)

    def forget(self):
        with self.lock:
            self.value = None


def use(stub: GreeterStub):
    prices = Prices(stub)
    prices.refresh()
    prices.forget()
"""


@pytest.mark.parametrize("kind", ["Lock", "Condition", "Semaphore", "BoundedSemaphore"])
def test_a_lock_that_only_coroutines_take(kind: str) -> None:
    result, got = run(HELD.format(made=f"threading.{kind}()"))
    assert got["app.py"] == HELD.format(made=f"asyncio.{kind}()").lstrip().replace(
        "import threading", "import asyncio"
    ).replace("def refresh", "async def refresh").replace("def forget", "async def forget").replace(
        "def use", "async def use"
    ).replace("with self", "async with self").replace("self.stub.Hi", "await self.stub.Hi").replace(
        "    prices.", "    await prices."
    )
    assert rules(result) == []


@pytest.mark.parametrize(
    ("made", "more", "why"),
    [
        ("threading.Lock()", "\n\ntable = {}\nPrices(1).forget()\n", "forget waits for it and stays sync"),
        ("threading.Lock()", "\n\ndef by_hand(p: Prices):\n    p.lock.acquire()\n", "calls acquire by hand"),
        ("threading.Condition(threading.Lock())", "", "a lock made elsewhere"),
        ("LOCK", "\n\nLOCK = threading.Lock()\n", "lives longer"),
    ],
)
def test_a_lock_that_others_take_stays(made: str, more: str, why: str) -> None:
    result, got = run(HELD.format(made=made) + more)
    assert "asyncio.Lock" not in got["app.py"]
    assert "async with" not in got["app.py"]
    assert "GB704" in rules(result)
    assert not [f for f in result.findings if f.rule == "GB404" and why not in f.message]


def test_a_condition_and_an_event_are_waited_for() -> None:
    _, got = run(
        """
        import threading

        from greet_pb2_grpc import GreeterStub


        def main(stub: GreeterStub):
            ready = threading.Event()
            change = threading.Condition()
            with change:
                change.wait()
                change.wait_for(lambda: stub)
                change.notify_all()
            ready.wait()
            ready.clear()
            stub.Hi(ready.is_set())
        """
    )
    for line in ("async with change:", "await change.wait()", "await change.wait_for(lambda: stub)"):
        assert line in got["app.py"]
    assert "        change.notify_all()\n    await ready.wait()\n    ready.clear()\n" in got["app.py"]


def test_an_event_with_a_time_limit_waits_in_a_thread() -> None:
    result, got = run(
        """
        import threading

        from greet_pb2_grpc import GreeterStub


        def main(stub: GreeterStub):
            stop = threading.Event()
            while not stop.wait(1.0):
                stub.Hi(1)
        """
    )
    assert "while not await asyncio.to_thread(stop.wait, 1.0):" in got["app.py"]
    assert rules(result) == ["GB402", "GB404"]
    (said,) = [finding.message for finding in result.findings if finding.rule == "GB404"]
    assert said == (
        "stop stays a threading.Event: line 8 gives wait an argument, such as a time limit, "
        "that asyncio.Event's does not take"
    )


def test_the_line_of_another_file_is_told_with_its_name() -> None:
    files = {
        "app.py": """
            import threading


            class State:
                def __init__(self):
                    self.ready = threading.Event()
            """,
        "other.py": """
            from app import State
            from greet_pb2_grpc import GreeterStub


            def ask(stub: GreeterStub, state: State):
                state.ready.wait(2)
                return stub.Hi(1)


            def main(stub: GreeterStub):
                return ask(stub, State())
            """,
    }
    result, _ = run(files)
    (said,) = [finding.message for finding in result.findings if finding.rule == "GB404"]
    assert said.startswith("self.ready stays a threading.Event: line 6 of other.py gives wait an argument")
