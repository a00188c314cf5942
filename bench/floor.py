"""The least that a codemod must do: `python -m bench.floor LIST`.

It parses every candidate with `ast`, and parses and prints every file that changes with LibCST. LIST is a
JSON file of `candidates` and `changed`.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path


def main(listed: str) -> None:
    import libcst

    files = json.loads(Path(listed).read_text(encoding="utf-8"))
    for file in files["candidates"]:
        ast.parse(Path(file).read_bytes(), filename=file)
    for file in files["changed"]:
        data = Path(file).read_bytes()
        if libcst.parse_module(data).bytes != data:
            raise SystemExit(f"{file} was not printed as it was read")


if __name__ == "__main__":
    main(*sys.argv[1:])
