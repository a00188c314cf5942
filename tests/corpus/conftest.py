"""Each file is rewritten in both ways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from grpc_bridge.codemod import runner

from ..codemod.tool import both_ways

# Some of the programs have tests of their own, which they run themselves.
collect_ignore = ["programs"]


@pytest.fixture(autouse=True, scope="session")
def _session() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "rewrite", both_ways)
        yield
