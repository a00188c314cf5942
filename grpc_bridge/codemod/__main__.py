"""`python -m grpc_bridge.codemod`."""

import sys

from .cli import main

sys.exit(main())
