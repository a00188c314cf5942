"""The plugin under protoc, under ``python -m grpc_bridge.protoc`` and under buf."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse

from grpc_bridge.protoc.__main__ import main as command
from grpc_bridge.protoc.plugin import generate as answer

from ..docs.pages import examples
from .conftest import PATIENCE, ROOT, python, run
from .protos import CONSTRUCTS, GREETER

Generate = Callable[[Mapping[str, str]], Path]

OUT = "--grpc_python_async_out=."


@pytest.fixture
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The console script, as installing the package makes it."""
    script = tmp_path_factory.mktemp("bin") / "protoc-gen-grpc_python_async"
    declared = re.search(
        rf'^{script.name} = "(.*):(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE
    )
    assert declared is not None
    module, function = declared.groups()
    script.write_text(
        f"#!{sys.executable}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n"
    )
    script.chmod(0o700)
    return script


def test_grpc_tools_protoc_runs_the_plugin(folder: Path, generate: Generate, plugin: Path) -> None:
    generate(CONSTRUCTS["packages"])
    files = sorted(folder.rglob("*_pb2_grpc_async.py"))
    before = [file.read_bytes() for file in files]
    for file in files:
        file.unlink()
    ended = python(
        "-m", "grpc_tools.protoc", "-I.", OUT, *CONSTRUCTS["packages"], cwd=folder, PATH=search(plugin)
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [file.read_bytes() for file in files] == before


def test_on_windows_it_says_what_to_run_in_its_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert command(["-I.", OUT, "greeter.proto"]) == 1
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert "python -m grpc_tools.protoc" in said.err


def search(plugin: Path) -> str:
    return f"{plugin.parent}{os.pathsep}{os.environ['PATH']}"


def test_buf_runs_the_plugin(folder: Path, generate: Generate, plugin: Path) -> None:
    buf = shutil.which("buf")
    if buf is None:
        pytest.skip("buf is not installed (npm install @bufbuild/buf)")
    generate(CONSTRUCTS["packages"])
    (folder / "buf.yaml").write_text("version: v2\n")
    [settings] = [example.code for example in examples("docs/protoc.md") if example.language == "yaml"]
    (folder / "buf.gen.yaml").write_text(settings.replace("out: .", "out: made"))
    ended = run(buf, "generate", cwd=folder, PATH=search(plugin), HOME=str(folder))
    assert (ended.returncode, ended.stderr) == (0, "")
    made = sorted((folder / "made").rglob("*.py"))
    assert [file.name for file in made] == ["money_unit_pb2_grpc_async.py", "order_pb2_grpc_async.py"]
    for file in made:
        assert file.read_bytes() == (folder / file.relative_to(folder / "made")).read_bytes()


BROKEN = {
    "syntax": 'syntax = "proto3";\nmessage Ask {\n  string text = ;\n}\n',
    "unknown type": 'syntax = "proto3";\nservice A { rpc Do(Nothing) returns (Nothing); }\n',
    "missing import": 'syntax = "proto3";\nimport "nowhere.proto";\n',
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_fault_is_told_as_protoc_tells_it(fault: str, folder: Path) -> None:
    (folder / "broken.proto").write_text(BROKEN[fault])
    ours = python("-m", "grpc_bridge.protoc", "-I.", OUT, "broken.proto", cwd=folder)
    theirs = python("-m", "grpc_tools.protoc", "-I.", "--grpc_python_out=.", "broken.proto", cwd=folder)
    assert ours.returncode == theirs.returncode == 1
    assert ours.stderr == theirs.stderr != ""
    assert list(folder.glob("*.py")) == []


@pytest.mark.parametrize("arguments", [(), ("--version",), ("-I.", "nowhere.proto"), ("--unknown",)])
def test_other_arguments_are_protocs_own(arguments: tuple[str, ...], folder: Path) -> None:
    ours = python("-m", "grpc_bridge.protoc", *arguments, cwd=folder)
    theirs = python("-m", "grpc_tools.protoc", *arguments, cwd=folder)
    assert ours.returncode == theirs.returncode
    assert ours.stdout == theirs.stdout
    # protoc says first what it was started as: ours was started as protoc.
    assert re.sub(r"^protoc: ", "", ours.stderr) == re.sub(r"^/\S+/protoc.py: ", "", theirs.stderr)


def test_an_option_is_refused(folder: Path) -> None:
    (folder / "greeter.proto").write_text(GREETER)
    ended = python(
        "-m", "grpc_bridge.protoc", "-I.", "--grpc_python_async_out=style=nice:.", "greeter.proto", cwd=folder
    )
    assert ended.returncode == 1
    assert "takes no options; this is one: style=nice" in ended.stderr
    assert list(folder.glob("*.py")) == []


def test_without_grpcio_tools_it_says_what_to_install(folder: Path) -> None:
    program = (
        "import runpy, sys; sys.modules['grpc_tools'] = None; sys.argv = ['protoc', '--version']; "
        "runpy.run_module('grpc_bridge.protoc', run_name='__main__')"
    )
    ended = python("-c", program, cwd=folder)
    assert ended.returncode == 1
    assert "pip install grpcio-tools" in ended.stderr


def test_in_a_folder_with_spaces_and_quotes(tmp_path: Path) -> None:
    folder = tmp_path / "it's a 'folder'"
    folder.mkdir()
    (folder / "greeter.proto").write_text(GREETER)
    ended = python("-m", "grpc_bridge.protoc", "-I.", OUT, "greeter.proto", cwd=folder, TMPDIR=str(folder))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert sorted(path.name for path in folder.iterdir()) == ["greeter.proto", "greeter_pb2_grpc_async.py"]


def test_on_a_terminal_the_plugin_says_who_starts_it(plugin: Path) -> None:
    ours, theirs = pty.openpty()
    try:
        ended = subprocess.run(
            [plugin],
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert ended.returncode == 2
    assert "python -m grpc_bridge.protoc" in ended.stderr


def test_it_says_which_files_it_can_read() -> None:
    response = answer(CodeGeneratorRequest())
    assert response.supported_features == (
        CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL | CodeGeneratorResponse.FEATURE_SUPPORTS_EDITIONS
    )
    assert response.minimum_edition <= 998  # proto2
    assert response.maximum_edition >= 1000  # edition 2023
    assert not response.error
