"""What click hands from command to command: objects of the program, whose methods its commands call."""

from __future__ import annotations

import pytest

from .tool import rewritten, rules, run

CLICK = """
import click

from greet_pb2_grpc import GreeterStub


class Api:
    def __init__(self, stub: GreeterStub):
        self.stub = stub

    def ask(self, n):
        return {await_}self.stub.Hi(n)


pass_api = click.make_pass_decorator(Api)


@click.group()
@click.pass_context
def cli(ctx):
    ctx.obj = Api(GreeterStub(None))


@cli.command()
@click.argument("n")
{decorator}
def ask({params}):
"""


ENTERED = """\
    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stub.Hi(0)
"""


@pytest.mark.parametrize(
    ("decorator", "params", "call"),
    [
        ("@pass_api", "api, n", "api.ask(n)"),
        ("@click.pass_obj", "obj, n", "obj.ask(n)"),
        ("@click.pass_context", "ctx, n", "ctx.obj.ask(n)"),
        ("@click.pass_context\n@pass_api", "api, ctx, n", "api.ask(n)"),
    ],
)
def test_what_click_hands_over(decorator: str, params: str, call: str) -> None:
    """A command is given an object of the program that another command made: its methods are known."""
    before = CLICK.format(decorator=decorator, params=params, await_="") + f"    print({call})\n"
    after = CLICK.format(decorator=decorator, params=params, await_="await ")
    after = after.replace("    def ask(self", "    async def ask(self").replace(
        "import click", "import asyncio\n\nimport click", 1
    )
    after += f"    asyncio.run(_ask({params}))\n\n\nasync def _ask({params}):\n    print(await {call})\n"
    assert rewritten(before, after) == []


def test_what_click_closes_is_closed_without_a_loop() -> None:
    """`with_resource` enters and leaves it itself, and awaits nothing."""
    source = CLICK.format(decorator="@pass_api", params="api, n", await_="") + "    print(api.ask(n))\n"
    source = source.replace(
        "ctx.obj = Api(GreeterStub(None))", "ctx.obj = ctx.with_resource(Api(GreeterStub(None)))"
    )
    source = source.replace(
        "    def ask(self",
        f"{ENTERED}\n    def ask(self",
    )
    result, got = run(source)
    assert ENTERED in got["app.py"]
    assert "    print(await api.ask(n))\n" in got["app.py"]
    assert "GB702" in rules(result)
