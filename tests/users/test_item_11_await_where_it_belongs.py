"""Item 11: await what is proven to return a call, at the call, in every function on the way, once."""

from __future__ import annotations

import pytest

from ..codemod.tool import migrated, rewritten, unchanged

HEAD = "import grpc_bridge as grpc\n\nfrom greet_pb2_grpc import GreeterStub\n\n\n"


def test_pure_helpers_are_untouched() -> None:
    migrated(
        HEAD
        + """\
def slug(text):
    return text.strip().lower()


def total(numbers):
    return sum(number for number in numbers)


async def names(stub: GreeterStub, texts):
    print(slug("x"), total([1, 2]))
    return [slug(await stub.Hi(slug(text))) for text in texts]
"""
    )


@pytest.mark.parametrize(
    "call",
    [
        "check((await stub.Hi(1)).name, 'x')",
        "assert_equal(await stub.Hi(1), await stub.Hi(2))",
        "print(str(await stub.Hi(len('x'))))",
        "stub.Many(await stub.Hi(1)).cancel()",
        "(await stub.Hi(await stub.Hi(1))).name.strip()",
    ],
)
def test_the_await_is_at_the_inner_call(call: str) -> None:
    helpers = "def check(*values):\n    return values\n\n\ndef assert_equal(a, b):\n    assert a == b\n\n\n"
    after = f"{HEAD}{helpers}async def f(stub: GreeterStub):\n    {call}\n"
    before = after.replace("(await stub.Hi(1)).name", "stub.Hi(1).name")
    before = before.replace("(await stub.Hi(await stub.Hi(1))).name", "stub.Hi(stub.Hi(1)).name")
    before = before.replace("async ", "").replace("await ", "").replace("grpc_bridge as grpc", "grpc")
    rewritten(before, after)


def test_every_function_on_the_way_becomes_a_coroutine() -> None:
    """And no other; a page object, its base, the helper that it calls, and the test that calls it."""
    migrated(
        {
            "pages/__init__.py": "",
            "pages/base.py": HEAD
            + """\
class Page:
    def __init__(self, stub: GreeterStub):
        self.stub = stub

    def path(self):
        return "/"

    async def open(self):
        return await self.stub.Hi(self.path())
""",
            "pages/login.py": """\
from .base import Page


class LoginPage(Page):
    def path(self):
        return "/login"

    async def login(self, name):
        await self.open()
        return await self.stub.Hi(name)
""",
            "steps.py": """\
from pages.login import LoginPage


async def log_in(stub, name):
    page = LoginPage(stub)
    return await page.login(name)


def title(page: LoginPage):
    return page.path().title()
""",
        }
    )


def test_no_second_await_on_a_second_run() -> None:
    """`rewritten` runs twice; and what a person has awaited already stays as he wrote it."""
    unchanged(
        """
        import grpc_bridge as grpc

        from greet_pb2_grpc import GreeterStub


        async def f(stub: GreeterStub):
            return await stub.Hi(await stub.Hi(1)), [r async for r in stub.Many(1)]
        """
    )


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("list(map(stub.Hi, names))", "GB702"),
        ("names.sort(key=stub.Hi)", "GB717"),
        ("list(filter(lambda name: stub.Hi(name), names))", "GB702"),
        ("sorted(names, key=lambda name: stub.Hi(name).rank)", "GB717"),
    ],
)
def test_callbacks_that_nobody_awaits_stay(line: str, rule: str) -> None:
    """What `forEach` was there."""
    found = unchanged(
        f"""
        import grpc

        from greet_pb2_grpc import GreeterStub


        def f(stub: GreeterStub, names):
            {line}
        """
    )
    assert rule in found


def test_what_only_looks_like_a_stub_stays() -> None:
    unchanged(
        """
        import grpc


        class Fake:
            def Hi(self, n):
                return n


        def f(stub, other):
            # no caller says what these are
            return stub.Hi(1), other.stub.Hi(2), Fake().Hi(3)
        """
    )
