"""Commands of scripts, click and typer: what is split in two, and what is not."""

from __future__ import annotations

import pytest

from .tool import rewritten, rules, run, unchanged

HEAD = """
import asyncio

import click
import grpc_bridge as grpc

from greet_pb2_grpc import GreeterStub
"""
CLICK = """

async def fetch(stub: GreeterStub, name):
    return await stub.Hi(name)


@click.group()
def cli():
    \"\"\"All commands.\"\"\"


# The one that everybody knows.
@cli.command()
@click.option("--count", default=1)
@click.argument("name")
def greet(name, count):
    \"\"\"Greet somebody.\"\"\"
    asyncio.run(_greet(name, count))


async def _greet(name, count):
    # With a channel of its own.
    async with grpc.insecure_channel("x") as channel:
        for _ in range(count):
            click.echo(await fetch(GreeterStub(channel), name))
"""
SYNC_CLICK = """

def fetch(stub: GreeterStub, name):
    return stub.Hi(name)


@click.group()
def cli():
    \"\"\"All commands.\"\"\"


# The one that everybody knows.
@cli.command()
@click.option("--count", default=1)
@click.argument("name")
def greet(name, count):
    \"\"\"Greet somebody.\"\"\"

    # With a channel of its own.
    with grpc.insecure_channel("x") as channel:
        for _ in range(count):
            click.echo(fetch(GreeterStub(channel), name))
"""
SYNC_HEAD = HEAD.replace("import asyncio\n\n", "").replace("grpc_bridge as grpc", "grpc")


def test_a_command_of_click() -> None:
    assert rewritten(SYNC_HEAD + SYNC_CLICK, HEAD + CLICK) == []


def test_a_command_of_typer() -> None:
    _, got = run(
        """
        import typer

        from greet_pb2_grpc import GreeterStub

        app = typer.Typer()


        @app.command()
        def show(name: str, loud: bool = typer.Option(False), *more: str, end="", **rest) -> None:
            print(GreeterStub(1).Hi(name), loud)
        """
    )
    assert got["app.py"].endswith(
        "@app.command()\n"
        'def show(name: str, loud: bool = typer.Option(False), *more: str, end="", **rest) -> None:\n'
        "    asyncio.run(_show(name, loud, *more, end=end, **rest))\n\n\n"
        "async def _show(name: str, loud: bool, *more: str, end, **rest) -> None:\n"
        "    print(await GreeterStub(1).Hi(name), loud)\n"
    )


SCRIPT = """
import argparse

from greet_pb2_grpc import GreeterStub


def _main():
    pass


def main(argv=None):
    args = argparse.ArgumentParser().parse_args(argv)
    return len(GreeterStub(args.channel).Hi(1))


if __name__ == "__main__":
    raise SystemExit(main())
"""


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pyproject.toml", '[project.scripts]\ngreet = "app:main"\n'),
        ("setup.cfg", "[options.entry_points]\nconsole_scripts =\n    greet = app:main\n"),
        ("setup.py", 'setup(entry_points={"console_scripts": ["greet=app:main"]})\n'),
    ],
)
def test_a_command_of_the_project_is_split(file: str, text: str) -> None:
    result, got = run({"app.py": SCRIPT, file: text})
    assert rules(result) == []
    assert got["app.py"].endswith(
        "def main(argv=None):\n"
        "    return asyncio.run(_async_main(argv))\n\n\n"
        "async def _async_main(argv):\n"
        "    args = argparse.ArgumentParser().parse_args(argv)\n"
        "    return len(await GreeterStub(args.channel).Hi(1))\n\n\n"
        'if __name__ == "__main__":\n'
        "    raise SystemExit(main())\n"
    )


def test_a_main_of_no_project_becomes_a_coroutine() -> None:
    _, got = run(SCRIPT)
    assert "\n\nasync def main(argv=None):\n" in got["app.py"]
    assert "    raise SystemExit(asyncio.run(main()))\n" in got["app.py"]


def test_a_command_that_does_not_wait_stays() -> None:
    source = SYNC_HEAD + '\n\n@click.command()\ndef version():\n    click.echo("1")\n'
    _, got = run(source)
    assert got["app.py"] == source.lstrip().replace("import grpc", "import grpc_bridge as grpc")


@pytest.mark.parametrize("more", ["\n\ndef other():\n    return greet(1, 2)\n", "\n\nregister(greet)\n"])
def test_a_command_that_others_call_stays(more: str) -> None:
    result, got = run(SYNC_HEAD + SYNC_CLICK + more)
    assert "asyncio.run" not in got["app.py"]
    assert "def greet(name, count):" in got["app.py"]
    assert "GB705" in rules(result)


def test_a_command_under_a_decorator_that_nobody_knows_stays() -> None:
    source = (SYNC_HEAD + SYNC_CLICK).replace("@cli.command()\n", "@cli.command()\n@traced\n")
    result, got = run(source)
    assert "asyncio.run" not in got["app.py"]
    assert "GB705" in rules(result)


ARGPARSE = """
import argparse
import sys

from greet_pb2_grpc import GreeterStub

stub: GreeterStub


def hi(args):
    print(stub.Hi(args.name))


def many(args):
    for reply in stub.Many(args.name):
        print(reply)
    return 1


def version(args):
    print("1")


def add_version(commands):
    parser = commands.add_parser("version")
    parser.set_defaults(func={version})


def main(argv=None):
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    parse_hi = commands.add_parser("hi")
    parse_hi.set_defaults(func=hi, loud=True)
    commands.add_parser("many").set_defaults(func=many)
    add_version(commands)
    args = parser.parse_args(argv)
    return args.func(args)


if __name__ == "__main__":
    sys.exit(main())
"""


def test_the_commands_that_argparse_picks() -> None:
    """All change together, those that wait for nothing too: whoever calls one of them awaits it."""
    before = ARGPARSE.format(version="version")
    after = (
        before.replace("\ndef ", "\nasync def ")
        .replace("async def add_version", "def add_version")
        .replace("stub.Hi(", "await stub.Hi(")
        .replace("    for ", "    async for ")
        .replace("return args", "return await args")
        .replace("(main())", "(asyncio.run(main()))")
        .replace("import argparse\n", "import argparse\nimport asyncio\n")
    )
    assert rewritten(before, after) == []


def test_a_command_that_cannot_follow_keeps_all_of_them() -> None:
    assert unchanged(ARGPARSE.format(version="lambda args: None")) == ["GB706"]


def test_each_parser_has_commands_of_its_own() -> None:
    found, got = run(
        {
            "app.py": ARGPARSE.format(version="version"),
            "other.py": """
            import argparse


            def show(args):
                return 1


            def main():
                parser = argparse.ArgumentParser()
                parser.set_defaults(func=show)
                args = parser.parse_args()
                return args.func(args)
            """,
        }
    )
    assert "async" not in got["other.py"]
    assert rules(found) == []
