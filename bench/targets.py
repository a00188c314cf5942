"""What is to be reached, and what of it a run has reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Target:
    """A bound on the median of a contender's ratio, or of a figure itself."""

    what: str
    against: str
    case: str
    """The key of the case that shows it."""
    contender: str
    figure: str
    """The name of the figure, or `cpu`."""
    bound: float
    sense: Literal["at least", "at most"] = "at least"
    absolute: bool = False
    """The figure itself is bounded, in the unit that `against` names, and not its ratio."""


@dataclass(frozen=True)
class Verdict:
    target: Target
    median: float | None = None
    low: float | None = None
    high: float | None = None
    in_futures: float | None = None
    """Of our layers: the median ratio to an empty future's round trip."""
    missing: str = ""
    """Why there is no median."""

    @property
    def met(self) -> bool | None:
        """None where nothing was measured."""
        if self.median is None:
            return None
        if self.target.sense == "at least":
            return self.median >= self.target.bound
        return self.median <= self.target.bound


def _target(what: str, against: str, case: str, contender: str, bound: float) -> Target:
    return Target(what, against, case, contender, "rate", bound)


_CLIENT, _AIO_CLIENT = "grpc_bridge async client", "grpc.aio client, same server"
_SERVER, _AIO_SERVER = "grpc_bridge, async handler", "grpc.aio.server"
_BOTH, _AIO = "grpc_bridge async, both ends", "grpc.aio, both ends"
_LAYERS = (
    "client, concurrency 1",
    "client, concurrency 64",
    "server, concurrency 1",
    "server, concurrency 64",
)


def _layer(row: str) -> Target:
    return Target(
        f"our layers, unary, {row}", "us", "layers/unary", row, "time", 10.0, "at most", absolute=True
    )


TARGETS = (
    _target("async client, unary, concurrency 1", _AIO_CLIENT, "unary-client/1", _CLIENT, 1.2),
    _target("async client, unary, concurrency 16", _AIO_CLIENT, "unary-client/16", _CLIENT, 1.1),
    _target("async client, unary, concurrency 128", _AIO_CLIENT, "unary-client/128", _CLIENT, 1.1),
    _target("async server, unary, concurrency 1", _AIO_SERVER, "unary-server/1", _SERVER, 1.3),
    _target("async server, unary, concurrency 64", _AIO_SERVER, "unary-server/64", _SERVER, 2.5),
    Target("async server, CPU per RPC at 64", _AIO_SERVER, "unary-server/64", _SERVER, "cpu", 0.5, "at most"),
    _target("both ends ours, unary at 64", _AIO, "unary-both/64", _BOTH, 2.0),
    _target("server streaming, messages/s", _AIO, "streaming/receive", _BOTH, 1.5),
    _target("client streaming, messages/s", _AIO, "streaming/send", _BOTH, 1.5),
    _target("ping-pong, messages/s", _AIO, "streaming/exchange", _BOTH, 1.5),
    _target("sync call through the bridge", "grpcio sync", "unary-client/1", "grpc_bridge sync client", 0.97),
    _target(
        "sync handlers on our server, 16 threads",
        "grpc.server",
        "unary-server/64",
        "grpc_bridge, sync handler",
        1.0,
    ),
    Target("10,000 idle streams, memory per stream", _AIO_SERVER, "idle", _SERVER, "memory", 0.8, "at most"),
    Target("codemod, whole run, cold", "its floor", "codemod", "codemod, cold", "time", 2.0, "at most"),
    Target("codemod, whole run, cached", "its floor", "codemod", "codemod, cached", "time", 1.3, "at most"),
    *map(_layer, _LAYERS),
)


def verdict(target: Target, found: Mapping[str, Any]) -> Verdict:
    """How a run (the JSON of a bench) stands to a target."""
    contenders = {
        (case["key"], contender["name"]): contender
        for scenario in found["scenarios"]
        for case in scenario["cases"]
        for contender in case["contenders"]
    }
    contender = contenders.get((target.case, target.contender))
    if contender is None:
        return Verdict(target, missing="not in this run")
    for problem in ("absent", "failed"):
        if problem in contender:
            return Verdict(target, missing=f"{problem}: {contender[problem]}")
    values = contender["figures"] if target.absolute else contender.get("ratios", {})
    spread = values.get(target.figure)
    if spread is None:
        return Verdict(target, missing=f"{target.against} was not measured")
    futures = contender["ratios"][target.figure]["median"] if target.absolute else None
    return Verdict(target, spread["median"], spread["low"], spread["high"], futures)
