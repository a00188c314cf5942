"""pytest functions and fixtures, unittest cases."""

from __future__ import annotations

import pytest

from .tool import rewritten, rules, run, unchanged

CONFTEST = """
    import grpc
    import pytest

    from greet_pb2_grpc import GreeterStub


    @pytest.fixture(params=["a", "b"])
    def stub(request):
        with grpc.insecure_channel(request.param) as channel:
            yield GreeterStub(channel)


    @pytest.fixture(scope="session")
    def server():
        server = grpc.server(None)
        server.start()
        yield server
        server.stop(None).wait()


    @pytest.fixture
    def target():
        return "x"
    """

CONFTEST_AFTER = """
    import grpc_bridge as grpc
    import pytest
    import pytest_asyncio

    from greet_pb2_grpc import GreeterStub


    @pytest_asyncio.fixture(params=["a", "b"])
    async def stub(request):
        async with grpc.insecure_channel(request.param) as channel:
            yield GreeterStub(channel)


    @pytest.fixture(scope="session")
    def server():
        server = grpc.server(None)
        server.start()
        yield server
        server.stop(None).wait()


    @pytest.fixture
    def target():
        return "x"
    """


def test_pytest_functions_and_fixtures() -> None:
    found = rewritten(
        {
            "conftest.py": CONFTEST,
            "test_hi.py": """
                def test_hi(stub):
                    assert stub.Hi(1).text == "hi"


                def test_target(target, server):
                    assert target == "x"


                class TestMany:
                    def test_many(self, stub):
                        assert list(stub.Many(1)) == []
                """,
        },
        {
            "conftest.py": CONFTEST_AFTER,
            "test_hi.py": """
                import pytest


                @pytest.mark.asyncio
                async def test_hi(stub):
                    assert (await stub.Hi(1)).text == "hi"


                def test_target(target, server):
                    assert target == "x"


                class TestMany:
                    @pytest.mark.asyncio
                    async def test_many(self, stub):
                        assert [item async for item in stub.Many(1)] == []
                """,
        },
    )
    assert found == ["GB602"]


def test_auto_mode_needs_no_marks() -> None:
    rewritten(
        {
            "pytest.ini": "[pytest]\nasyncio_mode = auto\n",
            "test_hi.py": """
                import grpc
                import pytest

                from greet_pb2_grpc import GreeterStub


                @pytest.fixture
                def stub():
                    with grpc.insecure_channel("x") as channel:
                        yield GreeterStub(channel)


                def test_hi(stub):
                    assert stub.Hi(1)
                """,
        },
        {
            "pytest.ini": "[pytest]\nasyncio_mode = auto\n",
            "test_hi.py": """
                import grpc_bridge as grpc
                import pytest

                from greet_pb2_grpc import GreeterStub


                @pytest.fixture
                async def stub():
                    async with grpc.insecure_channel("x") as channel:
                        yield GreeterStub(channel)


                async def test_hi(stub):
                    assert await stub.Hi(1)
                """,
        },
    )


def test_tests_that_do_not_wait_stay() -> None:
    assert (
        unchanged(
            {
                "test_plain.py": """
                    import grpc
                    import pytest


                    @pytest.fixture
                    def channel():
                        return grpc.insecure_channel("x")


                    def test_code(channel):
                        assert grpc.StatusCode.OK.value[0] == 0
                    """
            }
        )
        == []
    )


def test_unittest() -> None:
    rewritten(
        {
            "test_hi.py": """
                import unittest

                import grpc

                import greet_pb2_grpc


                class Base(unittest.TestCase):
                    def setUp(self):
                        self.channel = grpc.insecure_channel("x")
                        self.stub = greet_pb2_grpc.GreeterStub(self.channel)

                    def tearDown(self):
                        self.channel.close()


                class TestHi(Base):
                    def test_hi(self):
                        self.assertEqual(self.stub.Hi(1).text, "hi")

                    def test_refused(self):
                        with self.assertRaises(grpc.RpcError):
                            self.stub.Hi(2)

                    def test_plain(self):
                        self.assertTrue(True)


                class TestOther(unittest.TestCase):
                    def test_other(self):
                        self.assertTrue(True)
                """
        },
        {
            "test_hi.py": """
                import unittest

                import grpc_bridge as grpc

                import greet_pb2_grpc


                class Base(unittest.IsolatedAsyncioTestCase):
                    def setUp(self):
                        self.channel = grpc.insecure_channel("x")
                        self.stub = greet_pb2_grpc.GreeterStub(self.channel)

                    async def asyncTearDown(self):
                        await self.channel.close()


                class TestHi(Base):
                    async def test_hi(self):
                        self.assertEqual((await self.stub.Hi(1)).text, "hi")

                    async def test_refused(self):
                        with self.assertRaises(grpc.RpcError):
                            await self.stub.Hi(2)

                    def test_plain(self):
                        self.assertTrue(True)


                class TestOther(unittest.TestCase):
                    def test_other(self):
                        self.assertTrue(True)
                """
        },
    )


