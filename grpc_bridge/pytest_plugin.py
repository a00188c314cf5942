"""pytest fixtures: a server and a channel that sync tests and async tests share.

Asked for by ``pytest_plugins = ["grpc_bridge.pytest_plugin"]`` in a project's top ``conftest.py``; nothing is
registered for those who do not ask. The project overrides `grpc_services`, and gets `grpc_channel`::

    @pytest.fixture
    def grpc_services():
        return [functools.partial(add_GreeterServicer_to_server, Greeter())]

    @pytest.fixture
    def greeter(grpc_channel):
        return GreeterStub(grpc_channel)

    def test_in_sync_code(greeter):
        assert greeter.Hi(HiRequest()).text == "hi"

    async def test_in_a_coroutine(greeter):
        assert (await greeter.Hi(HiRequest())).text == "hi"

Neither the server nor the channel belongs to a test's event loop: the server runs its coroutines on a loop of
its own, and the channel serves any loop. So it does not matter which plugin runs the async tests, nor whether
each test has a new loop or all share one, nor whether the fixtures outlive the loop (``grpc_fixture_scope``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

import pytest

import grpc_bridge

Scope = Literal["session", "package", "module", "class", "function"]
Service = Callable[[Any], object]

_STOP_SECONDS = 10.0


def pytest_addoption(parser: pytest.Parser) -> None:
    """pytest's hook: the option of its configuration file that says how long the fixtures live."""
    parser.addini(
        "grpc_fixture_scope",
        "how long the server and the channel of grpc_bridge's fixtures live: function (the default), class, "
        "module, package or session",
        default="function",
    )


def _scope(fixture_name: str, config: pytest.Config) -> Scope:  # noqa: ARG001 - pytest names them
    scope: Scope = config.getini("grpc_fixture_scope")
    return scope


@pytest.fixture(scope=_scope)
def grpc_services() -> Iterable[Service]:
    """What the server serves: functions that add a service to the server that they are given. Override it."""
    pytest.fail(
        "the server of grpc_bridge's fixtures has nothing to serve: override the fixture grpc_services, "
        "e.g. with `return [functools.partial(add_GreeterServicer_to_server, Greeter())]`",
        pytrace=False,
    )


@pytest.fixture(scope=_scope)
def grpc_server_arguments() -> Mapping[str, Any]:
    """The arguments of ``grpc_bridge.server``, by name (interceptors, options, ...). May be overridden."""
    return {}


@pytest.fixture(scope=_scope)
def grpc_serve() -> Iterator[Callable[..., str]]:
    """A function that starts a server on loopback and returns its target; it never blocks.

    It takes what `grpc_services` returns, one by one, and by name what ``grpc_bridge.server`` takes. It is
    for tests that need several servers. They are stopped when the fixture ends, and the calls that they
    still serve are cancelled; one that has not stopped after ten seconds fails the test.
    """
    servers: list[Any] = []

    def serve(*services: Service, **arguments: Any) -> str:
        with grpc_bridge.blocking():
            server = grpc_bridge.server(**arguments)
            for add in services:
                add(server)
            port = server.add_insecure_port("127.0.0.1:0")
            server.start()
        servers.append(server)
        return f"127.0.0.1:{port}"

    yield serve
    late = [server for server in servers if not server.stop(0).wait(_STOP_SECONDS)]
    assert not late, f"{len(late)} gRPC servers did not stop in {_STOP_SECONDS:.0f} seconds"


@pytest.fixture(scope=_scope)
def grpc_connect() -> Iterator[Callable[..., Any]]:
    """A function that makes a channel: it takes what ``grpc_bridge.insecure_channel`` takes.

    With ``credentials`` it takes what ``grpc_bridge.secure_channel`` takes. The channels are closed when the
    fixture ends.
    """
    channels: list[Any] = []

    def connect(target: str, credentials: Any = None, **arguments: Any) -> Any:
        if credentials is None:
            channel: Any = grpc_bridge.insecure_channel(target, **arguments)
        else:
            channel = grpc_bridge.secure_channel(target, credentials, **arguments)
        channels.append(channel)
        return channel

    yield connect
    for channel in channels:
        channel.close()


@pytest.fixture(scope=_scope)
def grpc_target(
    grpc_serve: Callable[..., str],
    grpc_services: Iterable[Service],
    grpc_server_arguments: Mapping[str, Any],
) -> str:
    """The address of a running server that serves `grpc_services`."""
    return grpc_serve(*grpc_services, **grpc_server_arguments)


@pytest.fixture(scope=_scope)
def grpc_channel(grpc_connect: Callable[..., Any], grpc_target: str) -> Any:
    """A channel to that server, for sync tests and for async ones."""
    return grpc_connect(grpc_target)
