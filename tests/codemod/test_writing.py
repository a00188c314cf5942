"""All files or none: what happens to the tree when a run cannot finish its writing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grpc_bridge.codemod import runner, writing
from grpc_bridge.codemod.cli import main

from .test_cli import AFTER, BEFORE, project, tree
from .tool import command_after, limited

__all__ = ["project"]

FILES = ("app.py", "b.py", "c.py")


@pytest.fixture
def three(project: Path) -> Path:
    for name in FILES:
        (project / name).write_text(BEFORE)
    return project


def fail_replace(monkeypatch: pytest.MonkeyPatch, fails: Callable[[int], bool]) -> None:
    """Have the replacements fail of which the number, from 1, is one of these."""
    real, calls = os.replace, 0

    def replace(source: Path, target: Path) -> None:
        nonlocal calls
        calls += 1
        if fails(calls):
            raise OSError(5, "Input/output error", str(target))
        real(source, target)

    monkeypatch.setattr(writing.os, "replace", replace)


def interrupt_replace(monkeypatch: pytest.MonkeyPatch, at: int, number: int, late: bool) -> Callable[[], int]:
    """Send this process a signal at the replacement `at`, before or after it; returns how many there were."""
    real, calls = os.replace, 0

    def replace(source: Path, target: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == at and not late:
            os.kill(os.getpid(), number)
        real(source, target)
        if calls == at and late:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(writing.os, "replace", replace)
    return lambda: calls


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("at", range(1, len(FILES) + 1))
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_at_each_replacement(
    three: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: int,
    at: int,
    late: bool,
) -> None:
    before = tree(three)
    replacements = interrupt_replace(monkeypatch, at, number, late)
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    assert main([str(three)]) == 3
    assert tree(three) == before
    assert replacements() >= at
    assert capsys.readouterr().err == "grpc_bridge.codemod: interrupted, nothing was changed\n"
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


def test_interrupted_twice(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second Ctrl-C comes while files are put back."""
    before = tree(three)
    real, calls = os.replace, 0

    def replace(source: Path, target: Path) -> None:
        nonlocal calls
        calls += 1
        if calls >= 2:
            os.kill(os.getpid(), signal.SIGINT)
        real(source, target)

    monkeypatch.setattr(writing.os, "replace", replace)
    assert main([str(three)]) == 3
    assert tree(three) == before
    assert calls == 4


def test_interrupted_while_it_writes_beside(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tree(three)
    real = writing._beside

    def beside(target: Path, data: bytes, fresh: Path) -> Path:
        os.kill(os.getpid(), signal.SIGINT)
        return real(target, data, fresh)

    monkeypatch.setattr(writing, "_beside", beside)
    assert main([str(three)]) == 3
    assert tree(three) == before


@pytest.mark.parametrize("at", range(1, len(FILES) + 1))
def test_a_replacement_that_fails(
    three: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], at: int
) -> None:
    before = tree(three)
    fail_replace(monkeypatch, lambda call: call == at)
    assert main([str(three)]) == 3
    assert tree(three) == before
    err = capsys.readouterr().err
    assert err == f"grpc_bridge.codemod: nothing was changed: {three}/{FILES[at - 1]}: Input/output error\n"


def test_a_disk_that_is_full(three: Path) -> None:
    """No file of the process may grow beyond a limit that only the last of the three needs."""
    (three / "c.py").write_text(BEFORE + "# " + "x" * 100_000 + "\n")
    before = tree(three)
    done = command_after(limited(50_000), three)
    assert done.returncode == 3
    assert done.stderr == f"grpc_bridge.codemod: nothing was changed: {three}/c.py: File too large\n"
    assert tree(three) == before


