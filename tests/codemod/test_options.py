"""Each option of the command line: what it prints where, what it leaves on the disk, how it ends."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import grpc_bridge
from grpc_bridge.codemod import rules
from grpc_bridge.codemod.cli import main

from .test_cli import AFTER, BEFORE, project, tree
from .tool import command_after, generated, limited

__all__ = ["project"]

SWAPPED = BEFORE.replace("import grpc\n", "import grpc_bridge as grpc\n", 1)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command; returns its status and what it wrote to the two streams."""

    def call(*argv: object) -> tuple[int, str, str]:
        status = main([str(part) for part in argv])
        out, err = capsys.readouterr()
        return status, out, err

    return call


def usage(capsys: pytest.CaptureFixture[str], *argv: object) -> str:
    """The complaint of a command line that makes no sense."""
    with pytest.raises(SystemExit) as caught:
        main([str(part) for part in argv])
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()[-1]


# --only and --skip


def test_only_the_import(project: Path, run: Run) -> None:
    assert run("--only", "GB101", project) == (0, "", "1 file changed, 1 unchanged\n")
    assert (project / "app.py").read_text() == SWAPPED


def test_a_function_stays_sync_that_needs_a_rule_left_out(project: Path, run: Run) -> None:
    streams = BEFORE + "\n\ndef read(stub: GreeterStub):\n    for x in stub.Many(1):\n        print(x)\n"
    calls = "\n\ndef both(stub: GreeterStub):\n    read(stub)\n    return use(stub)\n"
    (project / "app.py").write_text(streams + calls)
    assert run("--skip", "GB205,GB402", project)[0] == 0
    text = (project / "app.py").read_text()
    assert "async def use" in text
    assert "\ndef read" in text
    assert "    for x in stub.Many" in text
    assert "async def both" in text
    assert "await asyncio.to_thread(read, stub)" in text


def test_without_the_import_nothing_can_await(project: Path, run: Run) -> None:
    before = tree(project)
    assert run("--skip", "GB101", project)[0] == 0
    assert tree(project) == before


def test_without_entry_points_main_stays_sync(project: Path, run: Run) -> None:
    guard = "\n\nif __name__ == '__main__':\n    use(GreeterStub(grpc.insecure_channel('x')))\n"
    (project / "app.py").write_text(BEFORE + guard)
    run("--skip", "GB501", project)
    assert (project / "app.py").read_text() == SWAPPED + guard


