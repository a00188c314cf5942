"""Methods and stubs that are looked up by strings: followed where they are known, and only there."""

from __future__ import annotations

import pytest

from .tool import rules, run

HEAD = """
    import functools
    import sys

    import grpc
    import greet_pb2_grpc
    from greet_pb2_grpc import GreeterStub


    def invoke(stub: GreeterStub, method, request=1):
        return getattr(stub, method)(request)

"""

KNOWN = {
    "a constant": "def f(stub): return invoke(stub, 'Hi')",
    "a keyword": "def f(stub): return invoke(stub, method='Hi')",
    "a parameter of a parameter": (
        "def f(stub, name='Hi'): return invoke(stub, name)\n    def g(stub): return f(stub)"
    ),
    "a variable": "def f(stub):\n        name = 'Hi'\n        return invoke(stub, name)",
    "a global": "NAME = 'Hi'\n    def f(stub): return invoke(stub, NAME)",
    "a loop": "def f(stub): return [invoke(stub, name) for name in ('Hi', 'Sum')]",
    "a loop over a global": "NAMES = ['Hi']\n    def f(stub): return [invoke(stub, n) for n in NAMES]",
    "a table": "NAMES = {'hi': 'Hi'}\n    def f(stub, what): return invoke(stub, NAMES[what])",
    "a sum": "def f(stub): return invoke(stub, 'H' + 'i')",
    "a format": "def f(stub, n='hi'): return invoke(stub, f'{n.capitalize()}')\n    def g(stub): f(stub)",
    "a choice": "def f(stub, many): return invoke(stub, 'Sum' if many else 'Hi')",
    "a stub's name": (
        "def make(service, channel): return getattr(greet_pb2_grpc, f'{service}Stub')(channel)\n"
        "    def f(channel): return make('Greeter', channel).Hi(1)"
    ),
}
UNKNOWN = {
    "an argument of the program": "def f(stub): return invoke(stub, sys.argv[1])",
    "one known and one not": "def f(stub): return invoke(stub, 'Hi'), invoke(stub, sys.argv[1])",
    "a default and something else": (
        "def f(stub, n='Hi'): return invoke(stub, n)\n    def g(stub): return f(stub, sys.argv[1]), f(stub)"
    ),
    "both shapes": "def f(stub): return invoke(stub, 'Hi'), invoke(stub, 'Many')",
    "a partial": "def f(stub): return functools.partial(invoke, stub, sys.argv[1])()",
    "a star": "def f(stub, rest): return invoke(stub, *rest)",
    "a variable that is unpacked": (
        "def f(stub):\n        name, _ = sys.argv\n        return invoke(stub, name)"
    ),
    "a variable that is bound again": (
        "def f(stub):\n        name = 'Hi'\n        for name in sys.argv:\n            invoke(stub, name)"
    ),
    "a map": "def f(stub): return list(map(invoke, [stub], sys.argv))",
    "nobody": "",
}


@pytest.mark.parametrize("caller", KNOWN.values(), ids=KNOWN.keys())
def test_known(caller: str) -> None:
    result, after = run(HEAD + "    " + caller + "\n")
    assert "await getattr(stub, method)(request)" in after["app.py"] or "await make(" in after["app.py"]
    assert "async def f(" in after["app.py"]
    assert not any(finding.message.startswith("f stays sync") for finding in result.findings)


@pytest.mark.parametrize("caller", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_not_known(caller: str) -> None:
    result, after = run(HEAD + "    " + caller + "\n")
    assert "return getattr(stub, method)(request)" in after["app.py"]
    assert "async def" not in after["app.py"]
    assert {"GB702", "GB706"} & set(rules(result))
