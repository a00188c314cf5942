"""From a comment of a .proto file to a docstring, as a formatter would leave it."""

from __future__ import annotations

import inspect
import unicodedata

from google.protobuf.descriptor_pb2 import FileDescriptorProto, SourceCodeInfo

Path = tuple[int, ...]
"""Where in a file descriptor something stands: field numbers and indexes, in turn."""


class Comments:
    """The comments of a file."""

    def __init__(self, file: FileDescriptorProto) -> None:
        self._by_path: dict[Path, str] = {}
        for location in file.source_code_info.location:
            comment = _text(location)
            if comment:
                self._by_path[tuple(location.path)] = comment

    def at(self, *path: int) -> str:
        """What the comments before and behind a declaration say; empty if there are none."""
        return self._by_path.get(path, "")


def _text(location: SourceCodeInfo.Location) -> str:
    parts = (_clean(location.leading_comments), _clean(location.trailing_comments))
    return "\n".join(part for part in parts if part)


def _clean(comment: str) -> str:
    lines = ("".join(map(_visible, line.expandtabs())).rstrip() for line in comment.split("\n"))
    # cleandoc takes the margin off all lines but the first, so give it an empty first one.
    return inspect.cleandoc("\n" + "\n".join(lines))


def _visible(character: str) -> str:
    return " " if unicodedata.category(character) in ("Cc", "Zl", "Zp") else character


def docstring(text: str, indent: str) -> list[str]:
    """The lines of a docstring, without their newlines."""
    escaped = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"').split("\n")
    if escaped[0].startswith('"'):
        escaped[0] = f" {escaped[0]}"
    if len(escaped) == 1:
        before_quote = escaped[0].removesuffix('"')
        bare = before_quote != escaped[0] and (len(before_quote) - len(before_quote.rstrip("\\"))) % 2 == 0
        space = " " if bare else ""
        return [f'{indent}"""{escaped[0]}{space}"""']
    rest = [f"{indent}{line}" if line else "" for line in escaped[1:]]
    return [f'{indent}"""{escaped[0]}', *rest, f'{indent}"""']
