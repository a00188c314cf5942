"""Which targets are spoken to in plaintext."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import grpc
import pytest

import grpc_bridge
from grpc_bridge._target import is_local

from ..conftest import LOOPBACK, PATIENCE, until


@pytest.mark.parametrize(
    "target",
    [
        "localhost:50051",
        "LocalHost:50051",
        "localhost",
        "dns:localhost:50051",
        "dns:///localhost:50051",
        "dns://8.8.8.8/localhost:50051",
        "127.0.0.1:50051",
        "127.9.8.7:1",
        "ipv4:127.0.0.1:50051",
        "ipv4:127.0.0.1:50051,127.0.0.2:50052",
        "[::1]:50051",
        "::1",
        "[::ffff:127.0.0.1]:1",
        "ipv6:[::1]:50051",
        "ipv6:%5B::1%5D:50051",
        "passthrough:///localhost:1",
        "unix:relative.sock",
        "unix:///tmp/absolute.sock",
        "unix-abstract:name",
    ],
)
def test_local(target: str) -> None:
    assert is_local(target)


@pytest.mark.parametrize(
    "target",
    [
        "example.com:443",
        "localhost.example.com:443",
        "notlocalhost:1",
        "127.0.0.1.example.com:1",
        "dns:///example.com",
        "dns://127.0.0.1/example.com",
        "dns://localhost/example.com:1",
        "10.0.0.1:50051",
        "128.0.0.1:1",
        "0.0.0.0:1",
        "ipv4:127.0.0.1:1,10.0.0.1:1",
        "[2001:db8::1]:1",
        "[::]:1",
        "[::ffff:10.0.0.1]:1",
        "xds:///localhost:1",
        "vsock:1:2",
        "localhost:1,example.com:1",
        "localhost:1/path",
        "user@localhost:1",
    ],
)
def test_not_local(target: str) -> None:
    assert not is_local(target)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A key and a certificate for localhost, made here."""
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -days 2 -subj /CN=localhost"
    subprocess.run(
        [*command.split(), "-addext", "subjectAltName=DNS:localhost"],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=PATIENCE,
    )
    return (folder / "key").read_bytes(), (folder / "cert").read_bytes()


class FirstBytes(asyncio.Protocol):
    """What a client says first."""

    def __init__(self, seen: list[bytes]) -> None:
        self.seen = seen

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.seen.append(data)
        self.transport.close()


TLS_HANDSHAKE = 0x16


@pytest.mark.parametrize(
    ("host", "insecure", "plain"),
    [
        ("localhost", None, True),
        ("localhost", True, True),
        ("localhost", False, False),
        # Not loopback by its name, and yet this machine: 0.0.0.0 connects to it.
        ("0.0.0.0", None, False),
        ("0.0.0.0", True, True),
    ],
)
async def test_what_goes_over_the_wire(chat: Any, host: str, insecure: bool | None, plain: bool) -> None:
    seen: list[bytes] = []
    server = await asyncio.get_running_loop().create_server(lambda: FirstBytes(seen), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        call = chat.Say.future(f"{host}:{port}", chat.Word(), insecure=insecure, timeout=PATIENCE)
        await until(lambda: seen)
        call.cancel()
    assert seen[0].startswith(b"PRI * HTTP/2.0") is plain
    assert (seen[0][0] == TLS_HANDSHAKE) is not plain


async def test_credentials_are_used(chat: Any, certificate: tuple[bytes, bytes]) -> None:
    class Servicer(chat.ChatServicer):  # type: ignore[misc, name-defined]
        async def Say(self, request, context):
            return chat.Phrase(text=context.auth_context()["transport_security_type"][0].decode())

    server = grpc_bridge.server()
    chat.add_ChatServicer_to_server(Servicer(), server)
    port = server.add_secure_port(LOOPBACK, grpc.ssl_server_credentials([certificate]))
    await server.start()
    credentials = grpc.ssl_channel_credentials(certificate[1])
    try:
        reply = await chat.Say(f"localhost:{port}", chat.Word(), credentials=credentials, timeout=PATIENCE)
        assert reply.text == "ssl"
        with pytest.raises(grpc.RpcError) as caught:
            await chat.Say(f"localhost:{port}", chat.Word(), insecure=False, timeout=PATIENCE)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE  # nobody has signed that certificate
    finally:
        await server.stop(None)


async def test_a_unix_socket_is_plaintext(chat: Any, tmp_path: Path) -> None:
    class Servicer(chat.ChatServicer):  # type: ignore[misc, name-defined]
        async def Say(self, request, context):
            return chat.Phrase(text=context.peer())

    server = grpc_bridge.server()
    chat.add_ChatServicer_to_server(Servicer(), server)
    target = f"unix:{tmp_path}/socket"
    server.add_insecure_port(target)
    await server.start()
    try:
        assert (await chat.Say(target, chat.Word(), timeout=PATIENCE)).text.startswith("unix:")
        reply = await asyncio.to_thread(chat.Say, target, chat.Word(), timeout=PATIENCE)
        assert reply.text.startswith("unix:")
    finally:
        await server.stop(None)
