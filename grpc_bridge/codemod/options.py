"""What a run is told, wherever it was said: on the command line, in a configuration, in the sources."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Style = Literal["iterate", "send-receive"]


@dataclass(frozen=True)
class Options:
    """How `runner.migrate` works; the defaults are those of a run that is told nothing.

    keep_sync: functions that stay sync, by dotted name: `package.module.function`,
        `module.Class.method`; the name of a class, a module or a package stands for all that is in it.
    jobs: worker processes; None takes as many as pay for themselves, 1 works in this process.
    cache: the folder that keeps what is read of each file from run to run; None keeps nothing.
    skip: ids of rules that make no edit; a function that would need one of them stays sync.
    include: patterns as in .gitignore, relative to the folders of the run; where there are any, files that
        match none are outside the run.
    exclude: patterns of files that are outside the run: read as what may call it, never written.
    style: how streaming calls are written: with iterators, or with `send` and `receive`.
    """

    keep_sync: frozenset[str] = frozenset()
    jobs: int | None = None
    cache: Path | None = None
    skip: frozenset[str] = frozenset()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    style: Style = "iterate"


DEFAULTS = Options()
