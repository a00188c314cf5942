"""Writes the pages that say what the code says: `python -m docs.generate`.

`docs/members.md` is made from `grpc_bridge/_surface.py`, `docs/rules.md` from the codemod's rules,
`docs/command.md` from its settings. All are committed, so that they can be read where they lie; a test holds
them to what this module writes.
"""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import grpc
import jinja2

import grpc_bridge
from grpc_bridge._surface import MULTI_CALLABLES, SURFACE, Member
from grpc_bridge.codemod import settings
from grpc_bridge.codemod.discover import MAX_SIZE
from grpc_bridge.codemod.rules import RULES

DOCS = Path(__file__).parent
PAGES = ("command.md", "members.md", "rules.md")

OBJECTS = {
    "Call": "call",
    "Channel": "channel",
    "Future": "future",
    "ResponseStream": "call",
    "RequestIterator": "request_iterator",
    "RpcError": "error",
    "Server": "server",
    "ServicerContext": "context",
    "StopEvent": "stopped",
    "experimental": "grpc.experimental",
}
"""What an object of that class is called in examples."""

TITLES = {
    "": "Functions and classes of the module",
    "experimental": "grpc.experimental",
    "Future": "grpc.Future, and what `future` returns",
    "ResponseStream": "What a call with a stream of responses returns",
    "RequestIterator": "The request iterator of a handler",
    "StopEvent": "What `Server.stop` returns",
}


def page(name: str) -> str:
    """The text of one of `PAGES`."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(DOCS / "templates"),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        autoescape=False,
    )
    environment.filters.update(
        named=named, spelled=spelled, in_words=in_words, usage=usage, sentence=sentence
    )
    return environment.get_template(f"{name}.j2").render(
        owners=owners(),
        ours=ours(),
        rules=RULES,
        options=options(),
        settings=configured(),
        megabytes=MAX_SIZE >> 20,
    )


def owners() -> list[tuple[str, list[Member]]]:
    """The table, class by class: a title, and the rows."""
    names = dict.fromkeys(member.owner for member in SURFACE)
    rows = sorted(SURFACE, key=lambda member: list(names).index(member.owner))
    return [
        (title(owner), list(members)) for owner, members in groupby(rows, key=lambda member: member.owner)
    ]


def ours() -> Iterator[tuple[str, str]]:
    """The names that grpcio does not have, and the first line of what is said of each."""
    for name in grpc_bridge._OURS:
        if not hasattr(grpc, name):
            told = inspect.getdoc(getattr(grpc_bridge, name)) or ""
            yield name, told.partition("\n")[0].replace("``", "`")


def title(owner: str) -> str:
    """What the section of a class's members is called."""
    return TITLES.get(owner, f"grpc.{owner}")


def named(member: Member) -> str:
    """The member by its name in `grpc`; of a class that has none there, by what its objects are called."""
    if member.owner and not hasattr(grpc, member.owner) and member.owner != "experimental":
        return f"{OBJECTS[member.owner]}.{member.name}"
    return member.qualified


def in_words(member: Member) -> str:
    """What the member gives in a thread, with a link to its members; empty for a plain value."""
    if member.returns == "value":
        return ""
    owners = {each.owner for each in SURFACE}
    return ", ".join(
        f"[{part}](#{anchor(title(part))})" if part in owners else part for part in member.returns.split(", ")
    )


def anchor(heading: str) -> str:
    """What a link to the heading ends with, on GitHub as on the site."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def spelled(member: Member) -> str:
    """How the member is used in a coroutine, as code; empty where it is used as in a thread."""
    owner = "stub.Method" if member.owner in MULTI_CALLABLES.values() else OBJECTS.get(member.owner, "grpc")
    called = f"{owner}(...)" if member.name == "__call__" else f"{owner}.{member.name}(...)"
    match member.spelling:
        case "same":
            return ""
        case "await":
            return f"`await {called}`"
        case "async with":
            return f"`async with {owner}:`"
        case "async for":
            return f"`async for item in {owner}:`"
        case "anext":
            return f"`await anext({owner})`"


def options() -> list[argparse.Action]:
    """The options of the codemod's command line."""
    return [
        action for action in settings._parser()._actions if action.option_strings and action.dest != "help"
    ]


def usage(option: argparse.Action) -> str:
    """How an option is written."""
    value = option.metavar or "|".join(option.choices or ())
    return f"{option.option_strings[0]} {value}".rstrip().replace("|", "\\|")


def sentence(help: str) -> str:
    """What is said of an option by `--help`."""
    return f"{help[0].upper()}{help[1:]}."


def configured() -> Iterator[tuple[str, str, str]]:
    """What `[tool.grpc_bridge]` takes: a name, what its value is, and the option that says the same."""
    by_name = {option.dest: usage(option) for option in options()}
    for names, kind in (
        (settings.LISTS, "a list of strings"),
        (settings.TEXTS, "a string"),
        (settings.FLAGS, "true or false"),
        (settings.NUMBERS, "a number"),
    ):
        for name in sorted(names):
            yield name, kind, f"`{by_name[name]}`" if name in by_name else ""


def main() -> None:
    for name in PAGES:
        (DOCS / name).write_text(page(name), encoding="utf-8")


if __name__ == "__main__":
    main()
