"""Decorators of the program's own around functions of both colours: one that serves both, or a cut."""

from __future__ import annotations

import pytest

from grpc_bridge.codemod import explain

from .tool import rewritten, run, unchanged

FUNCTIONS = """

@logged
def hi(stub: GreeterStub):
    return stub.Hi(1)


@logged
def plain(n):
    return n
"""
BOTH = FUNCTIONS.replace("def hi", "async def hi").replace("stub.Hi", "await stub.Hi")
HEAD = "import functools\nimport time\n\nimport grpc\nfrom greet_pb2_grpc import GreeterStub\n\n\n"
SPLIT = HEAD.replace("import time", "import inspect\nimport time").replace(
    "import grpc\n", "import grpc_bridge as grpc\n"
)


def test_the_wrapper_gets_a_twin() -> None:
    rewritten(
        f"""{HEAD}def logged(func):
    '''Say what is called.'''

    # For every caller.
    @functools.wraps(func)
    def wrapper(*args):
        print(func.__name__)
        return func(*args)

    return wrapper
{FUNCTIONS}""",
        f"""{SPLIT}def logged(func):
    '''Say what is called.'''

    if inspect.iscoroutinefunction(func):

        @functools.wraps(func)
        async def async_wrapper(*args):
            print(func.__name__)
            return await func(*args)

        return async_wrapper

    # For every caller.
    @functools.wraps(func)
    def wrapper(*args):
        print(func.__name__)
        return func(*args)

    return wrapper
{BOTH}""",
    )


def test_retries_with_pauses() -> None:
    rewritten(
        f"""{HEAD}def logged(func):
    def wrapper(*args):
        for pause in (1, 2, 3):
            try:
                return func(*args).text
            except grpc.RpcError:
                wrapper.failed = True
                time.sleep(pause)

    return functools.update_wrapper(wrapper, func)
{FUNCTIONS}""",
        f"""import asyncio
{SPLIT}def logged(func):
    if inspect.iscoroutinefunction(func):

        async def async_wrapper(*args):
            for pause in (1, 2, 3):
                try:
                    return (await func(*args)).text
                except grpc.RpcError:
                    async_wrapper.failed = True
                    await asyncio.sleep(pause)

        return functools.update_wrapper(async_wrapper, func)

    def wrapper(*args):
        for pause in (1, 2, 3):
            try:
                return func(*args).text
            except grpc.RpcError:
                wrapper.failed = True
                time.sleep(pause)

    return functools.update_wrapper(wrapper, func)
{BOTH}""",
    )


WRAPPER = """\
    def wrapper(*args):
        return {0}(*args)

    return wrapper
"""
TWIN = """\
    if inspect.iscoroutinefunction({0}):

        async def async_wrapper(*args):
            return await {0}(*args)

        return async_wrapper

"""


def test_a_function_that_pauses_inside_its_decorator_becomes_a_coroutine_where_coroutines_call_it() -> None:
    pausing = """def logged(func):
    def wrapper(*args):
        time.sleep(1)
        return func(*args)

    return wrapper
"""
    caller = "\n\ndef main(stub: GreeterStub):\n    return hi(stub), plain(2)\n"
    _, files = run(HEAD + pausing + FUNCTIONS + caller)
    assert "async def plain" in files["app.py"]
    assert "return await hi(stub), await plain(2)" in files["app.py"]


def test_one_decorator_above_another() -> None:
    functions = FUNCTIONS.replace("@logged", "@logged\n@counted")
    both = BOTH.replace("@logged", "@logged\n@counted")
    rewritten(
        f"{HEAD}def logged(func):\n{WRAPPER.format('func')}\n\n"
        f"def counted(inner):\n{WRAPPER.format('inner')}{functions}",
        f"{SPLIT}def logged(func):\n{TWIN.format('func')}{WRAPPER.format('func')}\n\n"
        f"def counted(inner):\n{TWIN.format('inner')}{WRAPPER.format('inner')}{both}",
    )


def test_the_decorator_is_an_object_and_has_arguments() -> None:
    def indented(text: str) -> str:
        return "".join(f"    {line}" if line.strip() else line for line in text.splitlines(keepends=True))

    before = "class Logged:\n    def __init__(self, name):\n        pass\n\n    def __call__(self, func):\n"
    rewritten(
        f"{HEAD}{before}{indented(WRAPPER.format('func'))}" + FUNCTIONS.replace("@logged", '@Logged("a")'),
        f"{SPLIT}{before}{indented(TWIN.format('func') + WRAPPER.format('func'))}"
        + BOTH.replace("@logged", '@Logged("a")'),
    )


def test_a_generator_function_needs_no_twin() -> None:
    """The plain wrapper returns its asynchronous generator, as it did the plain one."""
    many = """

@logged
def many(stub: GreeterStub):
    for reply in stub.Many(1):
        yield reply


@logged
def plain(n):
    return n


def main(stub: GreeterStub):
    for reply in many(stub):
        print(plain(reply))
"""
    _, files = run(f"{HEAD}def logged(func):\n{WRAPPER.format('func')}{many}")
    assert "inspect" not in files["app.py"]
    assert "async for reply in many(stub):\n        print(plain(reply))" in files["app.py"]


