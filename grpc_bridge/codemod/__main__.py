"""`python -m grpc_bridge.codemod`."""

import gc
import sys

# All that a run makes lives as long as the process: to look for what can go, even at the end, is in vain.
gc.disable()

try:
    from .cli import main

    status = main()
except KeyboardInterrupt:
    # Before the command line was read; later `main` answers itself.
    print("grpc_bridge.codemod: interrupted, nothing was changed", file=sys.stderr)
    status = 3
gc.freeze()
sys.exit(status)
