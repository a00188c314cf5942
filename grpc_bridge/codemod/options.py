"""What a run is told, wherever it was said: on the command line, in a configuration, in the sources."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """How `runner.migrate` works; the defaults are those of a run that is told nothing.

    keep_sync: functions that stay sync, by dotted name: `package.module.function`,
        `module.Class.method`; the name of a class, a module or a package stands for all that is in it.
    jobs: worker processes; None takes as many as pay for themselves, 1 works in this process.
    cache: the folder that keeps what is read of each file from run to run; None keeps nothing.
    """

    keep_sync: frozenset[str] = frozenset()
    jobs: int | None = None
    cache: Path | None = None


DEFAULTS = Options()
