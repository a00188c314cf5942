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
                    raise WriteError(f"{path} changed while the codemod ran")
            _replace(fresh, backups, obey)
        except OSError as error:
            raise WriteError(f"{error.filename}: {error.strerror}") from error
        finally:
            for temporary in (*fresh.values(), *backups.values()):
                temporary.unlink(missing_ok=True)


def _beside(target: Path, data: bytes) -> Path:
    """A new file in the folder of `target`, with its mode and owner."""
    if not os.access(target, os.W_OK):
        raise PermissionError(13, "Permission denied", str(target))
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        shutil.copymode(target, name)
        before = target.stat()
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


def _backup(target: Path) -> Path:
    """Another name for what `target` is now: putting it back takes no space on the disk."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".orig", dir=target.parent)
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
