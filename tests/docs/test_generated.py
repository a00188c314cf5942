"""The pages that say what the code says are what `python -m docs.generate` writes."""

from __future__ import annotations

import pytest

from docs import generate


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    assert (generate.DOCS / name).read_text("utf-8") == generate.page(name), "run python -m docs.generate"
