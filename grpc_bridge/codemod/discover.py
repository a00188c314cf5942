"""Step 1, discover: which files are in the run, which of them are generated, and what they say."""

from __future__ import annotations

import ast
import codecs
import io
import os
import re
import tokenize
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pathspec import GitIgnoreSpec

from .generated import is_generated
from .options import Options

MAX_SIZE = 16 << 20
"""Bytes; no person writes such a file, and parsing it would take gigabytes."""

PYTHON_2 = re.compile(
    rb"^[ \t]*(print[ \t]+[^=(\s]|exec[ \t]+['\"\w]|except[ \t]+[\w.]+[ \t]*,[ \t]*\w+[ \t]*:"
    rb"|raise[ \t]+[\w.]+[ \t]*,)",
    re.MULTILINE,
)
JOURNAL = ".grpc_bridge-journal"
"""What a run that writes leaves behind where it is killed."""

MARKS = (".git", "pyproject.toml", "setup.py", "setup.cfg")
"""What the top folder of a project has."""
SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules", "build", "dist", "site-packages"})


@dataclass(frozen=True)
class Source:
    """A file that was read and parsed; `text` has its own line endings and no byte order mark."""

    path: Path
    data: bytes
    text: str
    encoding: str
    bom: bool
    tree: ast.Module
    generated: bool

    def encode(self, text: str) -> bytes:
        """The bytes of `text` in this file's encoding."""
        body = text.encode(self.encoding)
        return codecs.BOM_UTF8 + body if self.bom else body


@dataclass(frozen=True)
class Failure:
    """A file that was left alone because it could not be read, parsed or rewritten."""

    path: Path
    line: int
    column: int
    reason: str


@dataclass
class Discovery:
    sources: list[Source] = field(default_factory=list)
    around: list[Source] = field(default_factory=list)
    """Files of the same projects that are not in the run: they may call it, or be called."""
    failures: list[Failure] = field(default_factory=list)


class Unfinished(Exception):
    """A run was killed while it wrote; what it left is told of in `journal`."""

    def __init__(self, journal: Path) -> None:
        super().__init__(journal)
        self.journal = journal


class NoSuchPath(Exception):
    """A path on the command line that is no file and no folder."""


def console_scripts(path: Path) -> frozenset[tuple[str, str]]:
    """The (module, function) pairs that the project of `path` declares as commands."""
    root = project(path.resolve())
    found: set[tuple[str, str]] = set()
    for name in ("pyproject.toml", "setup.cfg", "setup.py"):
        file = root / name if root else None
        if file is not None and file.is_file():
            text = file.read_text(encoding="utf-8", errors="replace")
            found.update(re.findall(r"""=\s*["']?([\w.]+):(\w+)\s*["']?\s*(?:$|,|\])""", text, re.MULTILINE))
    return frozenset(found)


def project(path: Path) -> Path | None:
    """The folder of the project that a file belongs to.

    That is the nearest one above it with a sign of one; where none has, the working directory if the file is
    below it: who runs the codemod on one package of a tree stands at the top of that.
    """
    for folder in path.parents:
        if any((folder / mark).exists() for mark in MARKS):
            return folder
    here = Path.cwd()
    return here if here in path.parents and here not in (Path.home(), Path(here.anchor)) else None


