"""The codemod's cache is kept out of the user's own, and each file is rewritten in both ways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from grpc_bridge.codemod import runner

from .tool import both_ways


@pytest.fixture(autouse=True, scope="session")
def _session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(runner, "rewrite", both_ways)
        yield
