"""The snippets of api-definitions.md: what is printed there, and what runs, where that is something else."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any, NamedTuple

DOCUMENT = Path(__file__).with_name("api-definitions.md")


class Correction(NamedTuple):
    """The smallest change that lets a snippet run."""

    printed: str
    runs: str
    reason: str


SUBMITTED = "`...` stands for something"
NOTHING_AWAITED = "awaiting `send` would await None, and nothing would be put"
NO_ARGUMENTS = "the worker is given nothing to work on"
NO_ASYNC_DEF = "`await` and `async for` are allowed in `async def` only"
COLON = "a colon without a block"
NO_HOST = "grpcio, from 1.71 on at least, refuses an address without a host"

CORRECTIONS: dict[str, list[Correction]] = {
    "Client Side Examples / Unary-Unary Call / Current API": [
        Correction("stub.Hi(...)", "stub.Hi(request)", SUBMITTED),
    ],
    "Client Side Examples / Unary-Unary Call / Option 1 / Option 2": [
        Correction("stub.Hi(...)", "stub.Hi(request)", SUBMITTED),
    ],
    "Stream-Stream Call / Current API (2)": [
        Correction(
            "request_iterator.send(proto_message)",
            "request_queue.put(proto_message)",
            "there is no `request_iterator`",
        ),
    ],
    "Stream-Stream Call / Option 1": [
        Correction("self._queue.put(message)", "return self._queue.put(message)", NOTHING_AWAITED),
    ],
    "Server Side Example / Server Creation / Current API": [
        Correction("':50051'", "'[::]:50051'", NO_HOST),
    ],
    "Server Side Example / Server Creation / Option 1 / Option 2 / Ideal": [
        Correction("':50051'", "'[::]:50051'", NO_HOST),
    ],
    "Server Side Example / Unary-Unary Handler / Current API": [
        Correction("return ...", "return response", SUBMITTED),
    ],
    "Server Side Example / Stream-Stream Handler / Current API": [
        Correction(
            "threading.Thread(target=streaming_hi_worker)",
            "threading.Thread(target=streaming_hi_worker, args=(request_iterator, response_iterator))",
            NO_ARGUMENTS,
        ),
    ],
    "Server Side Example / Stream-Stream Handler / Option 1": [
        Correction("self._queue.put(message)", "return self._queue.put(message)", NOTHING_AWAITED),
        Correction("def streaming_hi_worker", "async def streaming_hi_worker", NO_ASYNC_DEF),
        Correction("def StreamingHi", "async def StreamingHi", "it starts a task, so it runs on the loop"),
        Correction(
            "        background_thread = threading.Thread(target=streaming_hi_worker)\n"
            "        background_thread.daemon = True\n"
            "        background_thread.start()\n",
            "        background_task = asyncio.create_task(\n"
            "            streaming_hi_worker(request_iterator, response_iterator))\n",
            "a thread cannot run a coroutine function; " + NO_ARGUMENTS,
        ),
    ],
    "Server Side Example / Stream-Stream Handler / Option 2 / Ideal": [
        Correction("def StreamingHi", "async def StreamingHi", NO_ASYNC_DEF),
    ],
    "Generated File / Current / Option 1": [
        Correction("'localhost:50051'):", "'localhost:50051')", COLON),
    ],
    "Generated File / Option 2": [
        Correction("'localhost:50051'):", "'localhost:50051')", COLON),
    ],
}
"""By section, in the document's order. A section that is not here runs as printed."""


def printed() -> dict[str, str]:
    """Every snippet, by its section; the second of a section has ``(2)`` behind it."""
    found: dict[str, str] = {}
    headings: dict[int, str] = {}
    for heading, code in re.findall(
        r"^(#+ .*?)$|^```Python\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL
    ):
        if heading:
            marks, _, title = heading.partition(" ")
            headings = {level: text for level, text in headings.items() if level < len(marks)}
            headings[len(marks)] = title
            continue
        section = " / ".join(headings.values())
        number = sum(name.split(" (")[0] == section for name in found) + 1
        found[section if number == 1 else f"{section} ({number})"] = code
    return found


def corrected(section: str) -> str:
    """A snippet as it runs."""
    text = printed()[section]
    for correction in CORRECTIONS.get(section, ()):
        assert text.count(correction.printed) == 1, correction
        text = text.replace(correction.printed, correction.runs)
    return text


def table() -> str:
    """The corrections, as documentation shows them."""
    lines = ["| section | printed | runs | because |", "| --- | --- | --- | --- |"]
    for section, corrections in CORRECTIONS.items():
        for printed, runs, reason in corrections:
            lines.append(f"| {section} | {_code(printed)} | {_code(runs)} | {reason} |")
    return "\n".join(lines)


def _code(text: str) -> str:
    return "<br>".join(f"`{line.strip()}`" for line in text.strip().splitlines())


def at_port(text: str, port: int) -> str:
    """The snippet for a server on another port than 50051, which a test cannot be sure to get."""
    return text.replace("localhost:50051", f"localhost:{port}").replace("[::]:50051", f"127.0.0.1:{port}")


def parts(text: str) -> list[str]:
    """The snippet, divided where it says that another thread goes on."""
    return re.split(r"^# In \w+ thread\n", text, flags=re.MULTILINE)


def run(text: str, names: dict[str, Any]) -> None:
    """Run a snippet as a module; what it assigns is in `names` afterwards."""
    exec(compile(text, f"<{DOCUMENT.name}>", "exec"), names)


async def run_async(text: str, names: dict[str, Any]) -> None:
    """The same for one that awaits, as if it stood in a coroutine function."""
    started = eval(compile(text, f"<{DOCUMENT.name}>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    if inspect.iscoroutine(started):
        await started
