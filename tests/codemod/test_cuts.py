"""What stays sync, and what is done about it at the border."""

from __future__ import annotations

import pytest

from .tool import rewritten, run, unchanged


def test_a_constructor_that_waits_is_called_in_a_thread() -> None:
    found = rewritten(
        """
        from greet_pb2_grpc import GreeterStub


        class Client:
            def __init__(self, stub: GreeterStub):
                self.stub = stub
                self.version = self.ask()

            def ask(self):
                return self.stub.Hi("version")

            def hi(self, n):
                return self.stub.Hi(n)


        def use(stub: GreeterStub):
            client = Client(stub)
            return client.hi(1), client.ask()
        """,
        """
        import asyncio

        from greet_pb2_grpc import GreeterStub


        class Client:
            def __init__(self, stub: GreeterStub):
                self.stub = stub
                self.version = self.ask()

            def ask(self):
                return self.stub.Hi("version")

            async def hi(self, n):
                return await self.stub.Hi(n)


        async def use(stub: GreeterStub):
            client = await asyncio.to_thread(Client, stub)
            return await client.hi(1), await asyncio.to_thread(client.ask)
        """,
    )
    assert found == ["GB503", "GB706", "GB713"]


def test_a_property_that_waits_is_read_in_a_thread() -> None:
    found = rewritten(
        """
        from greet_pb2_grpc import GreeterStub


        class Client:
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            @property
            def version(self):
                return self.stub.Hi(0)

            def show(self):
                print(self.version.text, self.stub.Hi(1))
        """,
        """
        import asyncio

        from greet_pb2_grpc import GreeterStub


        class Client:
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            @property
            def version(self):
                return self.stub.Hi(0)

            async def show(self):
                print((await asyncio.to_thread(lambda: self.version)).text, await self.stub.Hi(1))
        """,
    )
    assert found == ["GB503", "GB715"]


def test_a_property_that_gives_a_stub_does_not_wait() -> None:
    rewritten(
        """
        from greet_pb2_grpc import GreeterStub


        class Client:
            @property
            def stub(self):
                return GreeterStub(self.channel)

            def hi(self):
                return self.stub.Hi(1)
        """,
        """
        from greet_pb2_grpc import GreeterStub


        class Client:
            @property
            def stub(self):
                return GreeterStub(self.channel)

            async def hi(self):
                return await self.stub.Hi(1)
        """,
    )


@pytest.mark.parametrize(
    ("lock", "take"),
    [
        ("threading.RLock()", "with self.lock:"),
        ("make_lock()", "with self.lock:"),
    ],
)
def test_no_await_under_a_lock(lock: str, take: str) -> None:
    found = rewritten(
        f"""
        import threading

        from greet_pb2_grpc import GreeterStub


        class Cache:
            def __init__(self, stub: GreeterStub):
                self.lock = {lock}
                self.stub = stub

            def refresh(self):
                {take}
                    self.value = self.stub.Hi(1)

            def hi(self):
                self.refresh()
                return self.stub.Hi(2)
        """,
        f"""
        import asyncio
        import threading

        from greet_pb2_grpc import GreeterStub


        class Cache:
            def __init__(self, stub: GreeterStub):
                self.lock = {lock}
                self.stub = stub

            def refresh(self):
                {take}
                    self.value = self.stub.Hi(1)

            async def hi(self):
                await asyncio.to_thread(self.refresh)
                return await self.stub.Hi(2)
        """,
    )
    assert found == ["GB503", "GB704"]


def test_a_lock_held_beside_the_await_is_no_matter() -> None:
    rewritten(
        """
        import threading

        from greet_pb2_grpc import GreeterStub

        LOCK = threading.Lock()


        def use(stub: GreeterStub, seen):
            reply = stub.Hi(1)
            with LOCK:
                seen.append(reply)
        """,
        """
        import threading

        from greet_pb2_grpc import GreeterStub

        LOCK = threading.Lock()


        async def use(stub: GreeterStub, seen):
            reply = await stub.Hi(1)
            with LOCK:
                seen.append(reply)
        """,
    )


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("return sorted([3, 1], key=lambda n: stub.Hi(n).price)", "GB717"),
        ("return sorted([3, 1], key=stub.Hi)", "GB717"),
        ("return list(map(stub.Hi, [1, 2]))", "GB702"),
        ("return functools.reduce(lambda a, b: stub.Hi(a + b), [1, 2])", "GB702"),
    ],
)
def test_what_other_code_calls_stays(body: str, rule: str) -> None:
    found = unchanged(
        f"""
        import functools

        from greet_pb2_grpc import GreeterStub


        def use(stub: GreeterStub):
            {body}
        """
    )
    assert rule in found


