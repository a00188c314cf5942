"""``python -m grpc_bridge.protoc``: grpcio-tools' protoc, which knows ``--grpc_python_async_out`` too."""

from __future__ import annotations

import shlex
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

_MISSING = (
    "grpc_bridge.protoc runs the protoc that comes with grpcio-tools, which is not installed: "
    "pip install grpcio-tools (grpc_bridge's extra `protoc`), or use another protoc with the plugin "
    "protoc-gen-grpc_python_async"
)

_NOT_ON_WINDOWS = (
    "python -m grpc_bridge.protoc hands its plugin to protoc as a shell script, and does not run on Windows. "
    "Run python -m grpc_tools.protoc in its place, with protoc-gen-grpc_python_async on PATH"
)

# Run with the interpreter and the modules of this program.
_PLUGIN = """\
import sys
sys.path[:] = {path}
from grpc_bridge.protoc.plugin import main
sys.exit(main())
"""


def main(arguments: Sequence[str]) -> int:
    """Run protoc with these arguments; its exit status. What it says goes to stdout and stderr."""
    if sys.platform == "win32":
        print(_NOT_ON_WINDOWS, file=sys.stderr)
        return 1
    try:
        import grpc_tools
        from grpc_tools import protoc
    except ImportError:
        print(_MISSING, file=sys.stderr)
        return 1
    well_known = Path(grpc_tools.__file__).with_name("_proto")
    with tempfile.TemporaryDirectory(prefix="grpc_bridge") as folder:
        plugin = Path(folder, "protoc-gen-grpc_python_async")
        code = _PLUGIN.format(path=sys.path)
        plugin.write_text(f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(code)}\n")
        plugin.chmod(0o700)
        status: int = protoc.main(
            ["protoc", f"--plugin={plugin.name}={plugin}", *arguments, f"-I{well_known}"]
        )
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
