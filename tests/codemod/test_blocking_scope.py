"""What a loop's thread calls and does not await, and what a person puts under `grpc.blocking()`."""

from __future__ import annotations

import re
import textwrap

import pytest

from .tool import rewritten, run, unchanged

HEAD = """\
import asyncio
import atexit
import signal
import weakref

import grpc_bridge as grpc

from greet_pb2_grpc import GreeterStub

"""
CLIENT = """
async def use(stub: GreeterStub):
    return await stub.Hi(1)
"""


def with_client(body: str) -> str:
    """A program that has a coroutine, so that there is a loop."""
    return f"{HEAD}{textwrap.dedent(body)}\n{CLIENT}"


def sync_form(text: str) -> str:
    """The program before the rule: the words that it puts in are not there."""
    text = text.replace("    @grpc.blocking()\n", "").replace("@grpc.blocking()\n", "")
    text = re.sub(r"grpc\.blocking\(\)\((lambda .*)\)\)", r"\1)", text)
    return text.replace("async ", "").replace("await ", "")


SCOPED = {
    "a finalizer": (
        "GB714",
        """
        class Session:
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            @grpc.blocking()
            def __del__(self):
                self.stub.Hi("bye")
        """,
    ),
    "a finalizer that calls what waits": (
        "GB714",
        """
        class Session:
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            def close(self):
                self.stub.Hi("bye")

            @grpc.blocking()
            def __del__(self):
                self.close()
        """,
    ),
    "what weakref calls": (
        "GB714",
        """
        class Session:
            def __init__(self, stub: GreeterStub):
                weakref.finalize(self, bye, stub)


        @grpc.blocking()
        def bye(stub: GreeterStub):
            for reply in stub.Many("bye"):
                print(reply)
        """,
    ),
    "a signal handler": (
        "GB718",
        """
        class Watch:
            def __init__(self, stub: GreeterStub):
                self.stub = stub
                signal.signal(signal.SIGHUP, self.reload)

            @grpc.blocking()
            def reload(self, number, frame):
                self.stub.Hi("reload")
        """,
    ),
    "a lambda that handles a signal": (
        "GB718",
        """
        def install(stub: GreeterStub):
            signal.signal(signal.SIGHUP, grpc.blocking()(lambda number, frame: stub.Hi("reload").text))
        """,
    ),
    "a signal handler of a loop": (
        "GB718",
        """
        def install(loop, stub: GreeterStub):
            @grpc.blocking()
            def reload():
                stub.Hi("reload")

            loop.add_signal_handler(signal.SIGHUP, reload)
        """,
    ),
    "what the loop calls later": (
        "GB702",
        """
        def install(loop, stub: GreeterStub):
            @grpc.blocking()
            def tick():
                stub.Hi("tick")
                loop.call_later(1, tick)

            tick()
        """,
    ),
    "what asyncio calls when a task is done": (
        "GB702",
        """
        def report(stub: GreeterStub):
            @grpc.blocking()
            def done(task):
                stub.Hi("done")

            asyncio.ensure_future(asyncio.sleep(0)).add_done_callback(done)
        """,
    ),
}

AS_THEY_ARE = {
    "a finalizer that closes a channel": """
        class Session:
            def __init__(self):
                self.channel = grpc.insecure_channel("x")

            def __del__(self):
                self.channel.close()
        """,
    "a finalizer that cancels a call": """
        class Session:
            def __init__(self, stub: GreeterStub):
                self.call = stub.Hi.future(1)

            def __del__(self):
                self.call.cancel()
        """,
    "a signal handler that stops a server": """
        def install(server: grpc.Server):
            def stop(number, frame):
                server.stop(30).wait()

            signal.signal(signal.SIGTERM, stop)
        """,
    "what runs when the interpreter exits": """
        @atexit.register
        def bye():
            GreeterStub(grpc.insecure_channel("x")).Hi("bye")
        """,
    "a property": """
        class Session:
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            @property
            def name(self):
                return self.stub.Hi("name")
        """,
    "what a person has put under it": """
        def install(stub: GreeterStub):
            def reload(number, frame):
                with grpc.blocking():
                    stub.Hi("reload")

            signal.signal(signal.SIGHUP, reload)
            signal.signal(signal.SIGHUP, grpc.blocking()(reload))
        """,
}


@pytest.mark.parametrize(("rule", "body"), SCOPED.values(), ids=SCOPED.keys())
def test_it_makes_its_calls_in_their_sync_form(rule: str, body: str) -> None:
    after = with_client(body)
    assert {rule} <= set(rewritten(sync_form(after), after)) <= {rule, "GB706"}


@pytest.mark.parametrize("body", AS_THEY_ARE.values(), ids=AS_THEY_ARE.keys())
def test_it_needs_no_such_word(body: str) -> None:
    _, after = run(with_client(body).replace("async ", "").replace("await ", ""))
    assert after["app.py"] == textwrap.dedent(with_client(body)).lstrip("\n")


def test_a_program_without_a_loop_needs_none() -> None:
    source = """
        import grpc

        from greet_pb2_grpc import GreeterStub


        class Session:
            def __init__(self, stub: GreeterStub):
                self.stub = stub

            def __del__(self):
                self.stub.Hi("bye")
        """
    assert unchanged(source) == ["GB714"]


BLOCKING = """
import grpc_bridge as grpc

from greet_pb2_grpc import GreeterStub


def fetch(stub: GreeterStub):
    return stub.Hi(1)


{}def use(stub: GreeterStub):
    {}
        return stub.Hi(2), fetch(stub)
"""


@pytest.mark.parametrize(
    ("above", "around"),
    [("", "with grpc.blocking():"), ("@grpc.blocking()\n", "if stub:"), ("async ", "with grpc.blocking():")],
    ids=["with", "decorator", "in a coroutine"],
)
def test_what_asks_for_the_sync_form_keeps_it(above: str, around: str) -> None:
    """An await there would wait for the reply itself; what is called there stays as it is, too."""
    assert set(unchanged(BLOCKING.format(above, around))) <= {"GB706", "GB711"}


def test_beside_it_a_coroutine_awaits() -> None:
    rewritten(
        """
        import grpc_bridge as grpc

        from greet_pb2_grpc import GreeterStub


        async def use(stub: GreeterStub):
            with grpc.blocking():
                stub.Hi(1)
            stub.Hi(2)
        """,
        """
        import grpc_bridge as grpc

        from greet_pb2_grpc import GreeterStub


        async def use(stub: GreeterStub):
            with grpc.blocking():
                stub.Hi(1)
            await stub.Hi(2)
        """,
    )
