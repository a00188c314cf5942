"""Who is compared: processes that work, and what each is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .measure import Sample
from .workers import Worker

# Seconds of work, at most, before the first sample.
_WARM_UP = 0.3


class SharedServer:
    """A server process that starts with its first user and stops with its last."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._arguments = list(arguments)
        self._users = 0
        self._worker: Worker | None = None

    def acquire(self) -> int:
        self._users += 1
        if self._worker is None:
            self._worker = Worker("bench.servers", self._arguments)
        port: int = self._worker.hello["port"]
        return port

    def cpu(self) -> float:
        used: float = self.ask()["cpu"]
        return used

    def ask(self) -> dict[str, Any]:
        assert self._worker is not None
        return self._worker.ask()

    @property
    def process(self) -> int:
        assert self._worker is not None
        return self._worker.process

    def release(self) -> None:
        self._users -= 1
        if self._users == 0 and self._worker is not None:
            self._worker.stop()
            self._worker = None


class RpcContender:
    """A client process that drives a server process, both ends' CPU measured.

    `server` may be shared by several contenders: then each names the same `SharedServer`.
    """

    def __init__(
        self,
        name: str,
        client: Sequence[str],
        server: SharedServer,
        against: str | None,
        load: Mapping[str, Any],
    ) -> None:
        self.name = name
        self.against = against
        self._client_arguments = list(client)
        self._server = server
        self._load = dict(load)
        self._client: Worker | None = None

    def start(self, seconds: float) -> None:
        port = self._server.acquire()
        self._client = Worker("bench.clients", [*self._client_arguments, "--target", f"127.0.0.1:{port}"])
        self.run(min(seconds, _WARM_UP))

    def run(self, seconds: float) -> Sample:
        assert self._client is not None
        before = self._server.cpu()
        answer = self._client.ask(seconds, **self._load)
        used = self._server.cpu() - before
        elapsed = answer["elapsed"]
        rates = {name: count / elapsed for name, count in answer["extra"].items()}
        return Sample(answer["count"], elapsed, {"client": answer["cpu"], "server": used}, rates)

    def process(self, end: str) -> int:
        """The number of the process at one end, `client` or `server`."""
        assert self._client is not None
        return self._client.process if end == "client" else self._server.process

    def stop(self) -> None:
        if self._client is not None:
            self._client.stop()
            self._client = None
        self._server.release()
