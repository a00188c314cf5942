"""A name that needs no change is the same object on grpc_bridge as on grpc."""

from __future__ import annotations

import importlib
import inspect

import grpc
import pytest

import grpc_bridge
from grpc_bridge._surface import SURFACE

IN_PLACE_OF_GRPCIO = {
    "insecure_channel",
    "secure_channel",
    "intercept_channel",
    "channel_ready_future",
    "server",
}
_UNCHANGED = sorted(set(grpc.__all__) - IN_PLACE_OF_GRPCIO)


@pytest.mark.parametrize("name", _UNCHANGED)
def test_name_is_the_same_object(name: str) -> None:
    assert getattr(grpc_bridge, name) is getattr(grpc, name)


@pytest.mark.parametrize("name", sorted(IN_PLACE_OF_GRPCIO))
def test_name_is_ours(name: str) -> None:
    assert getattr(grpc_bridge, name) is not getattr(grpc, name)
    assert getattr(grpc_bridge, name).__module__.startswith("grpc_bridge.")


def test_nothing_else_of_grpcio_is_replaced() -> None:
    replaced = {
        name for name in grpc.__all__ if getattr(grpc_bridge, name).__module__.startswith("grpc_bridge.")
    }
    assert replaced == IN_PLACE_OF_GRPCIO
    assert set(grpc.__all__) <= set(grpc_bridge.__all__)


def test_every_name_of_the_table_is_in_grpcio_s_all() -> None:
    assert {row.name for row in SURFACE if not row.owner} <= set(grpc.__all__)


CALLS_WITHOUT_CHANNEL = {"unary_unary", "unary_stream", "stream_unary", "stream_stream"}


def test_experimental_is_grpcio_s_but_for_its_calls() -> None:
    theirs = importlib.import_module("grpc.experimental")
    ours = importlib.import_module("grpc_bridge.experimental")
    assert grpc_bridge.experimental is ours
    theirs_alone = {"aio", "session_cache", "Callable"}  # modules of grpcio's, and what it imports for itself
    names = {name for name in dir(theirs) if not name.startswith("_")} - theirs_alone
    assert {
        name for name in names if getattr(ours, name) is not getattr(theirs, name)
    } == CALLS_WITHOUT_CHANNEL
    for name in CALLS_WITHOUT_CHANNEL:
        assert list(inspect.signature(getattr(ours, name)).parameters) == list(
            inspect.signature(getattr(theirs, name)).parameters
        )
    assert ours.aio is grpc_bridge.aio
    assert not hasattr(ours, "no_such_name")


def test_the_session_cache_is_grpcio_s() -> None:
    theirs = importlib.import_module("grpc.experimental.session_cache")
    ours = importlib.import_module("grpc_bridge.experimental.session_cache")
    assert ours.ssl_session_cache_lru is theirs.ssl_session_cache_lru
    assert grpc_bridge.experimental.session_cache is ours


def test_a_name_that_grpcio_has_not_is_refused() -> None:
    assert not hasattr(grpc_bridge, "no_such_name")
