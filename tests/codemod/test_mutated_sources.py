"""Real programs, broken at random: the codemod ends, its output compiles, a second run changes nothing."""

from __future__ import annotations

import ast
import os
import random
import re
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grpc_bridge.codemod.runner import migrate, write

from .tool import generated

SOAK = bool(os.environ.get("GRPC_BRIDGE_WHOLE"))
ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = sorted((ROOT / "tests" / "corpus" / "programs").rglob("*.py")) + sorted(
    (ROOT / "examples" / "legacy").rglob("*.py")
)
SOURCES = [
    text
    for path in PROGRAMS
    if not path.name.endswith(("_pb2.py", "_pb2_grpc.py"))
    and "grpc" in (text := path.read_text(encoding="utf-8"))
]

TOKEN = re.compile(r"\w+|[^\w\s]|\n[ \t]*")
WORDS = (
    "await", "async ", "with ", "for ", "in", "yield ", "return ", "lambda: ", "self", "stub", "grpc",
    "channel", "*", "**", "(", ")", "[", "]", "{", "}", ":", ":=", ",", ".", "=", "==", "@", "if ", "else ",
    "try:", "None", "not ", "print", "next", "list", "iter", "#", '"', "'''", "\\", ";",
    "\n", "\n    ", "\t", "\r", "\0", "\ufeff", "é",
)  # fmt: skip


def drop(words: list[str], at: int, _: random.Random) -> None:
    del words[at]


def double(words: list[str], at: int, _: random.Random) -> None:
    words.insert(at, words[at])


def swap(words: list[str], at: int, chance: random.Random) -> None:
    other = chance.randrange(len(words))
    words[at], words[other] = words[other], words[at]


def put(words: list[str], at: int, chance: random.Random) -> None:
    words.insert(at, chance.choice(WORDS))


def replace(words: list[str], at: int, chance: random.Random) -> None:
    words[at] = chance.choice(WORDS)


def rename(words: list[str], _: int, chance: random.Random) -> None:
    """A name for another of the same program: it still parses, and means something else."""
    names = [n for n, word in enumerate(words) if word.isidentifier()]
    if names:
        words[chance.choice(names)] = words[chance.choice(names)]


def move_line(words: list[str], _: int, chance: random.Random) -> None:
    lines = "".join(words).splitlines(keepends=True)
    lines.insert(chance.randrange(len(lines)), lines.pop(chance.randrange(len(lines))))
    words[:] = lines


def indent_line(words: list[str], _: int, chance: random.Random) -> None:
    lines = "".join(words).splitlines(keepends=True)
    number = chance.randrange(len(lines))
    lines[number] = "    " + lines[number]
    words[:] = lines


MUTATIONS: tuple[Callable[[list[str], int, random.Random], None], ...] = (
    drop, double, swap, put, replace, rename, rename, rename, move_line, move_line, indent_line,
)  # fmt: skip


def tokens(text: str) -> list[str]:
    """The text in pieces that mutations move about; joined they are the text."""
    pieces, at = [], 0
    for match in TOKEN.finditer(text):
        pieces += [text[at : match.start()], match[0]]
        at = match.end()
    return [piece for piece in [*pieces, text[at:]] if piece]


def mutated(text: str, seed: int, count: int) -> str:
    chance = random.Random(seed)
    words = tokens(text)
    for _ in range(count):
        chance.choice(MUTATIONS)(words, chance.randrange(len(words)), chance)
        words = words or [" "]
    return "".join(words)


def parses(data: bytes) -> bool:
    """True for a file that compiles: in the encoding that it names, if there is one of that name."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(ast.parse(data), "mutant", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def check(text: str) -> None:
    """Migrate a program; nothing crashes, what is written compiles, and a second run has nothing to do."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "greet_pb2_grpc.py").write_text(generated(), encoding="utf-8")
        path = root / "app.py"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        before = path.read_bytes()
        good = parses(before)
        result = migrate([root])
        write(result)
        if result.failed:
            assert not good, f"it compiles, and fails: {result.failed}"
            assert path.read_bytes() == before
            return
        assert parses(path.read_bytes()) or not good
        again = migrate([root])
        assert (again.changed, again.failed) == ({}, [])


def test_there_are_programs_to_break() -> None:
    assert len(SOURCES) > 20
    for text in SOURCES:
        assert "".join(tokens(text)) == text


@pytest.mark.timeout(1200 if SOAK else 60)
@settings(
    # The same programs every time, for a suite has to say the same every time; `make soak` looks further.
    max_examples=400 if SOAK else 20,
    derandomize=not SOAK,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.sampled_from(range(len(SOURCES))), st.integers(0, 2**32), st.integers(1, 6))
def test_a_program_broken_at_random(number: int, seed: int, count: int) -> None:
    check(mutated(SOURCES[number], seed, count))


def test_a_program_in_an_encoding_that_nobody_knows() -> None:
    """What says so is a comment, so the text alone compiles: found by breaking programs at random."""
    check(f"# -*- coding: of-prices -*-\n{SOURCES[0]}")
