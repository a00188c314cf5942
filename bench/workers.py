"""Processes that do the work of a bench: each client and each server is one of its own.

A worker reads one JSON object per line from its standard input and answers each with one line. It ends when
its input does, so that nothing outlives a bench that is interrupted.
"""

from __future__ import annotations

import json
import os
import resource
import select
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from .measure import Absent

_START_TIMEOUT = 20.0
_EXTRA_TIMEOUT = 20.0
_END_TIMEOUT = 5.0


class Worker:
    """The bench's handle on a worker process."""

    def __init__(self, module: str, arguments: Sequence[str], start_timeout: float = _START_TIMEOUT) -> None:
        self._errors: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            bufsize=1,
            # C-core's notices about connections that close are no part of a bench.
            env={**os.environ, "GRPC_VERBOSITY": os.environ.get("GRPC_VERBOSITY", "NONE")},
        )
        self.hello = self._read(start_timeout)
        if "absent" in self.hello:
            self.stop()
            raise Absent(self.hello["absent"])

    @property
    def process(self) -> int:
        return self._process.pid

    def ask(self, seconds: float = 0.0, **question: Any) -> dict[str, Any]:
        """The answer to one question that takes about `seconds`."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({**question, "seconds": seconds}) + "\n")
        except BrokenPipeError:
            raise RuntimeError(f"worker ended: {self._last_words()}") from None
        return self._read(seconds + _EXTRA_TIMEOUT)

    def stop(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:
                pass  # it died with a question unread
        try:
            self._process.wait(_END_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()

    def _read(self, timeout: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], timeout)[0]:
            raise TimeoutError(f"no answer for {timeout:.0f} s: {self._last_words()}")
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"worker ended: {self._last_words()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = [line for line in self._errors.read().splitlines() if line.strip()]
        return lines[-1] if lines else "nothing on its standard error"


def answer_questions(answer: Callable[..., Mapping[str, Any]], hello: Mapping[str, Any]) -> None:
    """The worker's side: say hello, then answer until the input ends."""
    print(json.dumps(hello), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(**json.loads(line))), flush=True)


def say_absent(error: ImportError) -> None:
    print(json.dumps({"absent": str(error)}), flush=True)


def cpu_seconds() -> float:
    """What this process has used so far, all threads, in both modes."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def memory() -> dict[str, int]:
    """Resident bytes and the number of threads of this process; empty where /proc does not tell."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            fields = dict(line.split(":", 1) for line in status)
    except OSError:
        return {}
    return {"rss": int(fields["VmRSS"].split()[0]) * 1024, "threads": int(fields["Threads"])}
