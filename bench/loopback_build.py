"""Compiles `loopback.pyx` into build/, when it or what it stands on has changed."""

from __future__ import annotations

import fcntl
import importlib
import sys
from pathlib import Path
from types import ModuleType

_TOP = Path(__file__).resolve().parents[1]
_NAME = "bench_loopback"


def loopback() -> ModuleType:
    """The compiled module; ImportError where it cannot be made, with the reason."""
    folder = _TOP / "build" / "loopback" / sys.implementation.cache_tag
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _build(folder)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    return importlib.import_module(_NAME)


def _build(folder: Path) -> None:
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension

    # The layout of a cdef class is its .pxd's: an extension built on another one would crash.
    depends = [str(file) for file in (_TOP / "grpc_bridge" / "_cy").glob("*.pxd")]
    extension = Extension(_NAME, [str(_TOP / "bench" / "loopback.pyx")], depends=depends)
    modules = cythonize(  # type: ignore[no-untyped-call]
        [extension], build_dir=str(folder), include_path=[str(_TOP)], quiet=True
    )
    command = Distribution({"ext_modules": modules}).get_command_obj("build_ext")
    command.build_lib, command.build_temp = str(folder), str(folder)
    try:
        command.ensure_finalized()
        command.run()
    except (Exception, SystemExit) as error:
        raise ImportError(f"the loop-back transport was not compiled: {error}") from error
