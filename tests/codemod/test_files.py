"""Files as they come: each is kept to the byte or refused with a message that names its trouble."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from grpc_bridge.codemod import discover
from grpc_bridge.codemod.cli import main

from .test_cli import AFTER, BEFORE, project, tree
from .tool import rewritten

__all__ = ["project"]

CONFLICT = """\
import grpc
<<<<<<< HEAD
x = 1
=======
x = 2
>>>>>>> theirs
"""


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"import grpc\nx = '\x00'\n", "2:1: failed: it has a NUL byte; take it out"),
        (b"import grpc\nx = '\xff'\n", "2:1: failed: it is not utf-8 (byte 0xff); save it as UTF-8, or name"),
        (b"\xef\xbb\xbf# coding: latin-1\nimport grpc\n", "its byte order mark says UTF-8"),
        (b"# coding: klingon\nimport grpc\n", "unknown encoding"),
        (b"import grpc\nprint 'hi'\n", "looks like Python 2"),
        (b"import grpc\ntry:\n    pass\nexcept ValueError, e:\n    pass\n", "looks like Python 2"),
        (b"import grpc\nraise ValueError, 'x'\n", "looks like Python 2"),
        (CONFLICT.encode(), "merge-conflict markers"),
        (CONFLICT.replace("\n", "\r\n").encode(), "merge-conflict markers"),
        (b"import grpc\ndef f(:\n    pass\n", "syntax error: invalid syntax"),
        (b"import grpc\nif 1:\n        x = 1\n    y = 2\n", "syntax error: unindent"),
        (b"import grpc\nreturn 1\n", "it does not compile as it is: 'return' outside function (line 2)"),
        (b"import grpc\ndef f(a, a):\n    pass\n", "it does not compile as it is: duplicate argument"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_kept(
    project: Path, capsys: pytest.CaptureFixture[str], data: bytes, reason: str
) -> None:
    (project / "odd.py").write_bytes(data)
    assert main([str(project)]) == 3
    assert (project / "odd.py").read_bytes() == data
    assert (project / "app.py").read_text() == AFTER
    failures = [line for line in capsys.readouterr().err.splitlines() if ": failed: " in line]
    assert len(failures) == 1
    assert failures[0].startswith(f"{project}/odd.py:")
    assert reason in failures[0]


def test_what_python_warns_of_is_no_trouble(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor is it said: neither by default nor where warnings are errors, as they are in tests."""
    odd = "odd = 1if 'x' is 1 else '\\d'\n"
    (project / "app.py").write_text(BEFORE + odd)
    assert main([str(project)]) == 0
    assert (project / "app.py").read_text() == AFTER + odd
    assert "Warning" not in capsys.readouterr().err


def test_what_only_looks_like_python_2_is_a_plain_error(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "odd.py").write_text("import grpc\nprint (1)\nx = (\n")
    assert main([str(project)]) == 3
    assert "syntax error: '(' was never closed" in capsys.readouterr().err


def test_a_huge_file(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discover, "MAX_SIZE", 1 << 20)
    data = BEFORE.encode() + b"DATA = [\n" + b"    1,\n" * 200_000 + b"]\n"
    (project / "odd.py").write_bytes(data)
    assert main([str(project)]) == 3
    assert (project / "odd.py").read_bytes() == data
    assert (project / "app.py").read_text() == AFTER
    assert "odd.py:1:1: failed: it is larger than 1 MB and was not read" in capsys.readouterr().err


def test_a_long_file(project: Path) -> None:
    """A module of two thousand functions is no trouble."""
    functions = [f"\n\ndef use{n}(stub: GreeterStub):\n    return stub.Hi({n})\n" for n in range(500)]
    (project / "app.py").write_text(BEFORE + "".join(functions))
    assert main(["--quiet", str(project)]) == 0
    assert (project / "app.py").read_text().count("return await stub.Hi") == 501


