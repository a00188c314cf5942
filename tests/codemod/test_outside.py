"""Files of the project that are not in the run: what they call keeps its colour."""

from __future__ import annotations

from pathlib import Path

import pytest

from grpc_bridge.codemod.runner import migrate

from .tool import generated, rules

CLIENT = """\
from greet_pb2_grpc import GreeterStub


def hi(stub: GreeterStub):
    return stub.Hi(1)


def many(stub: GreeterStub):
    for item in stub.Many(1):
        yield item


def both(stub: GreeterStub):
    return stub.Hi(2), hi(stub)
"""


def project(root: Path, **files: str) -> Path:
    (root / ".git").mkdir()
    (root / "greet_pb2_grpc.py").write_text(generated())
    (root / "client.py").write_text(CLIENT)
    for name, text in files.items():
        (root / f"{name}.py").write_text(text)
    return root / "client.py"


def test_nobody_outside(tmp_path: Path) -> None:
    client = project(tmp_path, other="import os\n\n# the client says hi\n")
    result = migrate([client])
    assert "async def hi" in result.changed[client]
    assert rules(result) == []


def test_a_caller_outside(tmp_path: Path) -> None:
    client = project(tmp_path, report="import client\n\n\ndef show(stub):\n    print(client.hi(stub))\n")
    result = migrate([client])
    text = result.changed[client]
    assert "\ndef hi(stub: GreeterStub):\n    return stub.Hi(1)\n" in text
    assert "async def many" in text
    assert "return await stub.Hi(2), await asyncio.to_thread(hi, stub)\n" in text
    assert rules(result) == ["GB503", "GB710"]
    assert list(result.changed) == [client]


def test_a_caller_outside_in_a_tree_without_a_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing says where the project begins: then it begins where the codemod is run."""
    client = project(tmp_path, report="import client\n\n\ndef show(stub):\n    print(client.hi(stub))\n")
    (tmp_path / ".git").rmdir()
    monkeypatch.chdir(tmp_path)
    result = migrate([Path(client.name)])
    assert "\ndef hi(stub: GreeterStub):" in result.changed[Path(client.name)]
    assert rules(result) == ["GB503", "GB710"]
    [told] = [finding.message for finding in result.findings if finding.rule == "GB710"]
    assert told.endswith(": report.py, which is not in the run, calls it")


def test_a_caller_outside_at_the_top_of_its_module(tmp_path: Path) -> None:
    client = project(tmp_path, script="from client import many\n\nfor item in many(None):\n    print(item)\n")
    text = migrate([client]).changed[client]
    assert "\ndef many" in text
    assert "async def hi" in text


def test_both_in_the_run(tmp_path: Path) -> None:
    client = project(tmp_path, report="import client\n\n\ndef show(stub):\n    print(client.hi(stub))\n")
    result = migrate([client, tmp_path / "report.py"])
    assert "await client.hi(stub)" in result.changed[tmp_path / "report.py"]
    assert rules(result) == []


def test_a_command_of_the_project(tmp_path: Path) -> None:
    main = (
        "\n\ndef main():\n    print(hi(GreeterStub(None)))\n\n\ndef many_mains(stub):\n    return hi(stub)\n"
    )
    client = project(tmp_path)
    client.write_text(CLIENT + main)
    (tmp_path / "pyproject.toml").write_text('[project.scripts]\ngreet = "client:main"\n')
    result = migrate([tmp_path])
    text = result.changed[client]
    assert "\ndef main():\n    asyncio.run(_main())\n" in text
    assert "\nasync def _main():\n    print(await hi(GreeterStub(None)))\n" in text
    assert rules(result) == []
