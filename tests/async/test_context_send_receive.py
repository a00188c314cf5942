"""`context.send`, `context.receive`, and streaming handlers that take their context alone."""

from __future__ import annotations

import asyncio
import functools
import threading
from typing import Any

import grpc
import grpc.aio
import pytest

import grpc_bridge

from ..conftest import PATIENCE, AsyncEcho, Servicer, Start, serving_here, stub_of
from ..protos.exchange_pb2 import Reply, Request
from .test_flow_control import FEW, FIXED_WINDOW

COUNT = 5


def requests(count: int = COUNT) -> list[Request]:
    return [Request(number=number) for number in range(count)]


class InCoroutines(Servicer):
    """As in api-definitions.md: the end of the requests passes, and ends the handler well."""

    async def Talk(self, context):
        while True:
            request = await context.receive()
            await context.send(Reply(number=request.number * 2))

    async def Collect(self, context):
        total = 0
        while True:
            try:
                total += (await context.receive()).number
            except grpc_bridge.EOF:
                return Reply(number=total)

    async def Watch(self, context):
        request = await context.receive()
        for number in range(request.number):
            await context.send(Reply(number=number))


class InThreads(Servicer):
    """The same in plain functions, which block."""

    def Talk(self, context):
        while True:
            context.send(Reply(number=context.receive().number * 2))

    def Collect(self, context):
        total = 0
        while True:
            try:
                total += context.receive().number
            except grpc_bridge.EOF:
                return Reply(number=total)

    def Watch(self, context):
        for number in range(context.receive().number):
            context.send(Reply(number=number))


class Generators(Servicer):
    """Generators of one argument."""

    async def Talk(self, context):
        try:
            while True:
                yield Reply(number=(await context.receive()).number * 2)
        except grpc_bridge.EOF:
            pass

    def Collect(self, context):
        return InThreads.Collect(self, context)

    def Watch(self, context):
        for number in range(context.receive().number):
            yield Reply(number=number)


class WithRequests(Servicer):
    """Handlers of two arguments, as generated code has them, that send and receive."""

    async def Talk(self, request_iterator, context):
        return await InCoroutines.Talk(self, context)

    async def Collect(self, request_iterator, context):
        return await InCoroutines.Collect(self, context)

    def Watch(self, request, context):
        for number in range(request.number):
            context.send(Reply(number=number))
        return ()  # as grpcio wants it of a function: None would be an error if it had sent nothing


class Odd(Servicer):
    """Other callables, with other signatures."""

    def __init__(self) -> None:
        self.Talk = functools.partial(self._talk, 2)
        self.Collect = lambda context: InThreads.Collect(self, context)
        self.Watch = self._Watch()

    async def _talk(self, factor, context, *, offset=0):
        while True:
            await context.send(Reply(number=(await context.receive()).number * factor + offset))

    class _Watch:
        async def __call__(self, context):
            await InCoroutines.Watch(None, context)  # type: ignore[arg-type]


SERVICERS = [InCoroutines, InThreads, Generators, WithRequests, Odd]


@pytest.mark.parametrize("start", ["from sync code", "in a coroutine"])
@pytest.mark.parametrize("interceptors", [(), "passes"], ids=["bare", "intercepted"])
@pytest.mark.parametrize("servicer_class", SERVICERS)
async def test_a_handler_sends_and_receives(
    servicer_class: Any, interceptors: Any, start: str, bridge_server: Start
) -> None:
    options = {"interceptors": [Wraps()] if interceptors else ()}

    async def check(target: str) -> None:
        async with grpc_bridge.insecure_channel(target) as channel:
            stub = stub_of(channel)
            for count in (COUNT, 0, 1):
                doubled = [reply.number async for reply in stub.Talk(requests(count), timeout=PATIENCE)]
                assert doubled == [2 * number for number in range(count)]
                total = await stub.Collect(requests(count), timeout=PATIENCE)
                assert total.number == sum(range(count))
                watched = [
                    reply.number async for reply in stub.Watch(Request(number=count), timeout=PATIENCE)
                ]
                assert watched == list(range(count))

    if start == "from sync code":
        await check(bridge_server(servicer_class(), **options))
    else:
        async with serving_here(servicer_class(), **options) as target:
            await check(target)


class Wraps(grpc.ServerInterceptor):
    """Wraps every handler, with the two arguments that all handlers have."""

    def intercept_service(self, continuation, handler_call_details):
        handler = continuation(handler_call_details)
        kinds = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
        kind = next(kind for kind in kinds if getattr(handler, kind))
        behavior = getattr(handler, kind)
        return handler._replace(**{kind: lambda request, context: behavior(request, context)})


# ---- the end -----------------------------------------------------------------------------------------


class Ends(Servicer):
    async def Talk(self, context):
        await context.receive()
        context.set_code(grpc.StatusCode.OUT_OF_RANGE)
        context.set_details("no more")
        while True:
            await context.receive()

    async def Collect(self, context):
        while True:
            await context.receive()  # one response is due, and none comes


async def test_how_a_handler_ends_that_lets_eof_pass() -> None:
    async with serving_here(Ends()) as target, grpc_bridge.insecure_channel(target) as channel:
        call = stub_of(channel).Talk(requests())
        assert (await call.code(), await call.details()) == (grpc.StatusCode.OUT_OF_RANGE, "no more")
        assert await stub_of(channel).Collect.future(requests()).code() == grpc.StatusCode.UNKNOWN


class Asks(AsyncEcho):
    """Its unary handler asks for what is not there."""

    def __init__(self) -> None:
        self.raised: list[Any] = []

    async def Ask(self, request, context):
        try:
            await context.receive()
        except grpc_bridge.EOF as error:
            self.raised.append(type(error))
        try:
            await context.send(Reply())
        except grpc.aio.UsageError as error:
            self.raised.append(type(error))
        return Reply(text="done")


