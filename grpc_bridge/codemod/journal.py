"""What a run that writes leaves for the next one, should it be killed: which files it replaces, and by what.

The journal lies at the top of each project that is written to, from before the first byte is written until
all is done. Who finds one whose run is gone puts back what had been replaced, or clears up behind it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .discover import JOURNAL, MARKS

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class JournalError(Exception):
    """What an earlier run left cannot be put right without a person; nothing was changed."""


@dataclass
class Journal:
    """The files that a run replaces, each with digests of what it was and of what it becomes."""

    files: Mapping[Path, tuple[str, str]]
    token: str = field(default_factory=lambda: secrets.token_hex(4))
    needed: bool = False
    """A file could not be put back, so that all has to stay for the next run."""

    def fresh(self, target: Path) -> Path:
        """Where the new content of a file is written first."""
        return target.with_name(f".{target.name}.{self.token}.new")

    def backup(self, target: Path) -> Path:
        """Where a file is kept as it was."""
        return target.with_name(f".{target.name}.{self.token}.orig")

    def places(self) -> list[Path]:
        """The folders in which the journal is written: whoever looks at one of the files comes by."""
        return sorted({top(target) for target in self.files})

    def remains(self) -> Iterator[Path]:
        for target in self.files:
            yield self.fresh(target)
            yield self.backup(target)

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Have it on the disk while the block runs, locked. Raises `OSError` and `JournalError`."""
        written: list[Path] = []
        with contextlib.ExitStack() as stack:
            try:
                for place in self.places():
                    path = place / JOURNAL
                    try:
                        file = stack.enter_context(path.open("x", encoding="utf-8"))
                    except FileExistsError:
                        raise JournalError(f"another run is writing: {path}") from None
                    except OSError as error:
                        raise OSError(error.errno, error.strerror, str(place)) from error
                    written.append(path)
                    _lock(file.fileno())
                    file.write(self.dump())
                    file.flush()
                    os.fsync(file.fileno())
                yield
            finally:
                for path in () if self.needed else (*self.remains(), *written):
                    path.unlink(missing_ok=True)

    def dump(self) -> str:
        files = {str(target): list(digests) for target, digests in self.files.items()}
        return json.dumps({"token": self.token, "files": files}, indent=1)


def top(target: Path) -> Path:
    """The top folder of the project of a file, or the folder that it is in, where there is none."""
    marked = (folder for folder in target.parents if any((folder / mark).exists() for mark in MARKS))
    return next(marked, target.parent)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def recover(path: Path) -> str:
    """Put back what a run that was killed had replaced, and clear up; returns what there is to say about it.

    Where it had replaced all, only the clearing up was left. Raises `JournalError`.
    """
    with _opened(path) as journal:
        if journal is None:
            path.unlink(missing_ok=True)
            return "an earlier run was killed before it had written anything"
        done = _state(journal)
        if all(done.values()):
            said = f"an earlier run was killed when it had written all of its {_files(done)}"
        else:
            replaced = [target for target, after in done.items() if after]
            _put_back(journal, replaced, path)
            said = f"an earlier run was killed while it wrote; {_files(replaced)} put back as before"
        for rest in (*journal.remains(), *(place / JOURNAL for place in journal.places())):
            rest.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        return said


def describe(path: Path) -> str:
    """The same for somebody who only looks."""
    with _opened(path) as journal:
        if journal is None:
            return "an earlier run was killed before it had written anything"
        done = _state(journal)
        replaced = sum(done.values())
        return f"an earlier run was killed while it wrote: {replaced} of {_files(done)} replaced"


def _files(files: Collection[object]) -> str:
    return f"{len(files)} file{'' if len(files) == 1 else 's'}"


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Journal | None]:
    """A journal whose run has ended; None where that was killed before it was whole."""
    try:
        with path.open(encoding="utf-8") as file:
            if not _lock(file.fileno()):
                raise JournalError(f"another run is writing: {path}")
            try:
                found = json.load(file)
                files = {Path(target): tuple(digests) for target, digests in found["files"].items()}
                journal = Journal(files, found["token"])
            except (ValueError, KeyError, TypeError, AttributeError):
                journal = None
            yield journal
    except OSError as error:
        raise JournalError(f"{error.filename}: {error.strerror}") from error


def _lock(handle: int) -> bool:
    """Lock a file against other processes; the system lets go of it when this one ends, however it ends."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # A file system without locks.
        return True
    return True


def _state(journal: Journal) -> dict[Path, bool]:
    """Which files are as they become; the others are as they were.

    Raises `JournalError` where one is neither.
    """
    found: dict[Path, bool] = {}
    for target, (before, after) in journal.files.items():
        now = digest(target.read_bytes()) if target.exists() else ""
        if now not in (before, after):
            raise JournalError(
                f"an earlier run was killed while it wrote, and {target} was changed since; "
                f"what it had replaced lies beside it as .NAME.{journal.token}.orig; put back what you want, "
                f"and delete {' and '.join(str(place / JOURNAL) for place in journal.places())}"
            )
        found[target] = now == after
    return found


def _put_back(journal: Journal, targets: list[Path], path: Path) -> None:
    for target in targets:
        if not journal.backup(target).exists():
            raise JournalError(
                f"an earlier run was killed while it wrote, and {journal.backup(target)}, which it kept of "
                f"{target}, is gone: take the files back from your version control, and delete {path}"
            )
    for target in targets:
        os.replace(journal.backup(target), target)