@pytest.mark.parametrize("option", ["--only", "--skip"])
def test_a_rule_that_does_not_exist(option: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no rule is called GB999" in usage(capsys, option, "GB101,GB999", project)


@pytest.mark.parametrize("rules_given", ["", " , "])
def test_a_list_of_no_rules(rules_given: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A variable of a script that is not set asks for nothing, and not for everything."""
    assert "argument --only: names no rule" in usage(capsys, "--only", rules_given, project)


@pytest.mark.parametrize("option", ["--include", "--exclude"])
def test_a_pattern_that_is_none(option: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = usage(capsys, option, "[z-a]", project)
    assert f"{option.strip('-')} '[z-a]' is no pattern of .gitignore: bad character range z-a" in told


# What is printed and nothing else


def test_list_rules(run: Run) -> None:
    status, out, err = run("--list-rules")
    assert (status, err) == (0, "")
    assert [line.split()[:2] for line in out.splitlines()] == [[r.id, r.slug] for r in rules.RULES]


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.slug)
def test_explain(rule: rules.Rule, run: Run) -> None:
    assert run("--explain", rule.id) == (0, rule.documentation(), "")


def test_explain_a_rule_that_does_not_exist(run: Run) -> None:
    status, out, err = run("--explain", "GB999")
    assert (status, out) == (2, "")
    assert "GB999" in err


def test_explain_a_line_that_does_not_exist(project: Path, run: Run) -> None:
    file = project / "app.py"
    for line in (0, 99):
        told = f"grpc_bridge.codemod: --explain {file}:{line}: {file} has 7 lines\n"
        assert run("--explain", f"{file}:{line}") == (2, "", told)


def test_quiet(project: Path, run: Run) -> None:
    assert run("--quiet", project) == (0, "", "")
    assert (project / "app.py").read_text() == AFTER


def test_quiet_tells_of_failures(project: Path, run: Run) -> None:
    (project / "broken.py").write_text("import grpc\n(")
    status, out, err = run("--quiet", project)
    assert (status, out) == (3, "")
    assert err.startswith(f"{project}/broken.py:2:1: failed: ")
    assert len(err.splitlines()) == 1


def test_check_says_what_is_left(project: Path, run: Run) -> None:
    status, out, err = run("--check", project)
    assert (status, out) == (1, "")
    assert f"{project}/app.py: left to do: 1 x GB101, 1 x GB201, 1 x GB202\n" in err


LOCKED = """\
import threading
import grpc_bridge as grpc
from greet_pb2_grpc import GreeterStub

lock = threading.Lock()


def use(stub: GreeterStub):{mark}
    with lock:
        return stub.Hi(1)
"""


def test_check_asks_for_a_decision_until_it_is_taken(project: Path, run: Run) -> None:
    (project / "app.py").write_text(LOCKED.format(mark=""))
    status, _, err = run("--check", project)
    assert status == 1
    assert f"{project}/app.py:8:1: GB704 use stays sync: " in err
    assert "asyncio.Lock" in err
    (project / "app.py").write_text(LOCKED.format(mark="  # grpc-bridge: keep"))
    assert run("--check", project)[0] == 0


# --include and --exclude


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        (["--exclude", "tests/"], ["app.py", "lib/app.py"]),
        (["--exclude", "/app.py"], ["lib/app.py", "tests/app.py"]),
        (["--include", "lib/**"], ["lib/app.py"]),
        (["--include", "lib/", "--include", "tests/", "--exclude", "tests/*"], ["lib/app.py"]),
        (["--exclude", "*.py", "--exclude", "!app.py"], ["app.py", "lib/app.py", "tests/app.py"]),
    ],
)
def test_include_and_exclude(project: Path, run: Run, options: list[str], changed: list[str]) -> None:
    for folder in ("lib", "tests"):
        (project / folder).mkdir()
        (project / folder / "app.py").write_text(BEFORE)
    before = tree(project)
    assert run("--quiet", *options, project)[0] == 0
    after = tree(project)
    assert sorted(name for name in after if after[name] != before[name]) == changed


# Standard input


def from_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_stdin(project: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    from_stdin(monkeypatch, BEFORE.encode())
    before = tree(project)
    assert run("-") == (0, AFTER, "1 file would change, 0 unchanged\n")
    assert tree(project) == before


def test_stdin_in_bytes(project: Path) -> None:
    data = b"# coding: latin-1\r\n" + BEFORE.replace("\n", "\r\n").encode() + b"x = '\xe9'\r\n"
    done = subprocess.run(
        [sys.executable, "-m", "grpc_bridge.codemod", "-"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(Path(grpc_bridge.__file__).parents[1])},
        input=data,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"# coding: latin-1\r\n" + AFTER.replace("\n", "\r\n").encode() + b"x = '\xe9'\r\n"


@pytest.mark.parametrize(
    ("options", "status", "shown"),
    [([], 0, AFTER), (["--check"], 1, ""), (["--diff"], 0, "--- a/<stdin>\n+++ b/<stdin>\n")],
)
def test_stdin_with_other_options(
    project: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    status: int,
    shown: str,
) -> None:
    monkeypatch.chdir(project)
    from_stdin(monkeypatch, BEFORE.encode())
    got, out, _ = run(*options, "-")
    assert got == status
    assert out.startswith(shown)
    assert bool(out) == bool(shown)


def test_stdin_that_does_not_parse_comes_out_as_it_was(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from_stdin(monkeypatch, b"import grpc\n(")
    status, out, err = run("-")
    assert (status, out) == (3, "import grpc\n(")
    assert err.startswith("<stdin>:2:1: failed: ")


def test_stdin_stands_alone(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "- stands alone" in usage(capsys, "-", project)


# The baseline


def test_baseline(project: Path, run: Run) -> None:
    file = project / "baseline.json"
    before = tree(project)
    status, out, _ = run("--write-baseline", "--baseline", file, project)
    assert (status, out) == (0, "")
    assert {name: data for name, data in tree(project).items() if name != "baseline.json"} == before
    assert run("--check", "--baseline", file, project) == (0, "", "nothing new since the baseline\n")

    # Lines may move; new work is told, and only that.
    new = "\n\ndef more(stub: GreeterStub):\n    return stub.Hi(2)\n"
    (project / "app.py").write_text("# moved\n\n" + BEFORE + new)
    status, out, err = run("--check", "--baseline", file, project)
    assert (status, out) == (1, "")
    assert err.splitlines() == [
        f"{project}/app.py:11:1: GB201 A function that awaits becomes `async def`.",
        f"{project}/app.py:12:12: GB202 A call that waits for one response is awaited, `with_call` included.",
        "2 new since the baseline",
    ]


def test_a_baseline_from_which_work_is_gone(project: Path, run: Run) -> None:
    file = project / "baseline.json"
    run("--write-baseline", "--baseline", file, project)
    run("--quiet", project)
    status, _, err = run("--check", "--baseline", file, project)
    assert (status, err) == (0, "nothing new since the baseline; 3 of it is done, write it again\n")


def test_the_same_line_again_is_new(project: Path, run: Run) -> None:
    file = project / "baseline.json"
    run("--write-baseline", "--baseline", file, project)
    (project / "app.py").write_text(BEFORE + "    return stub.Hi(1)\n")
    assert run("--check", "--baseline", file, project)[0] == 1


def test_a_baseline_is_the_same_from_everywhere(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    run("--write-baseline", "--baseline", "baseline.json", ".")
    assert json.loads((project / "baseline.json").read_text())["accepted"][0]["path"] == "app.py"
    monkeypatch.chdir("/")
    assert run("--check", "--baseline", project / "baseline.json", project)[0] == 0


@pytest.mark.parametrize("content", [None, "", "[]", '{"version": 2}', '{"version": 1, "accepted": [{}]}'])
def test_a_baseline_that_is_none(project: Path, run: Run, content: str | None) -> None:
    file = project / "baseline.json"
    if content is not None:
        file.write_text(content)
    status, out, err = run("--check", "--baseline", file, project)
    assert (status, out) == (2, "")
    assert str(file) in err


def test_a_baseline_that_cannot_be_written(
    project: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "folder").mkdir()
    status, out, err = run("--write-baseline", "--baseline", project / "folder", project)
    assert (status, out) == (3, "")
    assert f"the baseline {project}/folder could not be written: Is a directory\n" in err
    status, _, err = run("--check", "--baseline", project / "folder", project)
    assert (status, err) == (2, f"grpc_bridge.codemod: {project}/folder: Is a directory\n")
    missing = project / "no" / "x.json"
    told = usage(capsys, "--write-baseline", "--baseline", missing, project)
    assert f"--baseline {missing}: no such directory" in told


def test_the_old_baseline_stays_where_the_disk_is_full(project: Path) -> None:
    """No file of the process may grow beyond what is less than the new baseline."""
    file = project / "baseline.json"
    file.write_text("old")
    done = command_after(limited(10), "--write-baseline", "--baseline", file, project)
    assert done.returncode == 3
    assert f"the baseline {file} could not be written: File too large\n" in done.stderr
    assert sorted(tree(project)) == ["app.py", "baseline.json", "greet_pb2_grpc.py"]
    assert file.read_text() == "old"


def test_options_that_need_others(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--write-baseline needs --baseline" in usage(capsys, "--write-baseline", project)
    assert "it needs --check" in usage(capsys, "--baseline", "x.json", project)


@pytest.mark.parametrize("number", ["0", "-1", "two"])
def test_jobs_that_are_no_number(number: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = f"argument --jobs: '{number}' is not a number of processes"
    assert message in usage(capsys, f"--jobs={number}", project)


# The configuration


def configure(project: Path, text: str) -> Path:
    file = project / "pyproject.toml"
    file.write_text("[tool.grpc_bridge]\n" + text)
    return file


def test_configuration(project: Path, run: Run) -> None:
    configure(project, 'only = ["GB101"]\nquiet = true\nreport = ["report.json"]\n')
    assert run(project / "app.py") == (0, "", "")
    assert (project / "app.py").read_text() == SWAPPED
    assert (project / "report.json").exists()


def test_the_command_line_goes_first(project: Path, run: Run) -> None:
    configure(project, 'only = ["GB101"]\n')
    run("--only", ",".join(rule.id for rule in rules.RULES), project)
    assert (project / "app.py").read_text() == AFTER


def test_a_baseline_of_the_configuration(project: Path, run: Run) -> None:
    configure(project, 'baseline = "baseline.json"\n')
    assert run("--write-baseline", project)[0] == 0
    assert (project / "baseline.json").exists()
    assert run("--check", project)[0] == 0
    assert run(project)[0] == 0


def test_keep_sync_of_the_configuration(project: Path, run: Run) -> None:
    configure(project, 'keep_sync = ["app.use"]\n')
    assert run(project)[0] == 0
    assert (project / "app.py").read_text() == SWAPPED


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("onyl = ['GB101']", "tool.grpc_bridge.onyl is not known; known are baseline, exclude, "),
        ("only = 'GB101'", "tool.grpc_bridge.only has to be a list of strings"),
        ("exclude = [1]", "tool.grpc_bridge.exclude has to be a list of strings"),
        ("quiet = 'yes'", "tool.grpc_bridge.quiet has to be true or false"),
        ("baseline = true", "tool.grpc_bridge.baseline has to be a string"),
        ("style = 'baroque'", "style 'baroque' is none of iterate, send-receive"),
        ("only = ['GB000']", "no rule is called GB000"),
        ("check = true", "tool.grpc_bridge.check is not known"),
        ("only = [", "pyproject.toml: "),
        ("exclude = ['[z-a]']", "exclude '[z-a]' is no pattern of .gitignore"),
    ],
)
def test_a_configuration_that_makes_no_sense(
    project: Path, capsys: pytest.CaptureFixture[str], text: str, complaint: str
) -> None:
    configure(project, text)
    assert complaint in usage(capsys, project)
    assert (project / "app.py").read_text() == BEFORE


@pytest.mark.parametrize("text", ["tool = 'grpc_bridge'", "[tool]\ngrpc_bridge = 5", "[[tool.grpc_bridge]]"])
def test_a_configuration_that_is_no_table(
    project: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (project / "pyproject.toml").write_text(text)
    told = usage(capsys, project)
    assert f"{project}/pyproject.toml: [tool.grpc_bridge] has to be a table of settings" in told


def test_a_nearer_pyproject_of_others_is_passed_over(project: Path, run: Run) -> None:
    configure(project, 'only = ["GB101"]\n')
    inner = project / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text("[tool.black]\n")
    (inner / "greet_pb2_grpc.py").write_text(generated())
    (inner / "app.py").write_text(BEFORE)
    run(inner)
    assert (inner / "app.py").read_text() == SWAPPED


# Reports, as far as the command line goes


def test_reports_of_every_kind(project: Path, run: Run, tmp_path: Path) -> None:
    files = [tmp_path / f"out{ending}" for ending in (".txt", ".json", ".sarif", ".html")]
    options = [part for file in files for part in ("--report", file)]
    assert run("--check", *options, project)[0] == 1
    assert (project / "app.py").read_text() == BEFORE
    assert all("GB202" in file.read_text() for file in files)


def test_a_report_of_a_run_that_rewrites(project: Path, run: Run, tmp_path: Path) -> None:
    report = tmp_path / "out.txt"
    assert run("--report", report, project) == (0, "", "1 file changed, 1 unchanged\n")
    assert (project / "app.py").read_text() == AFTER
    assert "1 file changed, 1 unchanged, 0 failed\n3 edits" in report.read_text()
    assert run("--diff", "--report", report, project)[0] == 0
    assert "0 files to change" in report.read_text()


def test_the_help_says_what_only_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert "in place: all files or none" in " ".join(text.split())
    group = text.partition("to look, and rewrite nothing:")[2]
    options = {word for line in group.splitlines() for word in line.split()[:1] if word.startswith("--")}
    looking = {"--diff", "--check", "--graph", "--explain", "--list-rules", "--write-baseline"}
    assert looking <= options
    assert options.isdisjoint({"--report", "--only"})


def test_a_report_of_no_known_kind(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "its ending has to be one of" in usage(capsys, "--report", "out.pdf", project)
    assert "no such directory" in usage(capsys, "--report", project / "no" / "out.txt", project)


def test_a_report_that_cannot_be_written(project: Path, run: Run) -> None:
    (project / "out.txt").mkdir()
    status, _, err = run("--report", project / "out.txt", project)
    assert status == 3
    assert f"the report {project}/out.txt could not be written: Is a directory" in err


def test_no_bar_where_nobody_sees_it(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "grpc_bridge.codemod", str(project)],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.stderr == b"1 file changed, 1 unchanged\n"


@pytest.mark.parametrize(
    ("ci", "quiet", "shown"), [("", "", True), ("true", "", False), ("", "--quiet", False)]
)
def test_the_bar_on_a_terminal(project: Path, ci: str, quiet: str, shown: bool) -> None:
    """Its own terminal: a pseudo-terminal, read to the end."""
    master, slave = pty.openpty()
    options = [quiet] if quiet else []
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "grpc_bridge.codemod", *options, str(project)],
            stdout=subprocess.DEVNULL,
            stderr=slave,
            env={**os.environ, "CI": ci, "TERM": "xterm"},
        )
        os.close(slave)
        text = b""
        while True:
            try:
                part = os.read(master, 4096)
            except OSError:
                # The other end is closed.
                break
            text += part
        assert process.wait(30) == 0
    finally:
        os.close(master)
    assert (b"rewriting" in text) == shown