def test_where_no_links_can_be_made(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tree(three)

    def no_link(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(writing.os, "link", no_link)
    interrupt_replace(monkeypatch, 2, signal.SIGINT, True)
    assert main([str(three)]) == 3
    assert tree(three) == before
    monkeypatch.undo()
    monkeypatch.setattr(writing.os, "link", no_link)
    assert main([str(three)]) == 0
    assert sorted(tree(three)) == sorted(before)
    assert (three / "b.py").read_text() == AFTER


@pytest.mark.parametrize("change", [b"# edited\n", None])
def test_a_file_that_changed_meanwhile_keeps_all(three: Path, change: bytes | None) -> None:
    result = runner.migrate([three])
    if change is None:
        (three / "c.py").unlink()
    else:
        (three / "c.py").write_bytes(change)
    before = tree(three)
    with pytest.raises(runner.WriteError, match=r"c\.py"):
        runner.write(result)
    assert tree(three) == before


def test_links_stay_links(three: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.txt"
    (three / "b.py").rename(real)
    (three / "b.py").symlink_to(real)
    interrupted = runner.migrate([three])
    real.write_text("# edited\n")
    with pytest.raises(runner.WriteError, match=r"b\.py changed while"):
        runner.write(interrupted)
    assert (three / "b.py").is_symlink()
    real.write_text(BEFORE)
    assert main([str(three)]) == 0
    assert (three / "b.py").is_symlink()
    assert real.read_text() == AFTER


def test_the_owner_stays(three: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root may give files away")
    os.chown(three / "b.py", 1234, 1234)
    main([str(three)])
    kept = (three / "b.py").stat()
    assert (kept.st_uid, kept.st_gid) == (1234, 1234)


WITHOUT_ROOT_RIGHTS = """\
# Lets file modes hold for what is executed next, whoever the user is: PR_CAPBSET_DROP of CAP_DAC_OVERRIDE and
# CAP_DAC_READ_SEARCH; others than root need and may it not.
import ctypes
for capability in (1, 2):
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
"""


def test_a_folder_that_may_not_be_written(three: Path) -> None:
    before = tree(three)
    three.chmod(0o555)
    try:
        done = command_after(WITHOUT_ROOT_RIGHTS, "--no-cache", three)
    finally:
        three.chmod(0o755)
    assert done.returncode == 3
    assert done.stderr == f"grpc_bridge.codemod: nothing was changed: {three}: Permission denied\n"
    assert tree(three) == before


KILLED = """\
import os, signal, sys
from grpc_bridge.codemod import writing
from grpc_bridge.codemod.cli import main

real, left = os.replace, int(sys.argv[1])


def replace(source, target):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    real(source, target)


writing.os.replace = replace
main(sys.argv[2:])
"""


def killed(root: Path, at: int) -> dict[str, bytes]:
    """Have a run killed at one of its replacements; returns the tree as it was before."""
    before = tree(root)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(at), "--no-cache", str(root)],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    return before


@pytest.mark.parametrize("at", range(1, len(FILES) + 1))
def test_killed_in_the_middle(three: Path, capsys: pytest.CaptureFixture[str], at: int) -> None:
    """The next run puts back what had been replaced, says so, and does all of the work."""
    before = killed(three, at)
    assert [(three / name).read_text() for name in FILES] == [AFTER] * (at - 1) + [BEFORE] * (4 - at)
    assert main([str(three)]) == 0
    files = f"{at - 1} file{'' if at == 2 else 's'}"
    told = f"grpc_bridge.codemod: an earlier run was killed while it wrote; {files} put back as before\n"
    assert capsys.readouterr().err == f"{told}3 files changed, 1 unchanged\n"
    assert [(three / name).read_text() for name in FILES] == [AFTER, AFTER, AFTER]
    assert sorted(tree(three)) == sorted(before)


@pytest.mark.parametrize("look", ["--check", "--diff", "--check --diff", "--graph=g.svg"])
def test_who_only_looks_is_told_of_a_run_that_was_killed(
    three: Path, capsys: pytest.CaptureFixture[str], look: str
) -> None:
    killed(three, 2)
    before = tree(three)
    assert main([*look.split(), str(three)]) == 3
    assert capsys.readouterr().err == (
        "grpc_bridge.codemod: an earlier run was killed while it wrote: 1 of 3 files replaced; "
        "run the codemod without an option that only looks, and they are put back\n"
    )
    assert main(["--explain", f"{three}/app.py:6", str(three)]) == 3
    assert tree(three) == before


def test_killed_where_the_next_run_looks_at_less_or_more(tmp_path: Path, project: Path) -> None:
    """Code that one half calls in the other would be migrated wrongly, half written as it is."""
    top = tmp_path / "top"
    (top / "pkg" / "sub").mkdir(parents=True)
    for name in ("greet_pb2_grpc.py", "app.py"):
        (project / name).rename(top / "pkg" / "sub" / name)
    (top / "pkg" / "sub" / "b.py").write_text("import app\n\n\ndef main(stub):\n    return app.use(stub)\n")
    (top / "pkg" / "pyproject.toml").touch()
    before = tree(top)
    for path in (top / "pkg" / "sub" / "app.py", top / "pkg", top):
        killed(top / "pkg", 2)
        assert tree(top) != before
        assert main(["--diff", str(path)]) == 3
        assert main(["--only", "GB801", str(path)]) == 0
        assert tree(top) == before


def test_killed_and_edited_since(three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    killed(three, 3)
    (three / "b.py").write_text("# mine\n")
    before = tree(three)
    assert main([str(three)]) == 3
    err = capsys.readouterr().err
    assert f"{three}/b.py was changed since" in err
    assert f"delete {three}/.grpc_bridge-journal" in err
    assert tree(three) == before


def test_killed_and_what_was_kept_is_gone(three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    killed(three, 3)
    for kept in three.glob(".b.py.*.orig"):
        kept.unlink()
    before = tree(three)
    assert main([str(three)]) == 3
    assert "is gone: take the files back from your version control" in capsys.readouterr().err
    assert tree(three) == before


@pytest.mark.parametrize("text", ["", "{", '{"token": "x"}', "[]"])
def test_killed_before_the_journal_was_whole(
    three: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (three / ".grpc_bridge-journal").write_text(text)
    assert main([str(three)]) == 0
    assert "was killed before it had written anything\n" in capsys.readouterr().err
    assert (three / "b.py").read_text() == AFTER
    assert not (three / ".grpc_bridge-journal").exists()


def test_killed_when_all_was_written(three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(three)
    script = KILLED.replace(
        "main(sys.argv[2:])",
        "writing._replace = lambda *a, r=writing._replace: (r(*a), os.kill(os.getpid(), signal.SIGKILL))\n"
        "main(sys.argv[2:])",
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "9", "--no-cache", str(three)],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert main([str(three)]) == 0
    err = capsys.readouterr().err
    assert "an earlier run was killed when it had written all of its 3 files\n" in err
    assert [(three / name).read_text() for name in FILES] == [AFTER, AFTER, AFTER]
    assert sorted(tree(three)) == sorted(before)


def test_another_run_is_writing(three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = runner.migrate([three])
    before = tree(three)
    with writing.Journal({three / "app.py": ("", "")}).kept():
        with pytest.raises(writing.JournalError, match="another run is writing"):
            runner.write(result)
        assert main([str(three)]) == 3
        assert "another run is writing" in capsys.readouterr().err
    assert tree(three) == before


def test_what_cannot_be_put_back_stays_for_the_next_run(
    three: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree(three)
    fail_replace(monkeypatch, lambda call: call >= 2)
    assert main([str(three)]) == 3
    err = capsys.readouterr().err
    assert f"{three}/app.py could not be put back as it was (Input/output error)" in err
    assert "nothing was changed" not in err
    monkeypatch.undo()
    assert main(["--only", "GB801", str(three)]) == 0
    assert "1 file put back as before" in capsys.readouterr().err
    assert tree(three) == before