def test_a_view_under_a_decorator_that_is_not_understood() -> None:
    found = unchanged(
        """
        from flask import Flask

        from greet_pb2_grpc import GreeterStub

        app = Flask("app")


        @app.route("/")
        def index(stub: GreeterStub):
            return stub.Hi(1)
        """
    )
    assert found == ["GB705"]


def test_module_level_calls() -> None:
    found = unchanged(
        """
        import grpc

        from greet_pb2_grpc import GreeterStub


        def load(stub):
            return stub.Hi(1)


        STUB = GreeterStub(grpc.insecure_channel("x"))
        SETTINGS = load(STUB)
        """
    )
    assert found == ["GB706"]


def test_signal_handlers_stay() -> None:
    found = rewritten(
        """
        import signal

        import grpc


        def serve(server: grpc.Server):
            def stop(signum, frame):
                server.stop(30).wait()

            signal.signal(signal.SIGTERM, stop)
            server.start()
            server.wait_for_termination()
        """,
        """
        import signal

        import grpc_bridge as grpc


        async def serve(server: grpc.Server):
            def stop(signum, frame):
                server.stop(30).wait()

            signal.signal(signal.SIGTERM, stop)
            await server.start()
            await server.wait_for_termination()
        """,
    )
    assert found == ["GB718"]


def test_a_server_that_sync_code_goes_on_with() -> None:
    found = unchanged(
        """
        import grpc


        def serve(block):
            server = grpc.server(None)
            server.start()
            if block:
                server.wait_for_termination()
            return server


        if __name__ == "__main__":
            server = serve(block=False)
            server.wait_for_termination()
        """
    )
    assert found == ["GB706"]


def test_a_stub_behind_getattr() -> None:
    found = unchanged(
        """
        import functools

        from greet_pb2_grpc import GreeterStub


        class Proxy:
            def __init__(self, channel):
                self._stub = GreeterStub(channel)

            def __getattr__(self, name):
                return functools.partial(getattr(self._stub, name), timeout=3)


        def use(channel):
            proxy = Proxy(channel)
            proxy._stub.Hi(0)
            return proxy.Hi(1)
        """
    )
    assert found == ["GB706"]


def test_a_multi_callable_of_the_user_s_own() -> None:
    """It stays as stubs expect it, and coroutines call it in a worker thread."""
    before = """
    import grpc

    import greet_pb2_grpc


    class Printing(grpc.UnaryUnaryMultiCallable):
        def __init__(self, inner):
            self.inner = inner

        def __call__(self, request, timeout=None):
            reply = self.inner(request, timeout)
            print(reply.text)
            return reply


    def main(channel):
        stub = greet_pb2_grpc.GreeterStub(channel)
        return Printing(stub.Hi)(1), stub.Hi(2)
    """
    result, after = run(before)
    assert "        reply = self.inner(request, timeout)\n" in after["app.py"]
    assert "await asyncio.to_thread(Printing(stub.Hi), 1), await stub.Hi(2)" in after["app.py"]
    said = [f.message for f in result.findings if f.rule == "GB708"]
    known = "callers of both colours know it as a grpc.UnaryUnaryMultiCallable"
    assert said == [f"Printing.__call__ stays sync: {known}"]


def test_a_method_that_gives_an_iterator_cannot_wait() -> None:
    """`__aiter__` is not awaited either. Found by breaking programs at random."""
    found = unchanged(
        """
        import grpc
        from greet_pb2_grpc import GreeterStub


        class Replies:
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            def __iter__(self):
                return iter([reply.text for reply in self.stub.Many(1)])


        def main(stub: GreeterStub):
            for text in Replies(stub):
                print(text)
        """
    )
    assert found == ["GB701", "GB706"]
