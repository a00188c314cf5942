"""The analysis explains itself: in words, function by function, and in a picture."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from grpc_bridge.codemod import explain, graph
from grpc_bridge.codemod.cli import main
from grpc_bridge.codemod.rules import cut_constructor
from grpc_bridge.codemod.runner import Result, migrate, write

from .tool import generated

SOURCE = """\
import grpc
from greet_pb2_grpc import GreeterStub


class Client:
    def __init__(self, channel):
        self.stub = GreeterStub(channel)
        self.version = self.ask()

    def ask(self):
        return self.stub.Hi("version")

    def read(self, n):
        return self.stub.Hi(n)

    def all(self):
        for reply in self.stub.Many(1):
            yield reply


def show(client: Client):
    print(client.read(1))
    return list(client.all())


def add(a, b):
    return a + b


def main():
    with grpc.insecure_channel("x") as channel:
        show(Client(channel))


class Local(Client):
    def read(self, n):
        return add(n, 1)


async def already(client: Client):
    return await other(client)


async def other(client):
    return client.read(2)


def reach():
    with grpc.insecure_channel("y"):
        pass


if __name__ == "__main__":
    main()
"""


@pytest.fixture
def result(tmp_path: Path) -> Result:
    (tmp_path / "greet_pb2_grpc.py").write_text(generated())
    (tmp_path / "app.py").write_text(SOURCE)
    (tmp_path / "plain.py").write_text("def f():\n    return 1\n")
    return migrate([tmp_path])


def line_of(text: str) -> int:
    return SOURCE[: SOURCE.index(text)].count("\n") + 1


def told(result: Result, tmp_path: Path, text: str) -> list[str]:
    assert result.analysis is not None
    lines = explain.explain(result.analysis, tmp_path / "app.py", line_of(text))
    assert lines is not None
    return [line.replace(f"{tmp_path}/", "") for line in lines]


def test_a_function_that_makes_the_call(result: Result, tmp_path: Path) -> None:
    expected = [
        "app.py:13: Client.read becomes a coroutine, for it waits:",
        "  app.py:14: Client.read waits for self.stub.Hi(), an RPC",
    ]
    assert told(result, tmp_path, "def read(self, n):\n        return self.stub") == expected
    assert told(result, tmp_path, "return self.stub.Hi(n)") == expected


def test_the_chain_of_calls(result: Result, tmp_path: Path) -> None:
    assert told(result, tmp_path, "print(client.read(1))") == [
        "app.py:21: show becomes a coroutine, for it waits:",
        "  app.py:22: show calls Client.read",
        "  app.py:14: Client.read waits for self.stub.Hi(), an RPC",
    ]


def test_a_stream(result: Result, tmp_path: Path) -> None:
    assert told(result, tmp_path, "yield reply")[1:] == [
        "  app.py:17: Client.all reads the stream self.stub.Many(1)"
    ]


def test_a_channel(result: Result, tmp_path: Path) -> None:
    assert told(result, tmp_path, 'insecure_channel("y")')[1:] == [
        "  app.py:49: reach closes the channel grpc.insecure_channel('y') on its way out"
    ]


def test_the_rpc_tells_more_than_what_else_waits(result: Result, tmp_path: Path) -> None:
    """`main` closes a channel, too."""
    assert told(result, tmp_path, "show(Client(channel))")[-1] == (
        "  app.py:14: Client.read waits for self.stub.Hi(), an RPC"
    )


def test_an_override(result: Result, tmp_path: Path) -> None:
    assert told(result, tmp_path, "return add(n, 1)") == [
        "app.py:36: Local.read becomes a coroutine, for it waits:",
        "  app.py:36: Local.read changes together with Client.read",
        "  app.py:14: Client.read waits for self.stub.Hi(), an RPC",
    ]


def test_why_something_stays_sync(result: Result, tmp_path: Path) -> None:
    assert told(result, tmp_path, 'return self.stub.Hi("version")') == [
        "app.py:10: Client.ask stays sync (GB706): Client.__init__ calls it, and stays sync",
        "app.py:6: Client.__init__ stays sync (GB713): Python calls __init__ itself and does not await it",
        "it waits, all the same:",
        "  app.py:11: Client.ask waits for self.stub.Hi(), an RPC",
        f"what to do about GB713: {cut_constructor.RULE.remedy}",
    ]


def test_what_does_not_wait(result: Result, tmp_path: Path) -> None:
    assert told(result, tmp_path, "return a + b") == [
        "app.py:26: add stays as it is: nothing that it calls waits for an RPC"
    ]


def test_a_coroutine(result: Result, tmp_path: Path) -> None:
    assert told(result, tmp_path, "return client.read(2)")[0] == (
        "app.py:44: other is a coroutine already, for it waits:"
    )


def test_the_main_block(result: Result, tmp_path: Path) -> None:
    assert told(result, tmp_path, "    main()\n")[:2] == [
        "app.py:53: the __main__ block is no function; it runs what it calls to its end:",
        "  app.py:54: the __main__ block calls main",
    ]


@pytest.mark.usefixtures("result")
def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = f"{tmp_path / 'app.py'}:{line_of('return self.stub.Hi(n)')}"
    assert main(["--explain", place, str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path}/app.py:13: Client.read becomes a coroutine")
    assert (tmp_path / "app.py").read_text() == SOURCE
    assert main(["--explain", f"{tmp_path / 'plain.py'}:1", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/plain.py:1: nothing in this file leads to gRPC\n"
    for wrong in (f"{tmp_path / 'gone.py'}:1", f"{tmp_path / 'app.py'}:x"):
        assert main(["--explain", wrong, str(tmp_path)]) == 2


# The picture


def test_the_picture_shows_every_colour(result: Result) -> None:
    assert result.analysis is not None
    root = ElementTree.fromstring(graph.svg(result.analysis))
    space = {"s": "http://www.w3.org/2000/svg"}
    shown: dict[str, set[str]] = {}
    for node in root.iterfind(".//s:g", space):
        kind = node.attrib["class"].split()
        if "node" in kind:
            shown.setdefault(kind[1], set()).add(node.findtext("s:text", "", space))
    assert shown["rpc"] == {"Hi", "Many", "channel"}
    assert shown["sync"] == {"Client.__init__", "Client.ask"}
    assert {"Client.read", "Client.all", "show", "main", "Local.read"} <= shown["async"]
    assert shown["entry"] == {"app (__main__)"}
    assert "add" not in {label for labels in shown.values() for label in labels}
    tips = [title.text or "" for title in root.iterfind(".//s:title", space)]
    assert any("stays sync (GB713): Python calls __init__ itself" in tip for tip in tips)
    assert "main → Client.__init__ (a cut)" in tips
    assert "app (__main__) → main" in tips
    assert not re.search(r"(?:href|src|url\()", graph.svg(result.analysis))


def test_callers_stand_to_the_left(result: Result) -> None:
    assert result.analysis is not None
    nodes = graph._nodes(result.analysis)
    graph._place(graph._columns(nodes))
    for node in nodes:
        assert all(target.x > node.x for target in node.targets)
        same = [other for other in nodes if other is not node and other.layer == node.layer]
        assert all(abs(other.y - node.y) >= graph.HEIGHT for other in same)


def test_a_long_edge_runs_between_the_nodes_on_its_way(result: Result) -> None:
    """Not below them: `main` closes the channel, which is columns further to the right."""
    assert result.analysis is not None
    nodes = graph._nodes(result.analysis)
    columns = graph._columns(nodes)
    graph._place(columns)
    [start] = [node for node in nodes if node.label == "main"]
    [end] = [node for node in start.targets if node.label == "channel"]
    way = start.ways[end]
    assert len(way) == end.layer - start.layer - 1 > 0
    for place in way:
        around = [node for node in columns[place.layer] if node is not place]
        assert all(place.y + graph.LANE <= node.y or node.y + node.height <= place.y for node in around)


def test_the_page_knows_the_ends_of_its_edges(result: Result) -> None:
    """So that its script can show what belongs together; the picture alone has none."""
    assert result.analysis is not None
    text = graph.page(result.analysis)
    ids = set(re.findall(r'<g class="node [a-z]+" id="(\w+)"', text))
    ends = re.findall(r'data-ends="(\w+) (\w+)"', text)
    assert ids
    assert ends
    assert {end for pair in ends for end in pair} <= ids
    assert "<script>" in text
    assert "<script>" not in graph.svg(result.analysis)


def test_circles_and_many_functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "greet_pb2_grpc.py").write_text(generated())
    calls = "\n\n\n".join(
        f"def f{n}(stub: GreeterStub):\n    f{(n + 1) % 150}(stub)\n    return stub.Hi({n})"
        for n in range(150)
    )
    (tmp_path / "app.py").write_text(f"from greet_pb2_grpc import GreeterStub\n\n\n{calls}\n")
    analysis = migrate([tmp_path]).analysis
    assert analysis is not None
    assert graph.svg(analysis).count('class="node async"') == 150
    monkeypatch.setattr(graph, "MAX_FUNCTIONS", 100)
    assert graph.svg(analysis).count('class="node async"') == 1


@pytest.mark.parametrize("ending", ["svg", "html"])
def test_the_command_draws(tmp_path: Path, ending: str) -> None:
    (tmp_path / "greet_pb2_grpc.py").write_text(generated())
    (tmp_path / "app.py").write_text(SOURCE)
    picture = tmp_path / f"graph.{ending}"
    assert main(["--check", "--graph", str(picture), str(tmp_path)]) == 1
    assert "Client.read" in picture.read_text()


def test_to_draw_is_to_look(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "greet_pb2_grpc.py").write_text(generated())
    (tmp_path / "app.py").write_text(SOURCE)
    assert main(["--graph", str(tmp_path / "x.svg"), str(tmp_path)]) == 0
    assert (tmp_path / "app.py").read_text() == SOURCE
    told = capsys.readouterr().err.splitlines()
    assert told[-2:] == ["1 file would change, 1 unchanged", "nothing was rewritten: --graph only looks"]


@pytest.mark.parametrize(("name", "trouble"), [("x.png", "its ending"), ("no/x.svg", "no such directory")])
def test_where_nothing_can_be_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, trouble: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--graph", str(tmp_path / name), str(tmp_path)])
    assert caught.value.code == 2
    assert trouble in capsys.readouterr().err


def test_a_picture_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.svg").mkdir()
    assert main(["--graph", str(tmp_path / "x.svg"), str(tmp_path)]) == 3
    assert f"the graph {tmp_path}/x.svg could not be written: Is a directory" in capsys.readouterr().err


def test_nothing_to_draw(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("# no grpc\n")
    assert main(["--check", "--graph", str(tmp_path / "x.svg"), str(tmp_path)]) == 0
    ElementTree.fromstring((tmp_path / "x.svg").read_text())


def joined(result: Result) -> set[tuple[str, str, bool]]:
    """Which nodes of the picture are joined, and where a cut runs."""
    assert result.analysis is not None
    nodes = graph._nodes(result.analysis)
    return {(node.label, target.label, cut) for node in nodes for target, cut in node.targets.items()}


def test_a_migrated_program_is_drawn_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "greet_pb2_grpc.py").write_text(generated())
    (tmp_path / "app.py").write_text(
        "import threading\n\n"
        + SOURCE
        + "\n\ndef plain(channel):\n    client = Client(channel)\n    return show(client)\n"
        "\n\nthreading.Thread(target=plain, args=(grpc.insecure_channel('z'),)).start()\n"
    )
    first = migrate([tmp_path])
    before = joined(first)
    write(first)
    again = migrate([tmp_path])
    assert joined(again) == before
    assert again.changed == {}
    assert ("show", "Client.read", False) in before
    assert ("Client.all", "Many", False) in before
    assert ("plain", "show", True) in before
