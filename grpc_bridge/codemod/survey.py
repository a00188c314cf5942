"""Before anything is parsed: what each file imports, by one look at its bytes, and which files matter.

A file matters that speaks of gRPC, that imports one which does, directly or not, or that such a file imports.
The others are not parsed; a million lines are looked at in a second or two.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType

from . import workers
from .cache import Cache, Import, Look, Note
from .discover import MAX_SIZE, Discovery, Failure, Source, parse, project, python_files, too_large, walk
from .options import DEFAULTS, Options

IMPORT = re.compile(
    rb"""
    (?:^|[;:]) [ \t]*
    (?: from [ \t]+ (?P<origin> \.* \w* (?:\.\w+)*) [ \t]+ import \b [ \t]*
        (?P<names> \([^)]*\) | (?:[^\n\\;\#] | \\\r?\n)*)
      | import [ \t]+ (?P<modules> (?:[^\n\\;\#] | \\\r?\n)+) )
    """,
    re.MULTILINE | re.VERBOSE,
)
DYNAMIC = re.compile(rb"""import_module\(\s*["']([\w.]+)["']""")
NAME = re.compile(rb"[\w.*]+")

WORTH_WORKERS = 1500
"""So many files to be read pay for the start of worker processes."""


def note(data: bytes) -> Note:
    """What a file's bytes say: whether it speaks of gRPC, and what it imports."""
    imports: list[Import] = []
    place = data.find(b"import")
    while place >= 0:
        start, end = data.rfind(b"\n", 0, place) + 1, _end_of_statement(data, place)
        for match in IMPORT.finditer(data, start, end):
            origin, names, modules = match.group("origin", "names", "modules")
            if modules is not None:
                imports += [(0, module, []) for module in _listed(modules)]
            elif origin:
                module = origin.lstrip(b".")
                imports.append((len(origin) - len(module), module.decode("latin-1"), _listed(names)))
        place = data.find(b"import", end)
    if b"import_module" in data:
        imports += [(0, name.decode(), []) for name in DYNAMIC.findall(data)]
    return b"grpc" in data, imports


def _end_of_statement(data: bytes, place: int) -> int:
    """Where the line ends that `import` stands in, with those that it goes on in."""
    end = data.find(b"\n", place)
    opened = data.find(b"(", place, end if end >= 0 else len(data))
    if opened >= 0:
        end = data.find(b"\n", max(end, data.find(b")", opened)))
    while end > 0 and (data[end - 1 : end] == b"\\" or data[end - 2 : end] == b"\\\r"):
        end = data.find(b"\n", end + 1)
    return end if end >= 0 else len(data)


def _listed(text: bytes) -> list[str]:
    """The first word of everything between commas: `a as b, c`."""
    text = re.sub(rb"#[^\n]*|[()\\]", b" ", text)
    found = (NAME.search(part) for part in text.split(b","))
    return [match.group().decode("latin-1") for match in found if match is not None]


@dataclass
class File:
    """One Python file of the run or of the project around it."""

    path: Path
    in_run: bool
    note: Note = (False, [])


@dataclass
class Survey:
    """All files, who imports whom, and those that were parsed so far."""

    files: dict[str, File] = field(default_factory=dict)
    """By the path that links were followed to."""
    failures: list[Failure] = field(default_factory=list)
    given: Mapping[Path, bytes] = field(default_factory=dict)
    seeds: set[str] = field(default_factory=set)
    """Files that everybody matters to who imports them."""
    parsed: dict[str, Source | Failure] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.modules: dict[str, list[str]] = {}
        """Files by the last part of the name of their module."""
        self.importers: dict[str, set[str]] = {}
        self.imported: dict[str, set[str]] = {}

    # Who imports whom

    def link(self) -> None:
        for key in self.files:
            base = _base(key)
            self.modules.setdefault(base.rpartition("/")[2], []).append(base)
        by_base = {_base(key): key for key in self.files}
        found: dict[tuple[str, str], str | None] = {}
        for key, file in self.files.items():
            folder = key.rpartition("/")[0]
            targets = self.imported[key] = set()
            for level, module, names in file.note[1]:
                wanted = [module, *(f"{module}.{name}" for name in names)] if module else names
                if not names:
                    # `import a.b.c` binds a.
                    parts = module.split(".")
                    wanted = [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
                for name in wanted:
                    if level:
                        base = _join(_up(folder, level - 1), name)
                    else:
                        place = (folder, name)
                        if place not in found:
                            found[place] = self.resolve(folder, name)
                        base = found[place] or ""
                    if base in by_base:
                        targets.add(by_base[base])
                if level and not module:
                    base = _up(folder, level - 1)
                    if base in by_base:
                        targets.add(by_base[base])
            for conftest in self.conftests(key):
                targets.add(conftest)
            targets.discard(key)
            for target in targets:
                self.importers.setdefault(target, set()).add(key)

    def resolve(self, folder: str, name: str) -> str | None:
        """The module that `import name` means to a file in `folder`: the nearest of those so called."""
        tail = "/" + name.replace(".", "/")
        best: str | None = None
        for base in self.modules.get(name.rpartition(".")[2], ()):
            if base.endswith(tail):
                root = base[: -len(tail)]
                if (folder == root or folder.startswith(root + "/")) and (
                    best is None or len(base) > len(best)
                ):
                    best = base
        return best

    def conftests(self, key: str) -> Iterator[str]:
        """The modules from which pytest takes fixtures for a test module, which imports none of them."""
        name = key.rpartition("/")[2]
        if not (name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"):
            return
        folder = key.rpartition("/")[0]
        while folder:
            if f"{folder}/conftest.py" in self.files:
                yield f"{folder}/conftest.py"
            folder = folder.rpartition("/")[0]

    # Which files matter

    def matter(self) -> set[str]:
        """The files to parse: seeds, whoever imports them, and whatever those import."""
        above = _closure(self.seeds, self.importers)
        inside = {key for key in above if self.files[key].in_run}
        found = inside | _closure(inside, self.imported)
        # Of what is not in the run, what calls it counts; who calls that does not.
        changing = {key for key in found if self.files[key].in_run}
        return found | {caller for key in changing for caller in self.importers.get(key, ())} & above

    def discover(self) -> Discovery:
        """Parse what matters, in the run and around it."""
        found = Discovery(failures=list(self.failures))
        for key in sorted(self.matter()):
            file = self.files[key]
            if key not in self.parsed:
                self.parsed[key] = self.parse(file)
            outcome = self.parsed[key]
            if isinstance(outcome, Source):
                (found.sources if file.in_run else found.around).append(outcome)
            elif file.in_run:
                found.failures.append(outcome)
        return found

    def parse(self, file: File) -> Source | Failure:
        try:
            if file.path in self.given:
                return parse(file.path, self.given[file.path])
            if file.path.stat().st_size > MAX_SIZE:
                return too_large(file.path)
            data = file.path.read_bytes()
        except OSError as error:
            return Failure(file.path, 1, 1, f"cannot be read: {error.strerror}")
        return parse(file.path, data)

    def grow(self, changed: Iterable[Path]) -> bool:
        """Let everybody matter who imports a file that changes; True where that is somebody new."""
        before = self.matter()
        self.seeds |= {key for path in changed if (key := str(path.resolve())) in self.files}
        return not self.matter() <= before


def survey(
    paths: Sequence[Path],
    options: Options = DEFAULTS,
    given: Mapping[Path, bytes] = MappingProxyType({}),
) -> Survey:
    """Look at every file under `paths` and in the projects around them.

    `given` are files whose content is at hand already. Raises `discover.NoSuchPath`.
    """
    result = Survey(given=given)
    for path in given:
        result.files[str(path)] = File(path, True)
    for path, key in python_files(paths, options, result.failures.append):
        result.files.setdefault(key, File(path, True))
    roots = {root for path in paths if (root := project(Path(path).resolve())) is not None}
    for root in sorted(roots):
        for path, key in walk(root, str(root)):
            result.files.setdefault(key, File(path, False))
    _read(result, options)
    result.link()
    result.seeds = {key for key, file in result.files.items() if file.note[0]}
    return result


def _read(result: Survey, options: Options) -> None:
    """Fill in the notes, from the cache where a file has not changed."""
    cache = Cache(options.cache)
    unread: list[str] = []
    for key, file in result.files.items():
        if file.path in result.given:
            file.note = note(result.given[file.path])
            continue
        known = cache.fresh_note(key)
        if known is None:
            unread.append(key)
        else:
            file.note = known
    jobs = workers.count(options.jobs) if len(unread) >= WORTH_WORKERS or (options.jobs or 0) > 1 else 1
    for key, outcome in zip(unread, workers.run(partial(_look, cache), unread, jobs, chunk=200), strict=True):
        if isinstance(outcome, str):
            if result.files[key].in_run:
                result.failures.append(Failure(result.files[key].path, 1, 1, f"cannot be read: {outcome}"))
            continue
        result.files[key].note = outcome.note
        cache.remember(key, outcome)
    cache.save()


def _look(cache: Cache, path: str) -> Look | str:
    """What there is to know of one file; why not, where it cannot be read."""
    try:
        with open(path, "rb") as file:
            stat = os.fstat(file.fileno())
            if stat.st_size > MAX_SIZE:
                # It matters: somebody has to be told that it was not read.
                return Look(stat.st_size, stat.st_mtime_ns, "", (True, []))
            data = file.read()
    except OSError as error:
        return error.strerror or str(error)
    digest = hashlib.sha256(data).hexdigest()
    # A file that was only touched, or checked out again, is what it was.
    return Look(stat.st_size, stat.st_mtime_ns, digest, cache.note_of(path, digest) or note(data))


def _closure(start: set[str], edges: Mapping[str, set[str]]) -> set[str]:
    """Everything that is reached along the edges."""
    found = set(start)
    pending = list(start)
    while pending:
        new = edges.get(pending.pop(), set()) - found
        found |= new
        pending.extend(new)
    return found


def _base(key: str) -> str:
    """A module's file without its ending; a package's folder."""
    return key.removesuffix(".py").removesuffix(".pyi").removesuffix("/__init__")


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name.replace('.', '/')}" if name else folder


def _up(folder: str, levels: int) -> str:
    for _ in range(levels):
        folder = folder.rpartition("/")[0]
    return folder
