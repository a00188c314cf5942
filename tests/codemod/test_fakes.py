"""Fakes of stubs become asynchronous with what takes them for a stub."""

from __future__ import annotations

from .tool import rewritten, rules, run

CLIENT = """
    import threading

    import grpc
    from greet_pb2_grpc import GreeterStub


    class Client:
        def __init__(self, stub):
            self.stub = stub

        def hi(self):
            return self.stub.Hi("hi")

        def many(self):
            return [reply for reply in self.stub.Many("hi")]


    class FakeStub:
        def Hi(self, request):
            return request

        def Many(self, request):
            yield request

        def helper(self):
            return 1
"""


def test_a_fake_awaits_nothing_and_is_awaited() -> None:
    rewritten(
        CLIENT
        + """

    def test_hi():
        fake = Client(FakeStub())
        assert fake.hi() == fake.many()[0]


    def main(channel):
        client = Client(GreeterStub(channel))
        print(client.hi(), client.many())
""",
        """
    import threading

    import grpc_bridge as grpc
    from greet_pb2_grpc import GreeterStub


    class Client:
        def __init__(self, stub):
            self.stub = stub

        async def hi(self):
            return await self.stub.Hi("hi")

        async def many(self):
            return [reply async for reply in self.stub.Many("hi")]


    class FakeStub:
        async def Hi(self, request):
            return request

        async def Many(self, request):
            yield request

        def helper(self):
            return 1


    async def test_hi():
        fake = Client(FakeStub())
        assert await fake.hi() == (await fake.many())[0]


    async def main(channel):
        client = Client(GreeterStub(channel))
        print(await client.hi(), await client.many())
""",
    )


def test_a_fake_that_only_threads_use_stays() -> None:
    source = (
        CLIENT
        + """

    def main(channel):
        threading.Thread(target=Client(GreeterStub(channel)).hi).start()
        threading.Thread(target=Client(FakeStub()).hi).start()
"""
    )
    result, after = run(source)
    assert "def Hi(self, request):" in after["app.py"]
    assert "async def Hi" not in after["app.py"]
    assert rules(result) == ["GB703", "GB706"]


def test_a_fake_that_gives_a_list_for_a_stream_keeps_its_reader() -> None:
    source = CLIENT.replace("yield request", "return [request]") + (
        """

    def main(channel):
        print(Client(GreeterStub(channel)).many(), Client(FakeStub()).many())
"""
    )
    result, after = run(source)
    assert "return [reply for reply in self.stub.Many" in after["app.py"]
    assert "async def many" not in after["app.py"]
    assert "GB706" in rules(result)