def from_here(path: Path) -> Path:
    """How a person in the working directory says it, if it is below that."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def parse(path: Path, data: bytes) -> Source | Failure:
    """Decode and parse one file."""
    if len(data) > MAX_SIZE:
        return too_large(path)
    if b"\0" in data:
        line = data.partition(b"\0")[0].count(b"\n") + 1
        return Failure(path, line, 1, "it has a NUL byte; take it out, or exclude the file")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        bom = data.startswith(codecs.BOM_UTF8)
        encoding = "utf-8" if encoding == "utf-8-sig" else encoding
        text = data[len(codecs.BOM_UTF8) :].decode(encoding) if bom else data.decode(encoding)
        with warnings.catch_warnings():
            # An invalid escape in somebody's string is their linter's business.
            warnings.simplefilter("ignore")
            tree = ast.parse(text, filename=str(path))
    except SyntaxError as error:
        return Failure(path, error.lineno or 1, error.offset or 1, _complaint(error, data))
    except UnicodeDecodeError as error:
        reason = (
            f"it is not {encoding} (byte 0x{error.object[error.start]:02x}); save it as UTF-8, or name its"
        )
        line = error.object.count(b"\n", 0, error.start) + 1
        return Failure(path, line, 1, f"{reason} encoding in the first line")
    except (ValueError, LookupError, RecursionError) as error:
        return Failure(path, 1, 1, f"cannot be parsed: {error}")
    return Source(path, data, text, encoding, bom, tree, is_generated(path, text, tree))


def too_large(path: Path) -> Failure:
    return Failure(path, 1, 1, f"it is larger than {MAX_SIZE >> 20} MB and was not read; exclude it")


def _complaint(error: SyntaxError, data: bytes) -> str:
    """What is wrong with a file that does not parse, by its cause where that is a common one."""
    if re.search(rb"^<{7} .*?^={7}\r?$.*?^>{7} ", data, re.MULTILINE | re.DOTALL):
        return "it has merge-conflict markers; resolve the conflict first"
    if data.startswith(codecs.BOM_UTF8) and "encoding problem" in error.msg:
        return "its byte order mark says UTF-8, and a comment names another encoding; take one of them out"
    if PYTHON_2.search(data):
        return f"it looks like Python 2 ({error.msg}); port it to Python 3 first"
    return f"syntax error: {error.msg}"


def python_files(
    paths: Sequence[Path], options: Options, unreadable: Callable[[Failure], object]
) -> Iterator[tuple[Path, str]]:
    """Every Python file under `paths` that is in the run, and where it is when links are followed.

    `unreadable` is told of the folders that cannot be looked into. Raises `NoSuchPath` and `Unfinished`.
    """
    include = GitIgnoreSpec.from_lines(options.include) if options.include else None
    exclude = GitIgnoreSpec.from_lines(options.exclude) if options.exclude else None
    for path in paths:
        if not path.exists():
            raise NoSuchPath(f"no such file or directory: {path}")
        if not (path.is_file() or path.is_dir()):
            raise NoSuchPath(f"neither a file nor a directory: {path}")
        real = os.path.realpath(path)
        for folder in Path(real, "x").parents:
            if (folder / JOURNAL).exists():
                raise Unfinished(folder / JOURNAL)
        files: Iterable[tuple[Path, str]] = [(path, real)] if path.is_file() else walk(path, real, unreadable)
        for file, place in files:
            if include is not None or exclude is not None:
                relative = file.name if file == path else file.relative_to(path).as_posix()
                if exclude is not None and exclude.match_file(relative):
                    continue
                if include is not None and not include.match_file(relative):
                    continue
            yield file, place


def walk(
    folder: Path, real: str, unreadable: Callable[[Failure], object] = lambda _: None
) -> Iterator[tuple[Path, str]]:
    """The Python files under a folder, with their places; no link to a folder is followed."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        unreadable(Failure(folder, 1, 1, f"cannot be read: {error.strerror}"))
        return
    for entry in entries:
        place = f"{real}/{entry.name}"
        if _is(entry.is_dir):
            hidden = entry.name.startswith(".") or entry.name in SKIPPED_FOLDERS
            if not hidden and not entry.is_symlink() and not os.path.exists(f"{place}/pyvenv.cfg"):
                yield from walk(folder / entry.name, place, unreadable)
        elif entry.name.endswith(".py") and _is(entry.is_file):
            yield folder / entry.name, os.path.realpath(place) if entry.is_symlink() else place
        elif entry.name == JOURNAL:
            raise Unfinished(folder / entry.name)


def _is(kind: Callable[[], bool]) -> bool:
    """What a link leads to; False where it leads to itself."""
    try:
        return kind()
    except OSError:
        return False
