"""Hierarchies of many classes: what the analysis does for them grows with their size, not with its square."""

from __future__ import annotations

from pathlib import Path

import pytest

from grpc_bridge.codemod import callgraph, indexing, infer
from grpc_bridge.codemod.discover import Source, parse
from grpc_bridge.codemod.environment import Environment
from grpc_bridge.codemod.index import Class

from .tool import generated


def hierarchy(size: int) -> str:
    """`size` classes below one base, and as many functions that ask the base for its attributes."""
    text = "import grpc\nfrom greet_pb2_grpc import GreeterStub\n\n\nclass Node:\n"
    text += "    def __init__(self, stub: GreeterStub):\n        self.stub = stub\n\n"
    text += "    def accept(self, visitor):\n        raise TypeError\n"
    for number in range(size):
        text += f"\n\nclass Node{number}(Node):\n    line: int\n\n"
        text += "    def accept(self, visitor):\n"
        text += f"        return visitor.visit{number}(self), self.stub.Hi({number})\n"
    for number in range(size):
        text += f"\n\ndef walk{number}(node: Node):\n"
        text += "    print(node.stub, node.line, node.name, node.accept)\n"
    text += "\n\ndef main(node: Node):\n    node.accept(None)\n"
    return text


def sources(size: int) -> list[Source]:
    files = {"greet_pb2_grpc.py": generated(), "app.py": hierarchy(size)}
    found = [parse(Path("/nowhere") / name, text.encode()) for name, text in files.items()]
    assert all(isinstance(source, Source) for source in found)
    return [source for source in found if isinstance(source, Source)]


class Counted:
    """How often the analysis looks something up."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.number = 0
        for owner, name in ((Environment, "known"), (Class, "ancestors"), (Class, "descendants")):
            self.count(monkeypatch, owner, name)

    def count(self, monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> None:
        original = getattr(owner, name)

        def counted(*args: object) -> object:
            self.number += 1
            return original(*args)

        monkeypatch.setattr(owner, name, counted)


def work(size: int, monkeypatch: pytest.MonkeyPatch) -> int:
    with monkeypatch.context() as patched:
        counted = Counted(patched)
        program = indexing.build(sources(size))
        facts = infer.infer(program)
        graph = callgraph.build(program, facts)
    methods = {fn for fn in program.functions() if fn.name == "accept"}
    assert len(methods) == size + 1
    # They were not lost on the way: one family, and a call of one may be a call of each.
    assert all(graph.families[method] == methods for method in methods)
    assert all({fn.name for fn in graph.callers[method]} == {"main"} for method in methods)
    return counted.number


def test_twice_the_classes_are_about_twice_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = work(40, monkeypatch), work(80, monkeypatch)
    assert large < 2.6 * small, (small, large)
