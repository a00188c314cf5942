"""Our pytest plugin: one server and one channel in sync tests and in async ones, whoever runs those.

pytest-asyncio gives a loop to each test, to each module or to the whole session, anyio its own; what was made
while one loop ran is used on the next. Each suite below runs in a pytest of its own.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]

CONFTEST = """
    import functools

    import pytest

    from tests.conftest import AsyncEcho, stub_of
    from tests.protos.exchange_pb2_grpc import add_ExchangeServicer_to_server

    pytest_plugins = ["grpc_bridge.pytest_plugin"]

    @pytest.fixture(scope="session")
    def grpc_services():
        return [functools.partial(add_ExchangeServicer_to_server, AsyncEcho())]

    @pytest.fixture
    def stub(grpc_channel):
        return stub_of(grpc_channel)
"""

TESTS = """
    import asyncio

    import pytest

    from tests.protos.exchange_pb2 import Request

    {mark}

    loops, targets = [], set()

    @pytest.mark.parametrize("text", ["a", "b"])
    async def test_calls(stub, text, grpc_target):
        loops.append(asyncio.get_running_loop())
        targets.add(grpc_target)
        assert (await stub.Ask(Request(text=text), timeout=20)).text == text.upper()
        assert [reply.number async for reply in stub.Watch(Request(number=3), timeout=20)] == [0, 1, 2]

    def test_sync_calls(stub, grpc_target):
        targets.add(grpc_target)
        assert stub.Ask(Request(text="sync"), timeout=20).text == "SYNC"
        assert [reply.number for reply in stub.Watch(Request(number=3), timeout=20)] == [0, 1, 2]

    async def test_calls_again(stub):
        replies = await asyncio.gather(*(stub.Ask(Request(number=n), timeout=20) for n in range(5)))
        assert [reply.number for reply in replies] == [0, 1, 2, 3, 4]

    def test_what_was_shared():
        assert (len(set(map(id, loops))), len(targets)) == ({loops}, {targets})
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder for a suite that finds this project's tests and runs without their configuration."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest(CONFTEST)
    return pytester


def in_a_class(tests: str) -> str:
    """The same tests as methods."""
    head, functions = textwrap.dedent(tests).split("@pytest.mark.parametrize", 1)
    methods = re.sub(r"def test_(\w+)\(", r"def test_\1(self, ", "@pytest.mark.parametrize" + functions)
    return f"{head}class TestInOneLoop:\n{textwrap.indent(methods, '    ')}"


def _run(suite: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return suite.runpytest_subprocess("-p", "no:cacheprovider", *arguments, timeout=50)


@pytest.mark.parametrize(
    ("loop_scope", "scope", "loops", "targets"),
    [
        ("function", "function", 2, 3),
        ("class", "class", 1, 1),
        ("module", "session", 1, 1),
        ("package", "package", 1, 1),
        ("session", "session", 1, 1),
    ],
)
def test_under_pytest_asyncio(
    suite: pytest.Pytester, loop_scope: str, scope: str, loops: int, targets: int
) -> None:
    suite.makeini(
        f"""
        [pytest]
        asyncio_mode = auto
        asyncio_default_fixture_loop_scope = {loop_scope}
        asyncio_default_test_loop_scope = {loop_scope}
        grpc_fixture_scope = {scope}
        filterwarnings = error
        """
    )
    tests = TESTS.format(mark="", loops=loops, targets=targets)
    if loop_scope == "class":
        tests = in_a_class(tests)
    suite.makepyfile(__init__="", test_one=tests, test_two=tests)
    _run(suite, "-p", "pytest_asyncio.plugin").assert_outcomes(passed=10)


def test_under_anyio(suite: pytest.Pytester) -> None:
    pytest.importorskip("anyio", reason="anyio is not installed")
    suite.makeini("[pytest]\ngrpc_fixture_scope = session\nfilterwarnings = error")
    mark = """
    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def anyio_backend():
        return "asyncio"
    """
    tests = TESTS.format(mark=mark, loops=2, targets=1)
    suite.makepyfile(test_one=tests, test_two=tests)
    _run(suite, "-p", "anyio.pytest_plugin").assert_outcomes(passed=10)


def test_interceptors_options_and_further_servers(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import functools

        import grpc.experimental
        import pytest

        from tests.conftest import Echo, stub_of
        from tests.protos.exchange_pb2 import Request
        from tests.protos.exchange_pb2_grpc import add_ExchangeServicer_to_server

        class Refusing(grpc.ServerInterceptor):
            def intercept_service(self, continuation, handler_call_details):
                return None

        @pytest.fixture
        def grpc_server_arguments():
            return {"interceptors": [Refusing()]}

        def code_of(call, request):
            with pytest.raises(grpc.RpcError) as caught:
                call(request, timeout=20)
            return caught.value.code()

        def test_the_server_has_the_arguments(stub):
            assert code_of(stub.Ask, Request()) is grpc.StatusCode.UNIMPLEMENTED

        def test_several_servers(grpc_serve, grpc_connect):
            add = functools.partial(add_ExchangeServicer_to_server, Echo())
            targets = {grpc_serve(add) for _ in range(2)}
            assert len(targets) == 2
            for target in targets:
                limited = grpc_connect(target, options=[("grpc.max_receive_message_length", 10)])
                code = code_of(stub_of(limited).Ask, Request(text="x" * 99))
                assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
                plain = grpc_connect(target, grpc.experimental.insecure_channel_credentials())
                assert stub_of(plain).Ask(Request(text="x" * 99), timeout=20).text == "X" * 99
        """
    )
    _run(suite, "-W", "error").assert_outcomes(passed=2)


def test_what_was_left_open_is_closed(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import grpc
        import pytest

        from tests.protos.exchange_pb2 import Request

        left = []

        def test_a_call_is_left_open(stub, grpc_channel):
            call = stub.Talk(iter(lambda: Request(), None), timeout=20)
            next(call)
            left.extend([call, stub])

        def test_both_ends_are_closed():
            call, stub = left
            with pytest.raises(grpc.RpcError) as caught:
                list(call)
            assert caught.value.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE)
            with pytest.raises(ValueError, match="closed channel"):
                stub.Ask(Request())
        """
    )
    _run(suite, "-W", "error").assert_outcomes(passed=2)


def test_a_server_without_services_says_what_to_do(suite: pytest.Pytester) -> None:
    suite.makeconftest('pytest_plugins = ["grpc_bridge.pytest_plugin"]')
    suite.makepyfile("def test_a_call(grpc_channel):\n    pass\n")
    result = _run(suite)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*nothing to serve: override the fixture grpc_services*"])


def test_nothing_is_registered_for_those_who_do_not_ask(suite: pytest.Pytester) -> None:
    suite.makeconftest("")
    suite.makepyfile("def test_a_call(grpc_channel):\n    pass\n")
    result = _run(suite)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*fixture 'grpc_channel' not found*"])
