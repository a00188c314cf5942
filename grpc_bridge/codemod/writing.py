"""From a result to the disk: all changed files or none, whatever goes wrong in between."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .runner import Result


class WriteError(Exception):
    """The changes could not be written; every file is as it was."""


def write(result: Result) -> None:
    """Write all changed files, or none: first beside them, then in their place.

    Raises `WriteError`, or `KeyboardInterrupt` where the user interrupts; both leave every file as it was.
    """
    # What a link leads to is replaced, not the link.
    targets = {path.resolve(): path for path in result.encoded}
    fresh: dict[Path, Path] = {}
    backups: dict[Path, Path] = {}
    with _signals_wait() as obey:
        try:
            for target, path in targets.items():
                fresh[target] = _beside(target, result.encoded[path])
                backups[target] = _backup(target)
                obey()
            for target, path in targets.items():
                if target.read_bytes() != result.original[path]:
                    raise WriteError(f"{path} changed while the codemod ran; run it again")
            _replace(fresh, backups, obey)
        except OSError as error:
            raise WriteError(f"{error.filename}: {error.strerror}") from error
        finally:
            for temporary in (*fresh.values(), *backups.values()):
                temporary.unlink(missing_ok=True)


def put(file: Path, data: bytes) -> None:
    """Write a report or the like: all of it, or what was there stays. Raises `OSError`."""
    target = Path(os.path.realpath(file))
    if target.is_file():
        os.replace(_beside(target, data), target)
        return
    new = not target.exists()
    try:
        target.write_bytes(data)
    except OSError:
        if new:
            target.unlink(missing_ok=True)
        raise


def _beside(target: Path, data: bytes) -> Path:
    """A new file in the folder of `target`, with its mode and owner."""
    before = target.stat()
    # Root may write to everything; who took every right to write from a file meant it all the same.
    if not os.access(target, os.W_OK) or not before.st_mode & 0o222:
        raise PermissionError(13, "Permission denied", str(target))
    handle, name = _new(target)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        shutil.copymode(target, name)
        with contextlib.suppress(OSError):
            # Only root may give a file away.
            os.chown(name, before.st_uid, before.st_gid)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(target)) from error
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def _new(target: Path, suffix: str = "") -> tuple[int, str]:
    """An empty file beside `target`, open."""
    try:
        return tempfile.mkstemp(prefix=f".{target.name}.", suffix=suffix, dir=target.parent)
    except OSError as error:
        # The name of the new file would tell nobody anything.
        raise OSError(error.errno, error.strerror, str(target.parent)) from error


def _backup(target: Path) -> Path:
    """Another name for what `target` is now: putting it back takes no space on the disk."""
    handle, name = _new(target, ".orig")
    os.close(handle)
    os.unlink(name)
    try:
        os.link(target, name)
    except OSError:
        # A file system without hard links.
        shutil.copy2(target, name)
    return Path(name)


def _replace(fresh: dict[Path, Path], backups: dict[Path, Path], obey: Callable[[], None]) -> None:
    """Put the new files in place; what was replaced before a failure or an interrupt is put back."""
    replaced: list[Path] = []
    try:
        for target, temporary in fresh.items():
            replaced.append(target)
            os.replace(temporary, target)
            obey()
    except BaseException:
        for target in replaced:
            if backups[target].exists() and not os.path.samefile(backups[target], target):
                os.replace(backups[target], target)
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
