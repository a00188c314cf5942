"""Handlers that an interceptor wraps: a wrapper written for plain functions awaits nothing."""

from __future__ import annotations

import textwrap

import pytest

from .tool import rules, run, swapped, unchanged

SERVICER = """
import grpc

import greet_pb2_grpc


class {name}(greet_pb2_grpc.GreeterServicer):
    def Sum(self, numbers, context):
        return sum(self.doubled(numbers))

    def doubled(self, numbers):
        for number in numbers:
            yield 2 * number
"""

MIGRATED = (
    SERVICER.replace("    def", "    async def")
    .replace("        for", "        async for")
    .replace("sum(self.doubled(numbers))", "sum([item async for item in self.doubled(numbers)])")
)

WRAPPING = """
class Wrapping(grpc.ServerInterceptor):
    def wrap(self, behavior):
        def wrapped(request_or_iterator, context):
            reply = behavior(request_or_iterator, context)
            print(reply.text)
            return reply

        return wrapped

    def intercept_service(self, continuation, details):
        handler = continuation(details)
        return grpc.stream_unary_rpc_method_handler(self.wrap(handler.stream_unary))
"""

READING = """
class Reading(grpc.ServerInterceptor):
    def refuse(self, request, context):
        context.abort(16, "no")

    def intercept_service(self, continuation, details):
        handler = continuation(details)
        if handler is None or handler.request_streaming:
            return handler
        if handler.unary_unary is not None and not handler.unary_stream:
            return grpc.unary_unary_rpc_method_handler(self.refuse)
        return handler
"""

SERVER = """
def {function}():
    server = grpc.server(None{interceptors})
    greet_pb2_grpc.add_GreeterServicer_to_server({name}(), server)
    return server
"""


def server(interceptors: str = "", name: str = "Greeter", function: str = "serve") -> str:
    return SERVER.format(interceptors=interceptors, name=name, function=function)


def servicer(name: str = "Greeter", template: str = SERVICER) -> str:
    return textwrap.dedent(template.format(name=name))


def test_handlers_that_an_interceptor_wraps() -> None:
    source = servicer() + WRAPPING + server(", interceptors=(Wrapping(),)")
    result, after = run(source)
    assert after == {"app.py": swapped(source.lstrip("\n"))}
    said = [f.message for f in result.findings if f.kind == "cut"]
    assert "Greeter.Sum stays sync: the interceptor Wrapping calls it, and does not await it" in said


def test_handlers_whose_server_is_not_known() -> None:
    assert unchanged(servicer() + WRAPPING) == ["GB706"]


@pytest.mark.parametrize(
    "wrapper",
    [
        # A stream, in the closure itself.
        """
        def intercept_service(self, continuation, details):
            handler = continuation(details)

            def wrapped(requests, context):
                for reply in handler.stream_stream(requests, context):
                    yield reply

            return handler._replace(stream_stream=wrapped)
        """,
        # The arity as a string.
        """
        def intercept_service(self, continuation, details):
            handler = continuation(details)
            behavior = getattr(handler, KIND)
            return MAKE[KIND](lambda request, context: behavior(request, context))
        """,
        # A choice among the four.
        """
        def intercept_service(self, continuation, details):
            handler = continuation(details)
            return self.wrap(handler.unary_unary or handler.stream_unary)
        """,
        # A base class that passes the handler to a method of an unknown object.
        """
        def behaviors(self, handler):
            return [handler.unary_unary, handler.stream_unary]

        def intercept_service(self, continuation, details):
            return self.helper.wrap(continuation(details))
        """,
    ],
)
def test_ways_to_wrap(wrapper: str) -> None:
    body = textwrap.indent(textwrap.dedent(wrapper), "    ").replace("    \n", "\n")
    source = servicer() + "\n\nclass Wrapping(grpc.ServerInterceptor):" + body
    assert unchanged(source + server(", interceptors=[Wrapping()]")) == ["GB706"]


def test_a_wrapper_in_another_module() -> None:
    library = """
    import grpc


    def rewrap(handler, around):
        return grpc.stream_unary_rpc_method_handler(around(handler.stream_unary))
    """
    app = (
        servicer().replace("import greet", "import wrapping\nimport greet", 1)
        + textwrap.dedent("""
        class Wrapping(grpc.ServerInterceptor):
            def intercept_service(self, continuation, details):
                return wrapping.rewrap(continuation(details), self.around)
        """)
        + server(", interceptors=[Wrapping()]")
    )
    assert unchanged({"app.py": app, "wrapping.py": library}) == ["GB706"]


@pytest.mark.parametrize(
    ("interceptors", "classes"),
    [
        ("", WRAPPING),
        (", interceptors=None", WRAPPING),
        (", interceptors=[Reading()]", READING),
        (", interceptors=[Reading()]", READING + WRAPPING),
    ],
)
def test_handlers_that_no_interceptor_wraps(interceptors: str, classes: str) -> None:
    rest = classes + server(interceptors)
    result, after = run(servicer() + rest)
    assert after == {"app.py": swapped(servicer(template=MIGRATED) + rest).lstrip("\n")}
    # The wrapper itself is said to stay.
    assert {f.message.split()[0] for f in result.findings if f.kind == "cut"} <= {"wrapped"}


def test_two_servers_of_which_one_wraps() -> None:
    second = servicer("Second").partition("import greet_pb2_grpc\n")[2]
    rest = (
        WRAPPING
        + server(", None, [Wrapping()]")
        + server(", interceptors=[]", name="Second", function="serve_second")
    )
    before = servicer() + second + rest
    migrated = servicer("Second", MIGRATED).partition("import greet_pb2_grpc\n")[2]
    result, after = run(before)
    assert after == {"app.py": swapped((servicer() + migrated + rest).lstrip("\n"))}
    assert rules(result) == ["GB706"]


def test_an_interceptor_whose_code_is_not_in_the_run() -> None:
    source = servicer().replace("import grpc\n", "import grpc\nfrom tracing import Tracer\n")
    assert unchanged(source + server(", interceptors=[Tracer()]")) == ["GB706", "GB710"]