def test_handlers_of_both_colours() -> None:
    source = f"""{HEAD}from greet_pb2_grpc import GreeterServicer


def logged(func):
{WRAPPER.format("func")}

class Greeter(GreeterServicer):
    def __init__(self, stub: GreeterStub):
        self.stub = stub

    @logged
    def Hi(self, request, context):
        return self.stub.Hi(request)

    @logged
    def Sum(self, request_iterator, context):
        return self.total

    @logged
    def Many(self, request, context):
        yield from self.stub.Many(request)
"""
    result, files = run(source)
    text = files["app.py"]
    assert result.analysis is not None
    place = next(iter(result.changed))
    line = source[: source.index("def wrapper")].count("\n") + 1
    told = explain.explain(result.analysis, place, line)
    assert told == [f"{place}:{line}: wrapper serves functions of both colours: each has its own"]
    assert TWIN.format("func") in text
    assert "    @logged\n    async def Hi" in text
    assert "    @logged\n    def Sum" in text
    assert "    @logged\n    async def Many" in text


def test_a_thread_runs_one_of_them() -> None:
    thread = """

import threading


@logged
def work(stub: GreeterStub):
    stub.Hi(1)


def main(stub: GreeterStub):
    threading.Thread(target=work, args=(stub,)).start()
    return hi(stub)
"""
    result, files = run(f"{HEAD}def logged(func):\n{WRAPPER.format('func')}{FUNCTIONS}{thread}")
    assert {finding.rule for finding in result.findings if finding.kind == "cut"} == {"GB405", "GB703"}
    assert "@logged\nasync def hi" in files["app.py"]
    assert "@logged\ndef work" in files["app.py"]
    assert TWIN.format("func") in files["app.py"]


@pytest.mark.parametrize(
    "pair",
    [
        TWIN.format("func") + WRAPPER.format("func"),
        """\
    if asyncio.iscoroutinefunction(func):

        async def wrapper(*args):
            return await func(*args)

    else:

        def wrapper(*args):
            return func(*args)

    wrapper.calls = 0
    return wrapper
""",
    ],
    ids=["return", "else"],
)
def test_a_decorator_that_has_a_twin_is_left_alone(pair: str) -> None:
    already = "\n\n@logged\nasync def old(stub: GreeterStub):\n    return await stub.Hi(1)\n"
    caller = "\n\ndef main(stub: GreeterStub):\n    return hi(stub), plain(1)\n"
    awaited = "\n\nasync def main(stub: GreeterStub):\n    return await hi(stub), plain(1)\n"
    head = f"import asyncio\n{SPLIT}def logged(func):\n{pair}"
    assert rewritten(head + FUNCTIONS + already + caller, head + BOTH + already + awaited) == []


def test_what_each_decorated_function_returns_is_its_own() -> None:
    """A stream that one of them returns is not what the other returns."""
    source = f"""{HEAD}def logged(func):
{WRAPPER.format("func")}

@logged
def many(stub: GreeterStub):
    return stub.Many(1)


@logged
def numbers():
    return [1, 2]


def main(stub: GreeterStub):
    for reply in many(stub):
        for number in numbers():
            print(reply, number)
"""
    after = source.replace("import grpc\n", "import grpc_bridge as grpc\n")
    after = after.replace("def main", "async def main").replace("for reply", "async for reply")
    assert rewritten(source, after) == []


@pytest.mark.parametrize(
    "decorator",
    [
        "    def wrapper(*args):\n        with lock:\n            return func(*args)\n\n    return wrapper\n",
        "    def wrapper(*args):\n        return list(map(func, args))\n\n    return wrapper\n",
        "    def wrapper(*args):\n        return [*(func(arg) for arg in args)]\n\n    return wrapper\n",
        "    def wrapper(s: GreeterStub):\n        s.Hi(0)\n        return func(s)\n\n    return wrapper\n",
        "    def wrapper(*args):\n        return func(*args)\n\n    wrapper.calls = 0\n    return wrapper\n",
        "    func = func or print\n\n" + WRAPPER.format("func"),
    ],
    ids=["lock", "handed on", "generator", "waits itself", "more behind it", "bound again"],
)
def test_other_wrappers_stay(decorator: str) -> None:
    head = HEAD.replace("import time", "import threading")
    assert set(unchanged(f"{head}lock = threading.Lock()\n\n\ndef logged(func):\n{decorator}{FUNCTIONS}")) & {
        "GB704",
        "GB706",
        "GB702",
    }


def test_a_wrapper_that_is_made_by_hand_as_well_stays() -> None:
    by_hand = (
        "\n\nimport elsewhere\n\nother = logged(elsewhere.fetch)\n\n\ndef main():\n    return other(1)\n"
    )
    assert unchanged(f"{HEAD}def logged(func):\n{WRAPPER.format('func')}{FUNCTIONS}{by_hand}") == ["GB706"]


def test_a_wrapper_that_a_comment_keeps_stays() -> None:
    kept = WRAPPER.format("func").replace("(*args):", "(*args):  # grpc-bridge: keep")
    assert set(unchanged(f"{HEAD}def logged(func):\n{kept}{FUNCTIONS}")) == {"GB706", "GB711"}


def test_a_generator_around_generators_of_both_colours_stays() -> None:
    """`async for` reads no plain generator."""
    assert unchanged(
        """
        import grpc
        from greet_pb2_grpc import GreeterStub


        def guarded(func):
            def wrapper(*args):
                for item in func(*args):
                    yield item

            return wrapper


        @guarded
        def many(stub: GreeterStub):
            for reply in stub.Many(1):
                yield reply


        @guarded
        def numbers(stop):
            yield from range(stop)


        def main(stub: GreeterStub):
            for reply in many(stub):
                for number in numbers(3):
                    print(reply, number)
        """
    ) == ["GB706"]