@pytest.mark.parametrize("other", ["", "\n\nclass Other(TestCase):\n    pass\n"])
def test_a_test_case_that_is_imported_by_its_name(other: str) -> None:
    before = f"""
from unittest import TestCase, mock

from greet_pb2_grpc import GreeterStub


class Tests(TestCase):
    stub: GreeterStub

    def test_hi(self):
        self.assertEqual(self.stub.Hi(1), mock.ANY)
{other}"""
    after = (
        before.replace("Tests(TestCase)", "Tests(IsolatedAsyncioTestCase)")
        .replace("import TestCase,", f"import IsolatedAsyncioTestCase,{' TestCase,' if other else ''}")
        .replace("def test", "async def test")
        .replace("self.stub.Hi", "await self.stub.Hi")
    )
    assert rewritten({"test_it.py": before}, {"test_it.py": after}) == []


def test_a_case_whose_tests_were_coroutines_already_keeps_its_base() -> None:
    # A decorator of its own runs them; it could not where a loop runs.
    assert (
        unchanged(
            """
            import asyncio
            import functools
            import unittest

            import grpc


            def on_a_loop(function):
                @functools.wraps(function)
                def wrapper(*args):
                    return asyncio.run(function(*args))

                return wrapper


            class Tests(unittest.TestCase):
                @on_a_loop
                async def test_sleep(self):
                    self.assertIsNone(await asyncio.sleep(0))
            """
        )
        == []
    )


def test_what_unittest_runs_for_a_class_or_a_module_stays_sync() -> None:
    """No loop runs there, and nobody would await it."""
    before = """
    import unittest

    import grpc
    from greet_pb2_grpc import GreeterStub


    def setUpModule():
        GreeterStub(grpc.insecure_channel("x")).Hi(0)


    class TestHi(unittest.TestCase):
        @classmethod
        def setUpClass(cls):
            cls.server = grpc.server(None)
            cls.server.start()

        @classmethod
        def tearDownClass(cls):
            cls.server.stop(None)

        def test_hi(self):
            self.assertEqual(GreeterStub(grpc.insecure_channel("x")).Hi(1), 2)
    """
    after = (
        before.replace("import grpc\n", "import grpc_bridge as grpc\n")
        .replace("unittest.TestCase", "unittest.IsolatedAsyncioTestCase")
        .replace("def test_hi", "async def test_hi")
        .replace(
            '(GreeterStub(grpc.insecure_channel("x")).Hi(1), 2',
            '(await GreeterStub(grpc.insecure_channel("x")).Hi(1), 2',
        )
    )
    assert rewritten(before, after) == ["GB703"]


def test_errors_that_unittest_and_pytest_call_for() -> None:
    """What is handed to `assertRaises` is awaited in a `with`."""
    before = """
    import unittest

    import pytest
    from greet_pb2_grpc import GreeterStub


    def fetch(stub: GreeterStub, n, twice=False):
        return stub.Hi(n)


    class TestHi(unittest.TestCase):
        def setUp(self):
            self.stub = GreeterStub(None)

        def test_hi(self):
            # The first.
            self.assertRaises(ValueError, fetch, self.stub, 1, twice=True)  # here
            self.assertRaisesRegex(ValueError, "no", self.stub.Hi, 1)
            self.assertRaises(ValueError, int, "x")
            self.assertWarns(UserWarning, fetch, *[self.stub, 1])


    def test_too(stub: GreeterStub):
        pytest.raises(ValueError, fetch, stub, 1)
    """
    after = """
    import unittest

    import pytest
    from greet_pb2_grpc import GreeterStub


    async def fetch(stub: GreeterStub, n, twice=False):
        return await stub.Hi(n)


    class TestHi(unittest.IsolatedAsyncioTestCase):
        def setUp(self):
            self.stub = GreeterStub(None)

        async def test_hi(self):
            # The first.
            with self.assertRaises(ValueError):
                await fetch(self.stub, 1, twice=True)  # here
            with self.assertRaisesRegex(ValueError, "no"):
                await self.stub.Hi(1)
            self.assertRaises(ValueError, int, "x")
            with self.assertWarns(UserWarning):
                await fetch(*[self.stub, 1])


    @pytest.mark.asyncio
    async def test_too(stub: GreeterStub):
        with pytest.raises(ValueError):
            await fetch(stub, 1)
    """
    assert rewritten({"test_app.py": before}, {"test_app.py": after}) == []


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("context = self.assertRaises(ValueError, fetch, self.stub)", "GB702"),
        ("1; self.assertRaises(ValueError, fetch, self.stub)", "GB702"),
        ("list(map(lambda n: self.assertRaises(ValueError, fetch, self.stub), [1]))", "GB702"),
        ("self.assertRaises(ValueError, fetch, self.stub)  # grpc-bridge: keep", "GB711"),
    ],
)
def test_errors_that_are_called_for_elsewhere(body: str, why: str) -> None:
    """Nobody would await it there: what is handed over stays sync."""
    source = f"""
import unittest

from greet_pb2_grpc import GreeterStub


def fetch(stub: GreeterStub):
    return stub.Hi(1)


class TestHi(unittest.TestCase):
    def test_hi(self):
        self.stub = GreeterStub(None)
        {body}
"""
    result, got = run(source)
    assert "    return stub.Hi(1)\n" in got["app.py"]
    assert why in rules(result)
