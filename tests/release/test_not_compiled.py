"""Without the compiled core: the codemod works, and what needs the core says what is missing.

And with a grpcio whose private layer is not the one that we know: that, too, is said at the import.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import grpc
import pytest

ROOT = Path(__file__).parents[2]
PATIENCE = 50


def python(*arguments: str, path: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=cwd,
        env={"PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1", "XDG_CACHE_HOME": str(cwd / "cache")},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package as it is in a checkout, where nothing was compiled."""
    folder = tmp_path_factory.mktemp("sources")
    compiled = shutil.ignore_patterns("*.so", "*.c", "__pycache__")
    shutil.copytree(ROOT / "grpc_bridge", folder / "grpc_bridge", ignore=compiled)
    return folder


PROGRAM = """\
import grpc


def main():
    with grpc.insecure_channel("localhost:50051") as channel:
        print(channel.unary_unary("/s/Ask")(b"a"))
"""


# Fails where the codemod, or what it imports, asks for grpcio or for the core.
ALONE = """\
import runpy, sys

NOT_NEEDED = {"grpc", "google", "greenlet", "asyncstdlib", "grpc_bridge._cy", "grpc_bridge._api"}

class Refusing:
    def find_spec(self, name, path=None, target=None):
        assert name not in NOT_NEEDED, f"{name} is imported"

sys.meta_path.insert(0, Refusing())
runpy.run_module("grpc_bridge.codemod", run_name="__main__", alter_sys=True)
"""


def test_the_codemod_works_alone(sources: Path, tmp_path: Path) -> None:
    (tmp_path / "alone.py").write_text(ALONE)
    program, report = tmp_path / "program.py", tmp_path / "report.html"
    program.write_text(PROGRAM)
    done = python("alone.py", "--report", str(report), "program.py", path=sources, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert 'await channel.unary_unary("/s/Ask")(b"a")' in program.read_text()
    assert report.is_file()


NEED_THE_CORE = ["aio", "experimental", "insecure_channel", "proto", "server"]

USE = """\
import sys
import grpc_bridge

for name in sys.argv[1:]:
    try:
        getattr(grpc_bridge, name)
    except ImportError as error:
        print(name, error)
"""


def test_what_needs_the_core_says_that_it_is_missing(sources: Path, tmp_path: Path) -> None:
    done = python("-c", USE, *NEED_THE_CORE, path=sources, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert list(said) == NEED_THE_CORE
    (message,) = set(said.values())
    assert message == (
        "grpc_bridge._cy.client_call is not compiled for this Python: install grpc_bridge with pip, "
        "which builds it (python -m grpc_bridge.codemod works without it)"
    )


ANOTHER_GRPCIO = """\
from grpc import _channel
from grpc._cython import cygrpc

del cygrpc.SendMessageOperation, _channel._augment_options
import grpc_bridge

try:
    grpc_bridge.insecure_channel
except ImportError as error:
    print(error)
"""


def test_a_grpcio_whose_private_layer_is_another_is_refused_by_name(tmp_path: Path) -> None:
    done = python("-c", ANOTHER_GRPCIO, path=ROOT, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        f"grpc_bridge supports grpcio >=1.71,<2; the installed grpcio {grpc.__version__} has no "
        "grpc._cython.cygrpc.SendMessageOperation, grpc._channel._augment_options\n"
    )
