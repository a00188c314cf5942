"""Every test here fails when an exception on a loop had nobody to go to."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _quiet_loops(quiet_loops: None) -> None:
    pass
