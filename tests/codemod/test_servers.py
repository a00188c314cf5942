"""Servers, servicers and their contexts."""

from __future__ import annotations

import pytest

from .tool import rewritten, unchanged

HEADER = """\
import grpc

import greet_pb2_grpc


class Greeter(greet_pb2_grpc.GreeterServicer):
"""


def servicer(*methods: str) -> str:
    text = "\n\n".join(methods)
    indented = "".join(f"    {line}\n" if line else "\n" for line in text.split("\n"))
    return (
        HEADER
        + "    def __init__(self):\n        self.peer = greet_pb2_grpc.GreeterStub(None)\n\n"
        + indented
    )


def swapped(*methods: str) -> str:
    return servicer(*methods).replace("import grpc\n", "import grpc_bridge as grpc\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "def Hi(self, request, context):\n    return self.peer.Hi(request)",
            "async def Hi(self, request, context):\n    return await self.peer.Hi(request)",
        ),
        (
            "def Sum(self, request_iterator, context):\n    return sum(r.n for r in request_iterator)",
            "async def Sum(self, request_iterator, context):\n"
            "    return sum([r.n async for r in request_iterator])",
        ),
        (
            "def Chat(self, request_iterator, context):\n    for r in request_iterator:\n        yield r",
            "async def Chat(self, request_iterator, context):\n"
            "    async for r in request_iterator:\n        yield r",
        ),
        (
            "def Sum(self, requests, context):\n    first = next(requests)\n    return first",
            "async def Sum(self, requests, context):\n    first = await anext(requests)\n    return first",
        ),
        (
            "def Many(self, request, context):\n    yield from self.peer.Many(request)",
            "async def Many(self, request, context):\n"
            "    async for item in self.peer.Many(request):\n        yield item",
        ),
        (
            "def Hi(self, request, context):\n    self.peer.Hi(1)\n    context.abort(1, 'no')",
            "async def Hi(self, request, context):\n    await self.peer.Hi(1)\n"
            "    await context.abort(1, 'no')",
        ),
        (
            "def Hi(self, request, context):\n    context.set_code(1)\n"
            "    return self.peer.Hi(context.peer())",
            "async def Hi(self, request, context):\n"
            "    context.set_code(1)\n    return await self.peer.Hi(context.peer())",
        ),
        (
            "def Chat(self, request_iterator, context):\n"
            "    for r in self.each(request_iterator):\n        yield r\n\n"
            "def each(self, requests):\n    for r in requests:\n        yield r",
            "async def Chat(self, request_iterator, context):\n"
            "    async for r in self.each(request_iterator):\n        yield r\n\n"
            "async def each(self, requests):\n    async for r in requests:\n        yield r",
        ),
    ],
)
def test_a_handler_that_waits(before: str, after: str) -> None:
    assert rewritten(servicer(before), swapped(after)) == []


@pytest.mark.parametrize(
    "method",
    [
        "def Hi(self, request, context):\n    return request",
        "def Hi(self, request, context):\n    context.abort(1, 'no')",
        "def Many(self, request, context):\n    for n in range(3):\n        yield n",
        "def Chat(self, request_iterator, context):\n    return self.peer.Chat(request_iterator)",
        "def helper(self, request_iterator, context):\n    for r in request_iterator:\n        print(r)",
        "def Hi(self, request, context):\n    time.sleep(1)\n    return context.invocation_metadata()",
    ],
)
def test_a_handler_that_does_not_wait_stays(method: str) -> None:
    assert unchanged(servicer(method)) == []


def test_the_handler_of_a_subclass_changes_with_its_base() -> None:
    rewritten(
        servicer("def Hi(self, request, context):\n    return request")
        + "\n\nclass Relay(Greeter):\n"
        + "    def Hi(self, request, context):\n        return self.peer.Hi(request)\n",
        swapped("async def Hi(self, request, context):\n    return request")
        + "\n\nclass Relay(Greeter):\n"
        + "    async def Hi(self, request, context):\n        return await self.peer.Hi(request)\n",
    )


def test_a_servicer_known_by_how_it_is_registered() -> None:
    rewritten(
        """
        import greet_pb2_grpc


        class Greeter:
            def Sum(self, numbers, context):
                return sum(n for n in numbers)


        def register(server):
            greet_pb2_grpc.add_GreeterServicer_to_server(Greeter(), server)
        """,
        """
        import greet_pb2_grpc


        class Greeter:
            async def Sum(self, numbers, context):
                return sum([n async for n in numbers])


        def register(server):
            greet_pb2_grpc.add_GreeterServicer_to_server(Greeter(), server)
        """,
    )


def test_a_server_from_start_to_end() -> None:
    rewritten(
        """
        import time
        from concurrent import futures

        import grpc


        def serve():
            server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
            server.add_insecure_port("[::]:0")
            server.start()
            try:
                while True:
                    time.sleep(86400)
            except KeyboardInterrupt:
                server.stop(0)


        def serve_for(seconds):
            server = grpc.server(None)
            server.start()
            server.wait_for_termination(timeout=seconds)
            server.stop(grace=1).wait()


        if __name__ == "__main__":
            serve()
        """,
        """
        import asyncio
        from concurrent import futures

        import grpc_bridge as grpc


        async def serve():
            server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
            server.add_insecure_port("[::]:0")
            await server.start()
            try:
                while True:
                    await asyncio.sleep(86400)
            except KeyboardInterrupt:
                await server.stop(0)


        async def serve_for(seconds):
            server = grpc.server(None)
            await server.start()
            await server.wait_for_termination(timeout=seconds)
            await server.stop(grace=1)


        if __name__ == "__main__":
            asyncio.run(serve())
        """,
    )


def test_the_event_of_a_stop_is_waited_for_where_it_was() -> None:
    rewritten(
        """
        import grpc


        def stop_both(first: grpc.Server, second: grpc.Server):
            one = first.stop(5)
            two = second.stop(5)
            one.wait()
            two.wait(3)
        """,
        """
        import grpc_bridge as grpc


        async def stop_both(first: grpc.Server, second: grpc.Server):
            one = first.stop(5)
            two = second.stop(5)
            await one
            await two.wait(3)
        """,
    )


def test_starting_a_server_does_not_wait() -> None:
    assert (
        unchanged(
            """
            import grpc


            def make(pool):
                server = grpc.server(pool)
                server.start()
                return server
            """
        )
        == []
    )


def test_a_fake_context_is_not_awaited() -> None:
    source = """
        import greet_pb2_grpc


        class FakeContext:
            def abort(self, code, details):
                raise ValueError(details)


        class Greeter(greet_pb2_grpc.GreeterServicer):
            def Sum(self, request_iterator, context):
                for r in request_iterator:
                    context.abort(1, "no")


        def check():
            Greeter().Hi(1, FakeContext())
        """
    after = source.replace("def Sum", "async def Sum").replace("for r in", "async for r in")
    rewritten(source, after.replace("context.abort(1", "await context.abort(1"))


def test_an_interceptor_stays() -> None:
    found = unchanged(
        """
        import grpc

        from greet_pb2_grpc import GreeterStub


        class Auth(grpc.UnaryUnaryClientInterceptor):
            def __init__(self, channel):
                self._stub = GreeterStub(channel)

            def intercept_unary_unary(self, continuation, details, request):
                token = self._stub.Hi(1)
                return continuation(details, (request, token))
        """
    )
    assert found == ["GB708"]
