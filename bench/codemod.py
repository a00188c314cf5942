"""The codemod on a million lines, cold and cached, beside the least that it could take.

The floor is a process of its own that parses the files that matter with `ast`, and parses and prints with
LibCST those that change. `python -m bench.codemod [LINES [ROUNDS]]`.
"""

from __future__ import annotations

import ast
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .codemod_tree import make


def floor(files: list[str]) -> None:
    """What nothing that rewrites these files with LibCST can do without."""
    import libcst

    for file in files:
        text = Path(file).read_text()
        ast.parse(text)
        if file.endswith("client.py"):
            _ = libcst.parse_module(text).code


def timed(*command: str) -> tuple[float, float]:
    """Seconds by the clock, and of processor time, that a command takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False)
    spent = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr.decode())
    return spent, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "tree"
        written = make(root, lines)
        matter = [str(path) for name in ("client.py", "common.py") for path in sorted(root.rglob(name))]
        names = Path(folder) / "files.json"
        names.write_text(json.dumps(matter))
        times: dict[str, list[tuple[float, float]]] = {"floor": [], "cold": [], "cached": []}
        for number in range(rounds):
            cache = Path(folder) / f"cache-{number}"
            run = (sys.executable, "-m", "grpc_bridge.codemod", "--check", f"--cache-dir={cache}", str(root))
            times["floor"].append(timed(sys.executable, "-m", "bench.codemod", "--floor", str(names)))
            times["cold"].append(timed(*run))
            times["cached"].append(timed(*run))
        print(f"{written:,} lines, {len(matter) // 2} of {len(list(root.rglob('*.py')))} files change")
        for index, clock in enumerate(("clock", "processor")):
            base = statistics.median(found[index] for found in times["floor"])
            for name, spent in times.items():
                middle = statistics.median(found[index] for found in spent)
                spread = f"{min(f[index] for f in spent):.2f} to {max(f[index] for f in spent):.2f} s"
                print(
                    f"{clock:<10} {name:<8} {middle:6.2f} s ({spread})  {middle / base:5.2f} x floor", end=""
                )
                print(f"  {written / middle:>12,.0f} lines/s")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--floor"]:
        floor(json.loads(Path(sys.argv[2]).read_text()))
    else:
        main()
