"""What is kept from run to run: what each file imports, and how each changed file came out.

Everything is keyed by the content it was made of and by the codemod's own sources, so nothing goes stale;
what cannot be read is not there. JSON and text only: a folder that came with somebody's tree runs nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .discover import project

KEEP = 30 * 24 * 3600
"""Seconds after which a rewritten file that nobody asked for is dropped."""

Import = tuple[int, str, list[str]]
"""The dots, the module and the names of one import."""
Note = tuple[bool, list[Import]]
"""Whether a file speaks of gRPC, and its imports."""


def folder(path: Path) -> Path:
    """Where the cache of the project of `path` is, among the user's caches."""
    place = Path(os.path.realpath(path))
    root = project(place) or place
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(home) / "grpc_bridge" / hashlib.sha256(str(root).encode()).hexdigest()[:16]


def version() -> str:
    """A hash of the codemod's own sources."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Look:
    """A file as it was when it was read."""

    size: int
    mtime: int
    digest: str
    note: Note


class Cache:
    """A folder of notes and rewritten files; without a folder it forgets everything."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.version = version() if folder is not None else ""
        self.notes: dict[str, list[Any]] = self._load(folder / "notes.json") if folder is not None else {}
        self.changed = False

    def _load(self, path: Path) -> dict[str, list[Any]]:
        try:
            stored = json.loads(path.read_bytes())
        except (OSError, ValueError):
            return {}
        if not isinstance(stored, dict) or stored.get("version") != self.version:
            return {}
        files = stored.get("files")
        return files if isinstance(files, dict) else {}

    def fresh_note(self, path: str) -> Note | None:
        """What is known of a file that was not touched since; None where that is nothing."""
        known = self._known(path)
        try:
            stat = os.stat(path)
        except OSError:
            return None
        if known is None or (stat.st_size, stat.st_mtime_ns) != (known.size, known.mtime):
            return None
        return known.note

    def note_of(self, path: str, digest: str) -> Note | None:
        """What is known of a file that has this content."""
        known = self._known(path)
        return known.note if known is not None and known.digest == digest else None

    def _known(self, path: str) -> Look | None:
        try:
            size, mtime, digest, grpc, imports = self.notes[path]
            names = [(int(level), str(module), [str(n) for n in names]) for level, module, names in imports]
            return Look(int(size), int(mtime), str(digest), (bool(grpc), names))
        except (KeyError, ValueError, TypeError):
            return None

    def remember(self, path: str, look: Look) -> None:
        if self.folder is not None:
            self.notes[path] = [look.size, look.mtime, look.digest, *look.note]
            self.changed = True

    def save(self) -> None:
        """Write the notes, if there are new ones."""
        if self.changed:
            stored = {"version": self.version, "files": self.notes}
            self._write("notes.json", json.dumps(stored, separators=(",", ":")))

    # Rewritten files

    def rewritten(self, digest: str) -> str | None:
        """What a file became whose content and edits had this digest."""
        if self.folder is None or not digest:
            return None
        path = self.folder / "rewritten" / f"{digest}-{self.version}"
        try:
            checksum, _, text = path.read_bytes().decode("utf-8", "surrogatepass").partition("\n")
        except (OSError, ValueError):
            return None
        return text if checksum == _checksum(text) else None

    def keep_rewritten(self, digest: str, text: str) -> None:
        if self.folder is not None and digest:
            self._write(f"rewritten/{digest}-{self.version}", f"{_checksum(text)}\n{text}")

    def drop_old(self) -> None:
        """Forget rewritten files that are a month old."""
        if self.folder is None:
            return
        limit = time.time() - KEEP
        for path in (self.folder / "rewritten").glob("*"):
            try:
                if path.stat().st_mtime < limit:
                    path.unlink()
            except OSError:
                continue

    def _write(self, name: str, text: str) -> None:
        """Put a file in place whole; where that cannot be, there is no cache."""
        assert self.folder is not None
        target = self.folder / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=target.parent)
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode("utf-8", "surrogatepass"))
            os.rename(temporary, target)
        except OSError:
            self.folder = None


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
