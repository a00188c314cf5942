"""What LibCST does not see comes out as it was, and words are put into the text where a tree has them.

Every file that these tests migrate is rewritten with and without what is under test; see `tool.both_ways`.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from grpc_bridge.codemod import runner
from grpc_bridge.codemod.insert import insert
from grpc_bridge.codemod.prune import LINE, prune
from grpc_bridge.codemod.rules.base import Edit, Key, Plan
from grpc_bridge.codemod.rules.syntax import await_

from ..conftest import PATIENCE
from .tool import both_ways, generated, run

HEAD = "import time\n\nimport grpc\n\nfrom greet_pb2_grpc import GreeterStub\n\n\n"

PLACES = {
    "what follows binds tighter": """
        def f(stub: GreeterStub, other):
            a = stub.Hi(1).text + stub.Hi(2) [0] + (stub.Hi(3)).text + stub.Hi(stub.Hi(4).text)(5)
            b = (stub.Hi(6)
                 .text)
            c = [stub.Hi(7)  # seven
                 [0], stub.Hi(8) \\
                 .text]
            return -stub.Hi(9) ** stub.Hi(10), print(stub.Hi(11)).real, a, b, c
        """,
    "f-strings": """
        def f(stub: GreeterStub):
            print(f"é {stub.Hi(1)} {stub.Hi(2).text!r:>{stub.Hi(3)}} {{stub.Hi(4)}}", rf'{stub.Hi(5)}')
            print(f'''
            {stub.Hi(6)} {stub.Hi(7)
            }''')
            x = 1 if stub.Hi(8) else f"{x}", stub.Hi(9)
        """,
    "several on a line": """
        def f(stub: GreeterStub): return stub.Hi(1)
        def g(stub: GreeterStub): x = stub.Hi(1); return stub.Hi(x)
        class C: x = 1; y = 2
        def h(stub: GreeterStub,
              x=1): return stub.Hi(x)
        def i(stub: GreeterStub):
            x = (1,
                 2); return stub.Hi(x).text; stub.Hi(
                3)
        """,
    "branches": """
        def f(stub: GreeterStub, x):
            if x == 1:
                pass
            elif x == 2:
                pass
            elif stub.Hi(x):
                y = 1
            else: y = stub.Hi(2)
            match x:
                case [1, y] if stub.Hi(y):
                    y = 1
                case _:
                    y = 2
            try:
                y = 1
            except grpc.RpcError:
                y = 2
            except ValueError:
                stub.Hi(3)
            else:
                y = 3
            finally: y = 4
            while y:
                y = 0
            else:
                for z in stub.Many(y): y = z
            return y
        """,
    "comments in between": """
        # first
        def f(stub: GreeterStub):  # head

            # above
            if stub:
                if stub:
                    pass
                    # deep
                # middle

                # at the end
            # left
            stub.Hi(1)
              # odd

        # between
        def g(stub: GreeterStub):
            x = 1
            time.sleep(1)  # sleeps
            # last
            return stub.Hi(x)
        # very last""",
    "decorators": """
        def passes(*args):
            return lambda fn: fn


        @passes(
            1,
        )
        class C:
            @staticmethod
            @passes(2)
            def f(stub: GreeterStub):
                return stub.Hi(1)

            def g(self):
                return 1
        """,
    "names that stand-ins might have": """
        def f(stub: GreeterStub):
            _pruned_0 = _pruned_1 = 1
            return stub.Hi(_pruned_0), "_pruned__"
        """,
    "strings that look like statements": """
def f(stub: GreeterStub):
    text = '''
    stub.Hi(1)
for x in stub.Many(1): # '''; x = stub.Hi(1)
    with grpc.insecure_channel(text) as channel, open(text) as file:
        text = '''
left
        '''
        return GreeterStub(channel).Hi(text)
""",
    "tabs": "def f(stub: GreeterStub):\n\tif stub:\n\t\tx = 1\n\ttime.sleep(1)\n\tyield from stub.Many(1)\n",
    "carriage returns": "def f(stub: GreeterStub):\r\n  x = 1\r\n  time.sleep(1)\r\n  return stub.Hi(1)\r\n",
    "form feed": "x = 1\n\f\ndef f(stub: GreeterStub):\n  x = 1\n  time.sleep(1)\n  return stub.Hi(1).x\n",
}


@pytest.mark.parametrize("name", PLACES)
def test_places(name: str) -> None:
    text = textwrap.dedent(PLACES[name])
    head = HEAD.replace("\n", "\r\n") if "\r" in text else HEAD
    _, after = run(head + text)
    assert "await " in after["app.py"] or "async for" in after["app.py"]


def test_little_is_left_for_libcst(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[str] = []

    def look(plan: Plan) -> str:
        source = plan.module.source
        lines, edits = insert(LINE.findall(source.text), source.tree, plan.edits)
        left.append(prune(lines, source.tree, {edit.key.start[0] for edit in edits}).text)
        return both_ways(plan)

    monkeypatch.setattr(runner, "rewrite", look)
    text = """
        def f(stub: GreeterStub):
            x = stub.Hi(1)
            return x

        def g(stub: GreeterStub):
            x = 1
            y = 2
            time.sleep(1)  # sleeps
            return stub.Hi(x).text
        """
    run(HEAD + textwrap.dedent(text))
    shown = """
        async def f(stub: GreeterStub):
            _pruned_0

        async def g(stub: GreeterStub):
            _pruned_1
            time.sleep(1)  # sleeps
            _pruned_2
        """
    assert left == [HEAD.replace("import grpc", "import grpc_bridge as grpc") + textwrap.dedent(shown)]


def test_words_do_without_libcst(tmp_path: Path) -> None:
    (tmp_path / "greet_pb2_grpc.py").write_text(generated())
    (tmp_path / "app.py").write_text(f"{HEAD}def f(stub: GreeterStub):\n    return stub.Hi(1)\n")
    program = "import sys; from grpc_bridge.codemod.cli import main; main(); print('libcst' in sys.modules)"
    command = [sys.executable, "-c", program, "--quiet", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (ended.stdout, ended.stderr) == ("False\n", "")
    assert "return await stub.Hi(1)" in (tmp_path / "app.py").read_text()


def test_parts_are_put_back() -> None:
    text = HEAD + textwrap.dedent(PLACES["branches"])
    tree = ast.parse(text)
    for line in range(1, text.count("\n")):
        pruned = prune(LINE.findall(text), tree, {line})
        assert pruned.restored(pruned.text) == text
        assert pruned.text.split("\n")[pruned.line(line) - 1] == text.split("\n")[line - 1]
        ast.parse(pruned.text)


@pytest.mark.parametrize(("start", "end"), [(15, 24), (14, 23), (16, 25)])
def test_places_in_f_strings_that_are_wrong(start: int, end: int) -> None:
    text = 'print(f"{self.stub.Hi(1)}")\n'
    edit = Edit("GB202", Key("Call", (1, start), (1, end)), await_)
    assert insert([text], ast.parse(text), [edit]) == ([text], [edit])
