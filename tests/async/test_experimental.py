"""What `grpc.experimental` has, on our channels and servers."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable
from typing import Any

import grpc.experimental
import pytest

import grpc_bridge
from grpc_bridge import experimental

from ..conftest import LOOPBACK, PATIENCE, AsyncEcho, Echo, Start, serving_here, stub_of
from ..protos import exchange_pb2_grpc
from ..protos.exchange_pb2 import Reply, Request
from ..sync_parity.certs import read

SERVICE = "grpc_bridge.testing.Exchange"


async def test_simple_stubs_call_our_server_from_a_thread() -> None:
    def use(target: str) -> list[Any]:
        common: dict[str, Any] = {
            "request_serializer": Request.SerializeToString,
            "response_deserializer": Reply.FromString,
            "insecure": True,
            "timeout": PATIENCE,
        }
        method = f"/{SERVICE}/"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", experimental.ExperimentalApiWarning)
            return [
                experimental.unary_unary(Request(text="a"), target, method + "Ask", **common).text,
                [
                    r.number
                    for r in experimental.unary_stream(Request(number=2), target, method + "Watch", **common)
                ],
                experimental.stream_unary(
                    iter([Request(number=2)]), target, method + "Collect", **common
                ).number,
                [
                    r.number
                    for r in experimental.stream_stream(
                        iter([Request(number=2)]), target, method + "Talk", **common
                    )
                ],
            ]

    async with serving_here() as target:
        assert await asyncio.to_thread(use, target) == ["A", [0, 1], 2, [4]]


async def test_a_method_handler_may_be_wrapped(serve_methods: Callable[..., Any]) -> None:
    seen: list[Request] = []

    def wrapper(behavior: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(request: Request, context: Any) -> Any:
            seen.append(request)
            return behavior(request, context)

        return wrapped

    for servicer in (Echo(), AsyncEcho()):
        ask = grpc_bridge.unary_unary_rpc_method_handler(
            servicer.Ask, Request.FromString, Reply.SerializeToString
        )
        watch = grpc_bridge.unary_stream_rpc_method_handler(
            servicer.Watch, Request.FromString, Reply.SerializeToString
        )
        stub = await serve_methods(
            Ask=experimental.wrap_server_method_handler(wrapper, ask),
            Watch=experimental.wrap_server_method_handler(wrapper, watch),
        )
        assert (await stub.Ask(Request(text="a"), timeout=PATIENCE)).text == "A"
        call = stub.Watch(Request(number=2), timeout=PATIENCE)
        assert [reply.number async for reply in call] == [0, 1]
    assert len(seen) == 4


@pytest.fixture
async def serve_methods() -> Any:
    servers: list[Any] = []
    channels: list[Any] = []

    async def serve(**handlers: Any) -> Any:
        server = grpc_bridge.server()
        server.add_registered_method_handlers(SERVICE, handlers)
        port = server.add_insecure_port(LOOPBACK)
        await server.start()
        servers.append(server)
        channels.append(grpc_bridge.insecure_channel(f"127.0.0.1:{port}"))
        return stub_of(channels[-1])

    yield serve
    for channel in channels:
        await channel.close()
    for server in servers:
        await asyncio.wait_for(server.stop(None).wait_async(), PATIENCE)


async def test_a_channel_may_ask_for_single_threaded_streams(grpcio_server: Start) -> None:
    options = ((experimental.ChannelOptions.SingleThreadedUnaryStream, 1),)
    async with grpc_bridge.insecure_channel(grpcio_server(), options) as channel:
        stub = stub_of(channel)
        assert [reply.number async for reply in stub.Watch(Request(number=3), timeout=PATIENCE)] == [0, 1, 2]

        def in_thread() -> list[int]:
            call = stub.Watch(Request(number=3), timeout=PATIENCE)
            with pytest.raises(experimental.UsageError):
                call.code()  # it would wait, and nobody else reads this call
            return [reply.number for reply in call]

        assert await asyncio.to_thread(in_thread) == [0, 1, 2]


async def test_insecure_credentials_make_a_plain_channel(grpcio_server: Start) -> None:
    credentials = experimental.insecure_channel_credentials()
    async with grpc_bridge.secure_channel(grpcio_server(), credentials) as channel:
        stub = stub_of(channel)
        assert (await stub.Ask(Request(text="async"), timeout=PATIENCE)).text == "ASYNC"
        reply = await asyncio.to_thread(stub.Ask, Request(text="sync"), timeout=PATIENCE)
        assert reply.text == "SYNC"


@pytest.mark.skipif(
    not hasattr(experimental, "ssl_channel_credentials_with_custom_signer"),
    reason="this grpcio has no custom signers",
)
async def test_a_custom_signer_signs_for_calls_of_both_colours() -> None:
    pytest.importorskip("cryptography", reason="cryptography is not installed")
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(read("client.key"), None)
    loops: list[object] = []

    def sign(data: bytes, algorithm: int, on_complete: Any) -> bytes:  # noqa: ARG001
        loops.append(asyncio._get_running_loop())
        return _signature(key, data, algorithm)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", experimental.ExperimentalApiWarning)
        credentials = experimental.ssl_channel_credentials_with_custom_signer(
            private_key_sign_fn=sign,
            root_certificates=read("ca.pem"),
            certificate_chain=read("client.pem"),
        )
    server = grpc_bridge.server()
    exchange_pb2_grpc.add_ExchangeServicer_to_server(AsyncEcho(), server)
    pair = read("server.key"), read("server.pem")
    port = server.add_secure_port(
        LOOPBACK, grpc.ssl_server_credentials([pair], read("ca.pem"), require_client_auth=True)
    )
    await server.start()
    options = (("grpc.ssl_target_name_override", "server.test"),)
    async with grpc_bridge.secure_channel(f"127.0.0.1:{port}", credentials, options) as channel:
        assert (await stub_of(channel).Ask(Request(text="a"), timeout=PATIENCE)).text == "A"
        reply = await asyncio.to_thread(stub_of(channel).Ask, Request(text="b"), timeout=PATIENCE)
        assert reply.text == "B"
    await asyncio.wait_for(server.stop(None).wait_async(), PATIENCE)
    assert set(loops) == {None}, "the signer ran on the loop's thread"


def _signature(key: Any, data: bytes, algorithm: int) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding

    name = experimental.PrivateKeySignatureAlgorithm(algorithm).name
    digest = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}[name[-3:]]()
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(digest))
    if "PSS" in name:
        signing: Any = padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH)
    else:
        signing = padding.PKCS1v15()
    return key.sign(data, signing, digest)
