"""A name that needs no change is the same object on grpc_bridge as on grpc."""

from __future__ import annotations

import importlib

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


def test_modules_of_grpcio_are_reached_through_ours() -> None:
    experimental = importlib.import_module("grpc.experimental")
    assert grpc_bridge.experimental is experimental
    assert not hasattr(grpc_bridge, "no_such_name")
