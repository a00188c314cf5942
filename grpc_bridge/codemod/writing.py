"""From a result to the disk: all changed files or none, whatever goes wrong in between."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from .journal import Journal, JournalError, digest

if TYPE_CHECKING:
    from .runner import Result


class WriteError(Exception):
    """The changes could not be written; every file is as it was."""


def write(result: Result) -> None:
    """Write all changed files, or none: first beside them, then in their place.

    Raises `WriteError`, or `KeyboardInterrupt` where the user interrupts; both leave every file as it was.
    Raises `JournalError` where another run is writing, or where the disk does not let files be put back.
    """
    # What a link leads to is replaced, not the link.
    targets = {path.resolve(): path for path in result.encoded}
    journal = Journal(
        {
            target: (digest(result.original[path]), digest(result.encoded[path]))
            for target, path in targets.items()
        }
    )
    with _signals_wait() as obey:
        try:
            with journal.kept():
                for target, path in targets.items():
                    _beside(target, result.encoded[path], journal.fresh(target))
                    _keep(target, journal.backup(target))
                    obey()
                for target, path in targets.items():
                    if target.read_bytes() != result.original[path]:
                        raise WriteError(f"{path} changed while the codemod ran; run it again")
                _replace(journal, obey)
        except OSError as error:
            raise WriteError(f"{error.filename}: {error.strerror}") from error


def put(file: Path, data: bytes) -> None:
    """Write a report or the like: all of it, or what was there stays. Raises `OSError`."""
    target = Path(os.path.realpath(file))
    if target.is_file():
        fresh = target.with_name(f".{target.name}.{secrets.token_hex(4)}.new")
        os.replace(_beside(target, data, fresh), target)
        return
    new = not target.exists()
    try:
        target.write_bytes(data)
    except OSError:
        if new:
            target.unlink(missing_ok=True)
        raise


def _beside(target: Path, data: bytes, fresh: Path) -> Path:
    """A new file in the folder of `target`, with its mode and owner."""
    before = target.stat()
    # Root may write to everything; who took every right to write from a file meant it all the same.
    if not os.access(target, os.W_OK) or not before.st_mode & 0o222:
        raise PermissionError(13, "Permission denied", str(target))
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        # The name of the new file would tell nobody anything.
        raise OSError(error.errno, error.strerror, str(target.parent)) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        shutil.copymode(target, fresh)
        with contextlib.suppress(OSError):
            # Only root may give a file away.
            os.chown(fresh, before.st_uid, before.st_gid)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(target)) from error
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    return fresh


def _keep(target: Path, backup: Path) -> None:
    """Another name for what `target` is now: putting it back takes no space on the disk."""
    try:
        os.link(target, backup)
    except OSError:
        # A file system without hard links.
        shutil.copy2(target, backup)


def _replace(journal: Journal, obey: Callable[[], None]) -> None:
    """Put the new files in place; what was replaced before a failure or an interrupt is put back."""
    replaced: list[Path] = []
    try:
        for target in journal.files:
            replaced.append(target)
            os.replace(journal.fresh(target), target)
            obey()
    except BaseException:
        for target in replaced:
            backup = journal.backup(target)
            try:
                if backup.exists() and not os.path.samefile(backup, target):
                    os.replace(backup, target)
            except OSError as error:
                journal.needed = True
                raise JournalError(
                    f"{target} could not be put back as it was ({error.strerror}); "
                    "see to that, and run the codemod again: it begins by putting back what it kept"
                ) from error
        raise


@contextlib.contextmanager
def _signals_wait() -> Iterator[Callable[[], None]]:
    """Ctrl-C and SIGTERM wait until the block calls what it is given: none comes between two steps."""
    seen: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        seen.append(number)

    def obey() -> None:
        if seen:
            raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield obey
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
