"""The least that a codemod must do: `python -m bench.floor LIST PROCESSES`.

It parses every candidate with `ast`, and parses and prints every file that changes with LibCST, in
as many processes as are asked for; they are started as the codemod starts its own. LIST is a JSON file of
`candidates` and `changed`.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

Task = tuple[bool, list[str]]
"""Whether LibCST reads these files, or `ast`."""

_CHUNKS = 4
"""In each process, of each kind: fewer would leave one process waiting for another at the end."""


def main(listed: str, processes: str) -> None:
    import libcst  # noqa: F401 (before the processes are forked)

    from grpc_bridge.codemod import workers

    files = json.loads(Path(listed).read_text(encoding="utf-8"))
    pieces = int(processes) * _CHUNKS
    tasks = [
        (concrete, files[kind][start::pieces])
        for concrete, kind in ((True, "changed"), (False, "candidates"))
        for start in range(pieces)
    ]
    for _ in workers.run(_work, tasks, int(processes)):
        pass


def _work(task: Task) -> None:
    import libcst

    concrete, files = task
    for file in files:
        data = Path(file).read_bytes()
        if not concrete:
            ast.parse(data, filename=file)
        elif libcst.parse_module(data).bytes != data:
            raise SystemExit(f"{file} was not printed as it was read")


if __name__ == "__main__":
    main(*sys.argv[1:])
