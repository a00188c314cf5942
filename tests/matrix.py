"""The run-time tests on every Python and grpcio that pyproject.toml admits: `python -m tests.matrix --help`.

Each leg has an environment of its own under build/matrix/, made once; the core is built beside its sources,
where builds for several Pythons do not meet. A leg that cannot be made here (there is no such Python, or pip
installs nothing) is named and skipped; the status is 1 if the tests of a leg fail.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

try:
    import tomllib
except ImportError:  # Python 3.10
    from pip._vendor import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
RUN_TIME = ("tests/async", "tests/core", "tests/users", "tests/sync_parity")
# Of the `test` extra, what these tests are run with and import.
NEEDED = re.compile(
    r"(pytest|uvloop|cython|grpcio-(tools|health-checking|reflection|status)|cryptography)", re.IGNORECASE
)
HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


@dataclass(frozen=True)
class Leg:
    """One environment that the tests are run in."""

    python: str
    grpcio: str = "newest"
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> Path:
        """Where it is installed; legs that differ in settings alone share it."""
        return ROOT / "build" / "matrix" / f"python{self.python}-grpcio-{self.grpcio}"


def project() -> dict[str, object]:
    """The [project] table of pyproject.toml."""
    table: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def oldest_grpcio(requirements: list[str]) -> str:
    """The oldest grpcio that is admitted, as `1.71`."""
    [found] = [match[1] for one in requirements if (match := re.match(r"grpcio>=([\d.]+)", one))]
    return found


def requirements_of(leg: Leg) -> list[str]:
    """What pip is to install: the package's own dependencies, and what the run-time tests need."""
    table = project()
    dependencies: list[str] = list(table["dependencies"])  # type: ignore[call-overload]
    extra: list[str] = table["optional-dependencies"]["test"]  # type: ignore[index]
    needed = dependencies + [one for one in extra if NEEDED.match(one)] + ["setuptools>=77"]
    if leg.grpcio == "oldest":
        oldest = oldest_grpcio(dependencies)
        needed = [re.sub(r"^(grpcio[\w-]*)>=[\d.,<]+", rf"\1=={oldest}.*", one) for one in needed]
    return needed


def interpreter(version: str) -> str | None:
    """A Python of that version, from the path or of pyenv's; None if there is none that runs."""
    candidates = [sys.executable] if version == HERE else []
    candidates += filter(None, [shutil.which(f"python{version}")])
    candidates += map(str, sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python")))
    ask = "import sys; print(*sys.version_info[:2], sep='.')"
    for candidate in candidates:
        try:
            said = subprocess.run([candidate, "-c", ask], capture_output=True, text=True, check=False)
        except OSError:
            continue
        if said.stdout.strip() == version:
            return candidate
    return None


def prepare(leg: Leg) -> str | None:
    """Make the leg's environment and build the core for it; what is in the way, or None."""
    python = leg.environment / "bin" / "python"
    requirements = requirements_of(leg)
    made = leg.environment / "requirements.txt"
    if not made.exists() or made.read_text() != "\n".join(requirements):
        found = interpreter(leg.python)
        if found is None:
            return f"no Python {leg.python} on this machine"
        shutil.rmtree(leg.environment, ignore_errors=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        for command in ([found, "-m", "venv", str(leg.environment)], [*install, *requirements]):
            if subprocess.run(command, cwd=ROOT, check=False).returncode:
                return "its environment cannot be installed"
        made.write_text("\n".join(requirements))
    build = "from setuptools import setup; setup()"
    command = [str(python), "-W", "ignore", "-c", build, "--quiet", "build_ext", "--inplace"]
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        raise SystemExit(f"{leg.environment.name}: the core cannot be built")
    return None


def run(leg: Leg, arguments: list[str]) -> int:
    """Run the tests there; pytest's status."""
    command = [str(leg.environment / "bin" / "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *arguments], cwd=ROOT, env={**os.environ, **leg.settings}, check=False
    ).returncode


LEGS = {
    "oldest": Leg(HERE, "oldest"),
    "debug": Leg(HERE, settings={"PYTHONASYNCIODEBUG": "1"}),
    "uvloop": Leg(HERE, settings={"GRPC_BRIDGE_TEST_LOOP": "uvloop"}),
    "3.10-oldest": Leg("3.10", "oldest"),
    **{version: Leg(version) for version in ("3.10", "3.11", "3.12", "3.13")},
}


def main() -> int:
    """Run the legs that are asked for; 1 if the tests of one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__.partition("\n")[0])
    parser.add_argument("legs", nargs="*", metavar="LEG", help=f"of {', '.join(LEGS)}; all, if none is named")
    parser.add_argument("--tests", default=" ".join(("-n 2", *RUN_TIME)), help="pytest's arguments")
    options = parser.parse_args()
    if unknown := set(options.legs) - set(LEGS):
        parser.error(f"there is no leg {', '.join(sorted(unknown))}")
    outcomes: dict[str, str] = {}
    for name in options.legs or LEGS:
        leg, began = LEGS[name], time.monotonic()
        print(f"==== {name}: Python {leg.python}, {leg.grpcio} grpcio", *leg.settings, flush=True)
        in_the_way = prepare(leg)
        if in_the_way is not None:
            outcomes[name] = f"skipped: {in_the_way}"
        else:
            outcomes[name] = "failed" if run(leg, options.tests.split()) else "passed"
        print(f"==== {name}: {outcomes[name]}, {time.monotonic() - began:.0f} s", flush=True)
    print(*(f"{name}: {outcome}" for name, outcome in outcomes.items()), sep="\n")
    return int("failed" in outcomes.values())


if __name__ == "__main__":
    sys.exit(main())