@pytest.mark.parametrize(
    "place", ["grpc_bridge/__init__.py", "grpc_bridge.py", "src/grpc_bridge/__init__.py"]
)
def test_a_package_of_the_name_grpc_bridge(
    project: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    file = project / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("import grpc\n")
    before = tree(project)
    assert main([str(project)]) == 3
    assert tree(project) == before
    err = capsys.readouterr().err
    assert err.startswith("grpc_bridge.codemod: nothing was changed: ")
    assert str(file) in err


def test_a_package_inside_another_may_be_called_so(project: Path) -> None:
    (project / "mine" / "grpc_bridge").mkdir(parents=True)
    (project / "mine" / "__init__.py").write_text("")
    (project / "mine" / "grpc_bridge" / "__init__.py").write_text("import grpc\n")
    assert main([str(project)]) == 0


def test_indents_of_every_kind_in_one_file() -> None:
    rewritten(
        """
        from greet_pb2_grpc import GreeterStub


        def two(stub: GreeterStub):
          if stub:
               # five
               for x in stub.Many(1):
               \tyield x
          else:
            yield from stub.Many(2)


        def tab(stub: GreeterStub):
        \twith open('x') as f:
        \t\treturn f, stub.Hi(1)
        """,
        """
        from greet_pb2_grpc import GreeterStub


        async def two(stub: GreeterStub):
          if stub:
               # five
               async for x in stub.Many(1):
               \tyield x
          else:
            async for item in stub.Many(2):
              yield item


        async def tab(stub: GreeterStub):
        \twith open('x') as f:
        \t\treturn f, await stub.Hi(1)
        """,
    )


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("indent", ["  ", "\t", "     "])
def test_what_is_added_is_indented_and_ended_like_the_rest(project: Path, ending: str, indent: str) -> None:
    before = (
        "import time\n\nimport grpc\n\nfrom greet_pb2_grpc import GreeterStub\n\n\n"
        "def relay(stub: GreeterStub):\n    time.sleep(1)\n    yield from stub.Many(1)  # all\n\n\n"
        "if __name__ == '__main__':\n    use(GreeterStub(grpc.insecure_channel('x')))\n\n"
    )
    before += "\ndef use(stub: GreeterStub):\n    return stub.Hi(1)"
    after = (
        "import asyncio\n\nimport grpc_bridge as grpc\n\nfrom greet_pb2_grpc import GreeterStub\n\n\n"
        "async def relay(stub: GreeterStub):\n    await asyncio.sleep(1)\n"
        "    async for item in stub.Many(1):  # all\n        yield item\n\n\nif __name__ == '__main__':\n"
        "    asyncio.run(use(GreeterStub(grpc.insecure_channel('x'))))\n\n"
    )
    after += "\nasync def use(stub: GreeterStub):\n    return await stub.Hi(1)"

    def spelt(text: str) -> bytes:
        return text.replace("    ", indent).replace("\n", ending).encode()

    (project / "app.py").write_bytes(spelt(before))
    assert main([str(project)]) == 0
    assert (project / "app.py").read_bytes() == spelt(after)


def test_a_link_that_leads_nowhere(project: Path) -> None:
    (project / "round.py").symlink_to("round.py")
    (project / "gone.py").symlink_to("nowhere.py")
    assert main(["--quiet", str(project)]) == 0
    assert (project / "app.py").read_text() == AFTER


@pytest.mark.parametrize("name", ["round.py", "gone.py", "nowhere", "app.py/inside"])
def test_a_path_that_is_not_there(project: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (project / "round.py").symlink_to("round.py")
    (project / "gone.py").symlink_to("nowhere.py")
    assert main([str(project / name)]) == 2
    told = capsys.readouterr().err
    assert told == f"grpc_bridge.codemod: no such file or directory: {project / name}\n"


def test_a_path_that_is_no_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(project / "pipe.py")
    assert main([str(project / "pipe.py")]) == 2
    assert "neither a file nor a directory" in capsys.readouterr().err
    assert main(["--check", str(project / "greet_pb2_grpc.py")]) == 0


def test_a_folder_that_cannot_be_read_is_not_passed_over(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "closed").mkdir()
    real = os.scandir

    def scandir(folder: Path) -> object:
        if Path(folder).name == "closed":
            raise PermissionError(13, "Permission denied", str(folder))
        return real(folder)

    monkeypatch.setattr(discover.os, "scandir", scandir)
    assert main([str(project)]) == 3
    assert (project / "app.py").read_text() == AFTER
    assert f"{project}/closed:1:1: failed: cannot be read: Permission denied\n" in capsys.readouterr().err
