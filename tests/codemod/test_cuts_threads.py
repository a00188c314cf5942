"""What threads run, and code that waits for something other than gRPC."""

from __future__ import annotations

from .tool import rewritten, unchanged


def test_a_thread_that_shares_a_helper_runs_the_coroutine() -> None:
    found = rewritten(
        """
        import os
        import threading

        import grpc

        from greet_pb2_grpc import GreeterStub


        def fetch(stub: GreeterStub):
            return stub.Hi(1)


        def poll(stub: GreeterStub):
            print(fetch(stub))
            print(stub.Hi(2))
            os.fsync(1)


        def main(stub: GreeterStub):
            worker = threading.Thread(target=poll, args=(stub,))
            worker.start()
            print(fetch(stub))
            worker.join()
        """,
        """
        import asyncio
        import os
        import threading

        import grpc_bridge as grpc

        from greet_pb2_grpc import GreeterStub


        async def fetch(stub: GreeterStub):
            return await stub.Hi(1)


        def poll(stub: GreeterStub):
            print(grpc.run(fetch(stub)))
            print(stub.Hi(2))
            os.fsync(1)


        async def main(stub: GreeterStub):
            worker = threading.Thread(target=poll, args=(stub,))
            worker.start()
            print(await fetch(stub))
            await asyncio.to_thread(worker.join)
        """,
    )
    assert found == ["GB402", "GB405", "GB502", "GB703"]


def test_what_only_threads_call_stays_sync() -> None:
    found = unchanged(
        """
        import atexit
        import threading

        from greet_pb2_grpc import GreeterStub


        def fetch(stub: GreeterStub):
            return stub.Hi(1)


        def poll(stub):
            print(fetch(stub))


        def start(stub, pool):
            threading.Thread(target=poll, args=(stub,)).start()
            pool.submit(poll, stub)
            atexit.register(poll, stub)
        """
    )
    assert found == ["GB703", "GB706"]


def test_a_stream_read_by_a_thread_keeps_its_maker_sync() -> None:
    found = rewritten(
        """
        import threading

        from greet_pb2_grpc import GreeterStub


        def read(replies):
            for reply in replies:
                print(reply)


        def chat(stub: GreeterStub):
            replies = stub.Chat(iter([1]))
            threading.Thread(target=read, args=(replies,)).start()


        def main(stub: GreeterStub):
            chat(stub)
            return stub.Hi(1)
        """,
        """
        import asyncio
        import threading

        from greet_pb2_grpc import GreeterStub


        def read(replies):
            for reply in replies:
                print(reply)


        def chat(stub: GreeterStub):
            replies = stub.Chat(iter([1]))
            threading.Thread(target=read, args=(replies,)).start()


        async def main(stub: GreeterStub):
            await asyncio.to_thread(chat, stub)
            return await stub.Hi(1)
        """,
    )
    assert found == ["GB503", "GB703", "GB706"]


def test_an_executor_waited_for_keeps_the_function_sync() -> None:
    found = rewritten(
        """
        from concurrent.futures import ThreadPoolExecutor

        from greet_pb2_grpc import GreeterStub


        def fan_out(stub: GreeterStub):
            with ThreadPoolExecutor(2) as pool:
                return list(pool.map(lambda n: stub.Hi(n), [1, 2]))


        def main(stub: GreeterStub):
            return stub.Hi(0), fan_out(stub)
        """,
        """
        import asyncio
        from concurrent.futures import ThreadPoolExecutor

        from greet_pb2_grpc import GreeterStub


        def fan_out(stub: GreeterStub):
            with ThreadPoolExecutor(2) as pool:
                return list(pool.map(lambda n: stub.Hi(n), [1, 2]))


        async def main(stub: GreeterStub):
            return await stub.Hi(0), await asyncio.to_thread(fan_out, stub)
        """,
    )
    assert found == ["GB503", "GB703"]


def test_a_thread_class() -> None:
    found = unchanged(
        """
        import threading

        from greet_pb2_grpc import GreeterStub


        class Poller(threading.Thread):
            def __init__(self, stub: GreeterStub):
                super().__init__()
                self.stub = stub

            def run(self):
                self.poll()

            def poll(self):
                for reply in self.stub.Many(1):
                    print(reply)
        """
    )
    assert found == ["GB703", "GB706"]


def test_a_helper_that_sleeps() -> None:
    rewritten(
        """
        import time

        from greet_pb2_grpc import GreeterStub


        def pause():
            time.sleep(0.1)


        def use(stub: GreeterStub):
            pause()
            return stub.Hi(1), time.time()
        """,
        """
        import asyncio
        import time

        from greet_pb2_grpc import GreeterStub


        async def pause():
            await asyncio.sleep(0.1)


        async def use(stub: GreeterStub):
            await pause()
            return await stub.Hi(1), time.time()
        """,
    )


def test_sleep_in_sync_code_stays() -> None:
    assert unchanged("import time\n\nimport grpc\n\n\ndef pause():\n    time.sleep(1)\n") == []


def test_queues_and_events() -> None:
    found = rewritten(
        """
        import queue
        import threading

        from greet_pb2_grpc import GreeterStub

        JOBS = queue.Queue()


        def use(stub: GreeterStub):
            ready = threading.Event()
            JOBS.put(1)
            ready.set()
            ready.wait(timeout=1)
            JOBS.get_nowait()
            JOBS.get(block=False)
            return stub.Hi(JOBS.get())
        """,
        """
        import asyncio
        import queue
        import threading

        from greet_pb2_grpc import GreeterStub

        JOBS = queue.Queue()


        async def use(stub: GreeterStub):
            ready = threading.Event()
            JOBS.put(1)
            ready.set()
            await asyncio.to_thread(ready.wait, timeout=1)
            JOBS.get_nowait()
            JOBS.get(block=False)
            return await stub.Hi(await asyncio.to_thread(JOBS.get))
        """,
    )
    assert found == ["GB402", "GB403", "GB404"]


def test_a_subclass_of_thread_is_waited_for_in_a_thread() -> None:
    """Its `join` is that of Thread, whoever calls it."""
    before = """
    import threading

    from greet_pb2_grpc import GreeterStub


    class Reader(threading.Thread):
        def __init__(self, stub: GreeterStub):
            super().__init__()
            self.stub = stub

        def run(self):
            self.stub.Hi(1)

        def finish(self):
            self.stub.Hi(2)
            self.join(timeout=10)


    def main(stub: GreeterStub):
        reader = Reader(stub)
        reader.start()
        stub.Hi(0)
        reader.finish()
        reader.join()
    """
    after = (
        before.replace("import threading\n", "import asyncio\n    import threading\n", 1)
        .replace("def finish", "async def finish")
        .replace("self.stub.Hi(2)", "await self.stub.Hi(2)")
        .replace("self.join(timeout=10)", "await asyncio.to_thread(self.join, timeout=10)")
        .replace("def main", "async def main")
        .replace("stub.Hi(0)", "await stub.Hi(0)")
        .replace("reader.finish()", "await reader.finish()")
        .replace("reader.join()", "await asyncio.to_thread(reader.join)")
    )
    assert rewritten(before, after) == ["GB402", "GB703"]
