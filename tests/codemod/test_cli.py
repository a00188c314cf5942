"""The command line: exit statuses, streams, and the bytes on the disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from grpc_bridge.codemod import report, runner, writing
from grpc_bridge.codemod.cli import main

from .tool import generated

BEFORE = """\
import grpc
from greet_pb2_grpc import GreeterStub


def use(stub: GreeterStub):
    return stub.Hi(1)
"""
AFTER = BEFORE.replace("import grpc\n", "import grpc_bridge as grpc\n", 1)
AFTER = AFTER.replace("def use", "async def use").replace("return stub", "return await stub")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "greet_pb2_grpc.py").write_text(generated())
    (tmp_path / "app.py").write_text(BEFORE)
    return tmp_path


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_done(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(project)]) == 0
    assert (project / "app.py").read_text() == AFTER
    assert (project / "greet_pb2_grpc.py").read_text() == generated()
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "1 file changed, 1 unchanged\n"
    assert sorted(tree(project)) == ["app.py", "greet_pb2_grpc.py"]


def test_diff_writes_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(project)
    assert main(["--diff", str(project)]) == 0
    assert tree(project) == before
    out, err = capsys.readouterr()
    assert out.startswith(f"--- a/{project}/app.py\n+++ b/{project}/app.py\n")
    assert "+    return await stub.Hi(1)\n" in out
    assert err == "1 file would change, 1 unchanged\n"


def test_check_says_that_work_is_left(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(project)
    assert main(["--check", str(project)]) == 1
    assert tree(project) == before
    assert capsys.readouterr().out == ""
    main([str(project)])
    assert main(["--check", str(project)]) == 0


def test_a_single_file_reads_the_generated_code_beside_it(project: Path) -> None:
    assert main([str(project / "app.py")]) == 0
    assert (project / "app.py").read_text() == AFTER


@pytest.mark.parametrize("argv", [[], ["--unknown", "."]])
def test_usage(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2


def test_no_such_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "missing")]) == 2
    assert "missing" in capsys.readouterr().err


def test_a_file_that_does_not_parse(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = "import grpc\n\n\ndef broken(:\n    pass\n"
    (project / "broken.py").write_text(broken)
    assert main([str(project)]) == 3
    assert (project / "broken.py").read_text() == broken
    assert (project / "app.py").read_text() == AFTER
    err = capsys.readouterr().err
    assert f"{project}/broken.py:4:12: failed: syntax error" in err
    assert "1 failed" in err


def test_findings_name_their_place(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        BEFORE,
        "",
        "class Client:",
        "    def __init__(self, stub: GreeterStub):",
        "        stub.Hi(1)",
        "",
    ]
    (project / "app.py").write_text("\n".join(lines))
    assert main([str(project)]) == 0
    assert f"{project}/app.py:10:5: GB713 Client.__init__ stays sync" in capsys.readouterr().err


def test_nothing_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plain.py").write_text("x = 1\n")
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().err == "0 files changed, 1 unchanged\n"


@pytest.mark.parametrize(
    "data",
    [
        BEFORE.replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + BEFORE.encode(),
        b"# -*- coding: latin-1 -*-\n" + BEFORE.encode() + b"NAME = '\xe9'\n",
        BEFORE.replace("    ", "\t").encode(),
        BEFORE.rstrip("\n").encode(),
        BEFORE.encode() + "def é(é: GreeterStub): é.Hi('é'); é.Hi('é')  # é\n".encode(),
        BEFORE.encode() + b"\x0c\n\nx = [1,\n  2]\n",
    ],
    ids=["crlf", "bom", "latin-1", "tabs", "no newline at the end", "not ascii", "form feed"],
)
def test_everything_else_is_kept_to_the_byte(project: Path, data: bytes) -> None:
    (project / "app.py").write_bytes(data)
    expected = data.replace(b"import grpc", b"import grpc_bridge as grpc", 1).replace(
        b"def use", b"async def use"
    )
    expected = expected.replace(b"return stub", b"return await stub")
    expected = expected.replace("def é".encode(), "async def é".encode()).replace(
        "é.Hi".encode(), "await é.Hi".encode()
    )
    assert main([str(project)]) == 0
    assert (project / "app.py").read_bytes() == expected


def test_mode_is_kept(project: Path) -> None:
    (project / "app.py").chmod(0o755)
    main([str(project)])
    assert (project / "app.py").stat().st_mode & 0o777 == 0o755


def test_a_link_is_followed(project: Path, tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (project / "app.py").rename(real / "app.txt")
    (project / "app.py").symlink_to(real / "app.txt")
    assert main([str(project / "app.py")]) == 0
    assert (project / "app.py").is_symlink()
    assert (real / "app.txt").read_text() == AFTER


@pytest.mark.parametrize("error", [OSError(28, "No space left on device", "app"), KeyboardInterrupt()])
def test_all_files_or_none(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
) -> None:
    """The second of two replacements fails: the first is undone."""
    (project / "other.py").write_text(BEFORE)
    before = tree(project)
    real, calls = os.replace, 0

    def replace(source: str, target: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise error
        real(source, target)

    monkeypatch.setattr(writing.os, "replace", replace)
    assert main([str(project)]) == 3
    assert tree(project) == before
    assert "nothing was changed" in capsys.readouterr().err


def test_a_file_that_changed_meanwhile(project: Path) -> None:
    result = runner.migrate([project])
    (project / "app.py").write_text("# edited\n")
    with pytest.raises(runner.WriteError, match="changed while"):
        runner.write(result)
    assert (project / "app.py").read_text() == "# edited\n"


def test_as_a_module(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "grpc_bridge.codemod", "--diff", str(project)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "+async def use(stub: GreeterStub):" in done.stdout
    assert (project / "app.py").read_text() == BEFORE


def test_it_runs_where_nothing_is_compiled(project: Path) -> None:
    """Neither grpcio nor the core is imported."""
    program = (
        "import sys; from grpc_bridge.codemod.cli import main; status = main(sys.argv[1:]);"
        "assert not {'grpc', 'grpc_bridge._api', 'grpc_bridge._cy'} & set(sys.modules); sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(project)], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (project / "app.py").read_text() == AFTER


def test_interrupted_while_it_analyses(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tree(project)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runner.infer, "infer", interrupt)
    assert main([str(project)]) == 3
    assert tree(project) == before


def test_a_read_only_file_keeps_every_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "other.py").write_text(BEFORE)
    (project / "other.py").chmod(0o444)
    before = tree(project)
    assert main([str(project)]) == 3
    assert tree(project) == before
    told = f"nothing was changed: {project}/other.py: Permission denied\n"
    assert capsys.readouterr().err == f"grpc_bridge.codemod: {told}"


def test_interrupted_before_it_begins(project: Path) -> None:
    """While modules are imported, which is most of a short run."""
    program = (
        "import runpy, signal, sys; sys.argv = ['codemod', *sys.argv[1:]];"
        # What runs in the background of a shell inherits that it is ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler);"
        "sys.addaudithook(lambda name, given: name == 'import' and given[0].endswith('codemod.cli')"
        " and signal.raise_signal(signal.SIGINT));"
        "runpy.run_module('grpc_bridge.codemod', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(project)], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "grpc_bridge.codemod: interrupted, nothing was changed\n"


def test_interrupted_after_it_has_rewritten(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(report, "render", interrupt)
    assert main(["--diff", "--report", str(project / "x.txt"), str(project)]) == 3
    assert capsys.readouterr().err == "grpc_bridge.codemod: interrupted, nothing was changed\n"
    assert main(["--report", str(project / "x.txt"), str(project)]) == 3
    assert (project / "app.py").read_text() == AFTER
    assert capsys.readouterr().err == "grpc_bridge.codemod: interrupted after the files were rewritten\n"


def test_a_reader_that_has_seen_enough(project: Path) -> None:
    """As in `--diff | head -1`."""
    reading, writing_end = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "grpc_bridge.codemod", "--diff", str(project)],
        stdout=writing_end,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writing_end)
    os.close(reading)
    told = process.communicate(timeout=30)[1]
    assert (process.returncode, told) == (0, "1 file would change, 1 unchanged\n")


def test_standard_output_that_is_full(project: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "grpc_bridge.codemod", "--diff", str(project)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 3
    assert (
        done.stderr == "grpc_bridge.codemod: standard output could not be written: No space left on device\n"
    )


@pytest.mark.parametrize(
    "data", [b"import grpc\nx = '\x00'\n", b"import grpc\nx = '\xff'\n", b"print 'grpc'\n"]
)
def test_files_that_are_not_python(project: Path, data: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "odd.py").write_bytes(data)
    assert main([str(project)]) == 3
    assert (project / "odd.py").read_bytes() == data
    assert (project / "app.py").read_text() == AFTER
    assert "odd.py:" in capsys.readouterr().err
