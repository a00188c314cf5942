"""The servers under measurement, each run as `python -m bench.servers KIND`: an echo on a port it names."""

from __future__ import annotations

import argparse
import os
import threading

from .loops import LOOPS
from .messages import CODECS, codec
from .peers import KINDS, peer
from .workers import answer_questions, cpu_seconds, memory, say_absent


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.servers", description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--messages", choices=CODECS, default="raw")
    parser.add_argument("--loop", choices=LOOPS, default="asyncio")
    options = parser.parse_args()
    try:
        peer(options.kind).serve(codec(options.messages), options.loop, _answer_in_background)
    except ImportError as error:
        say_absent(error)


def _answer_in_background(port: int) -> None:
    """The main thread serves, as it would in a program; the bench's questions are answered beside it."""

    def answer() -> None:
        try:
            answer_questions(lambda seconds: {"cpu": cpu_seconds(), **memory()}, {"port": port})  # noqa: ARG005
        finally:
            # The bench has hung up: end whatever the server is doing.
            os._exit(0)

    threading.Thread(target=answer, daemon=True).start()


if __name__ == "__main__":
    main()
