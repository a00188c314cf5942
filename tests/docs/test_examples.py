"""Every example of README.md and docs/ is run, or says why it is not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .pages import ROOT, examples, pages

TIMEOUT = 150
EXAMPLES = [example for page in pages() for example in examples(page)]
MARKED = [example for example in EXAMPLES if not example.runs]
RUN_HERE = [example for example in EXAMPLES if example.runs]

INSTRUMENTATION = "docs/instrumentation.md"
"""Replaces grpcio's functions for the whole process."""

ALONE = sorted(
    {example.page for example in RUN_HERE if example.mark or example.language == "sh"} | {INSTRUMENTATION}
)
"""Pages that have a process of their own."""

TOGETHER = sorted({example.page for example in RUN_HERE} - set(ALONE))

pytestmark = pytest.mark.timeout(TIMEOUT + 10)


@pytest.mark.parametrize("run", [TOGETHER, *([page] for page in ALONE)], ids=lambda run: "+".join(run))
def test_the_examples_run(run: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.docs.run_page", *run],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ran = [line.removeprefix("ran ") for line in done.stdout.splitlines() if line.startswith("ran ")]
    assert ran == [example.where for page in run for example in examples(page) if example.runs]


@pytest.mark.parametrize("page", sorted({example.page for example in MARKED}))
def test_what_is_not_run_here_says_who_runs_it_or_why_nobody_does(page: str) -> None:
    for example in MARKED:
        if example.page == page and example.mark == "not run":
            assert len(example.said.split()) >= 3, f"{example.where}: give a reason"
        elif example.page == page:
            module = (ROOT / example.said).read_text("utf-8")
            assert page.rpartition("/")[2] in module, f"{example.where}: {example.said} knows nothing of it"


def test_there_are_examples() -> None:
    assert len(RUN_HERE) >= 40
    assert {example.language for example in EXAMPLES} >= {"python", "sh", "toml"}
