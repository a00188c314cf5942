"""Makes the code base that the codemod is measured on: packages of fifty modules, one of them with gRPC.

Every module is another text, and the same tree comes out every time.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROTOS = Path(__file__).resolve().parents[1] / "tests" / "protos"
_IN_A_PACKAGE = 50
_LINES_IN_A_MODULE = 200
_WORDS = ("account", "batch", "customer", "entry", "group", "item", "ledger", "margin", "order", "parcel")


@dataclass(frozen=True)
class Tree:
    root: Path
    lines: int
    concerned: tuple[Path, ...]
    """The modules that the codemod changes: one in fifty."""
    generated: tuple[Path, ...]
    """protoc's modules, which it reads."""


def grow(root: Path, lines: int) -> Tree:
    """A tree of about so many lines in a folder that does not exist yet."""
    dice = random.Random(lines)
    protos = root / "protos"
    protos.mkdir(parents=True)
    (root / "pyproject.toml").write_text('[project]\nname = "grown"\nversion = "1"\n', encoding="utf-8")
    generated = []
    for name in ("exchange_pb2.py", "exchange_pb2_grpc.py"):
        generated.append(Path(shutil.copy(_PROTOS / name, protos / name)))
    (protos / "__init__.py").touch()
    concerned = []
    written = 0
    package = 0
    while written < lines:
        folder = root / f"service_{package:04}"
        folder.mkdir()
        (folder / "__init__.py").touch()
        for number in range(_IN_A_PACKAGE):
            calls = number == 0
            file = folder / ("client.py" if calls else f"part_{number:02}.py")
            text = _module(dice, _client(dice) if calls else "")
            file.write_text(text, encoding="utf-8")
            written += text.count("\n")
            if calls:
                concerned.append(file)
            if written >= lines:
                break
        package += 1
    return Tree(root, written, tuple(concerned), tuple(generated))


def _module(dice: random.Random, calls: str) -> str:
    parts = ['"""Part of a large program."""\n\nfrom __future__ import annotations\n\nimport math\n', calls]
    lines = sum(part.count("\n") for part in parts)
    for part in _functions(dice):
        parts.append(part)
        lines += part.count("\n")
        if lines >= _LINES_IN_A_MODULE:
            return "".join(parts)
    raise AssertionError("functions never end")


def _client(dice: random.Random) -> str:
    one, many = dice.sample(_WORDS, 2)
    return f'''
import grpc

from protos import exchange_pb2_grpc
from protos.exchange_pb2 import Request


def ask_{one}(channel: grpc.Channel, text: str) -> str:
    stub = exchange_pb2_grpc.ExchangeStub(channel)
    try:
        return stub.Ask(Request(text=text), timeout=1.0).text
    except grpc.RpcError as error:
        return error.details()


def watch_{many}(channel: grpc.Channel, number: int) -> list[int]:
    stub = exchange_pb2_grpc.ExchangeStub(channel)
    found = []
    for reply in stub.Watch(Request(number=number)):
        found.append(reply.number)
    return found


def main() -> None:
    with grpc.insecure_channel("localhost:50051") as channel:
        print(ask_{one}(channel, "{one}"), watch_{many}(channel, {dice.randrange(100)}))
'''


def _functions(dice: random.Random) -> Iterator[str]:
    number = 0
    while True:
        number += 1
        verb, noun, other = dice.sample(_WORDS, 3)
        yield f'''

class {verb.title()}{noun.title()}{number}:
    """Keeps the {other}s of one {noun}."""

    def __init__(self, {noun}: int, {other}s: list[float] | None = None) -> None:
        self.{noun} = {noun}
        self._{other}s = list({other}s or ())

    def add(self, {other}: float) -> None:
        # Never twice.
        if {other} not in self._{other}s:
            self._{other}s.append({other})

    def total(self, factor: float = {dice.random():.3f}) -> float:
        return math.fsum({other} * factor for {other} in self._{other}s) + self.{noun}


def {verb}_of_{noun}_{number}({other}: {verb.title()}{noun.title()}{number}, limit: int = {number}) -> str:
    total = {other}.total()
    if total > limit:
        return f"{noun}: {{total:.{dice.randrange(1, 5)}f}}"
    values = {{name: len(name) for name in ("{verb}", "{noun}", "{other}")}}
    return ", ".join(sorted(values, key=values.__getitem__))
'''
