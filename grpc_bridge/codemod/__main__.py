"""`python -m grpc_bridge.codemod`."""

import gc
import sys

# All that a run makes lives as long as the process: to look for what can go, even at the end, is in vain.
gc.disable()

from .cli import main  # noqa: E402

status = main()
gc.freeze()
sys.exit(status)