async def test_a_unary_handler_has_its_request_already_and_returns_its_response() -> None:
    servicer = Asks()
    async with serving_here(servicer) as target, grpc_bridge.insecure_channel(target) as channel:
        assert (await stub_of(channel).Ask(Request())).text == "done"
    assert servicer.raised == [grpc_bridge.EOF, grpc.aio.UsageError]


class Waits(Servicer):
    """Waits for a request that does not come; tells how the wait ended."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.ended: list[type] = []
        self.over = threading.Semaphore(0)

    def Collect(self, context):
        self.entered.release()
        try:
            context.receive()
        except BaseException as error:
            self.ended.append(type(error))
            raise
        finally:
            self.over.release()

    async def Talk(self, context):
        self.entered.release()
        try:
            await context.receive()
        except BaseException as error:
            self.ended.append(type(error))
            raise
        finally:
            self.over.release()


@pytest.mark.parametrize(("method", "error"), [("Collect", grpc.RpcError), ("Talk", asyncio.CancelledError)])
async def test_a_cancelled_client_ends_the_wait(method: str, error: type, bridge_server: Start) -> None:
    servicer = Waits()
    async with grpc_bridge.insecure_channel(bridge_server(servicer)) as channel:
        call = getattr(stub_of(channel), method)()
        assert await asyncio.to_thread(servicer.entered.acquire, timeout=PATIENCE)
        call.cancel()
        assert await asyncio.to_thread(servicer.over.acquire, timeout=PATIENCE)
        # C-core may tell of the end of the requests before it tells why they have ended.
        assert servicer.ended[0] in (error, grpc_bridge.EOF)


# ---- order, and backpressure -------------------------------------------------------------------------


class SendsAtOnce(Servicer):
    """Many senders at a time, in both colours, and a handler that returns before they have been sent."""

    async def Talk(self, context):
        await asyncio.gather(*(context.send(Reply(number=number)) for number in range(100)))
        tasks = [asyncio.ensure_future(context.write(Reply(number=number))) for number in range(100, 200)]
        await asyncio.sleep(0)  # they have begun, and wait
        assert not all(task.done() for task in tasks)

    def Watch(self, request, context):
        meeting = threading.Barrier(10)

        def send(sender: int) -> None:
            meeting.wait(PATIENCE)
            for number in range(10):
                context.send(Reply(number=sender * 10 + number))

        threads = [threading.Thread(target=send, args=(sender,)) for sender in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)


async def test_concurrent_sends_queue_in_order(bridge_server: Start) -> None:
    async with grpc_bridge.insecure_channel(bridge_server(SendsAtOnce())) as channel:
        stub = stub_of(channel)
        assert [reply.number async for reply in stub.Talk([])] == list(range(200))
        numbers = [reply.number async for reply in stub.Watch(Request())]
        assert sorted(numbers) == list(range(100))
        for sender in range(10):
            assert [number for number in numbers if number // 10 == sender] == list(
                range(sender * 10, sender * 10 + 10)
            )


class GivesUp(Servicer):
    """Cancels a send that waits between others, and a read that waits; goes on afterwards."""

    def __init__(self) -> None:
        self.sent: list[int] = []

    async def Talk(self, context):
        payload = bytes(1 << 20)
        sending: list[asyncio.Future[None]] = []
        for first in range(0, 300, 3):
            three = range(first, first + 3)
            sends = [
                asyncio.ensure_future(context.send(Reply(number=number, payload=payload))) for number in three
            ]
            await asyncio.sleep(0)
            # The transport may have taken all of them already.
            if given_up := sends[1].cancel():
                with pytest.raises(asyncio.CancelledError):
                    await sends.pop(1)
            sending += sends
            self.sent += three[::2] if given_up else three
            if given_up:
                break
        else:
            pytest.fail("no send has waited")
        for _ in range(3):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(context.receive(), 0.001)
        await context.send(Reply(number=1000))
        await asyncio.gather(*sending)
        received = (await context.receive()).number
        await context.send(Reply(number=received))


async def test_what_gives_up_waiting_harms_nothing_else(bridge_server: Start) -> None:
    servicer = GivesUp()
    async with grpc_bridge.insecure_channel(
        bridge_server(servicer), options=(("grpc.max_receive_message_length", -1),)
    ) as channel:
        call = stub_of(channel).Talk()
        heard = [(await call.receive()).number]
        while heard[-1] != 1000:
            heard.append((await call.receive()).number)
        assert heard == [*servicer.sent, 1000]
        await call.send(Request(number=77))
        assert (await call.receive()).number == 77
        with pytest.raises(grpc_bridge.EOF):
            await call.receive()


class Floods(Servicer):
    """Counts what it has sent to a client that does not read."""

    def __init__(self) -> None:
        self.sent = 0

    async def Talk(self, context):
        payload = bytes(1 << 16)
        while True:
            await context.send(Reply(payload=payload))
            self.sent += 1


async def test_a_sender_that_outruns_its_reader_waits() -> None:
    servicer = Floods()
    async with (
        serving_here(servicer) as target,
        grpc_bridge.insecure_channel(target, FIXED_WINDOW) as channel,
    ):
        call = stub_of(channel).Talk()
        await call.receive()
        before = -1
        while before != servicer.sent:
            before = servicer.sent
            for _ in range(20):  # other RPCs go on meanwhile
                await channel.unary_unary("/no.Such/Method")(b"").code()
        assert servicer.sent < FEW
        for _ in range(before):
            await call.receive()
        call.cancel()
