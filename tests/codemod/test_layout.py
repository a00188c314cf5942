"""Layout: comments, quotes, and lines that hang under a parenthesis."""

from __future__ import annotations

from .tool import migrated, rewritten


def test_hanging_lines_move_along() -> None:
    rewritten(
        """
        import grpc

        from greet_pb2_grpc import GreeterStub


        def use(stub: GreeterStub,
                first, second=None,
                **rest):
            with grpc.insecure_channel("x",
                                       options=None) as channel:
                reply = stub.Hi(first,
                                timeout=max(1,
                                            2),  # seconds
                                **rest)
            for item in stub.Many(first,
                                  timeout=2):
                print(item)
            return stub.Hi(
                reply,
                timeout=2,
            )
        """,
        """
        import grpc_bridge as grpc

        from greet_pb2_grpc import GreeterStub


        async def use(stub: GreeterStub,
                      first, second=None,
                      **rest):
            async with grpc.insecure_channel("x",
                                             options=None) as channel:
                reply = await stub.Hi(first,
                                      timeout=max(1,
                                                  2),  # seconds
                                      **rest)
            async for item in stub.Many(first,
                                        timeout=2):
                print(item)
            return await stub.Hi(
                reply,
                timeout=2,
            )
        """,
    )


def test_comments_quotes_and_odd_spaces_stay() -> None:
    rewritten(
        """
        # -*- coding: utf-8 -*-
        from greet_pb2_grpc import GreeterStub   # the stub


        class  Client( object ):
          '''Two spaces of indent.'''

          def hi( self , stub : GreeterStub ):   # says hi
            # a comment of its own
            x = ( stub . Hi( 1 ) )   ;  y = "it's"
            return x ,y
        """,
        """
        # -*- coding: utf-8 -*-
        from greet_pb2_grpc import GreeterStub   # the stub


        class  Client( object ):
          '''Two spaces of indent.'''

          async def hi( self , stub : GreeterStub ):   # says hi
            # a comment of its own
            x = ( await stub . Hi( 1 ) )   ;  y = "it's"
            return x ,y
        """,
    )


def test_what_hangs_under_yield_from_stands_clear_of_the_body() -> None:
    rewritten(
        """
        from greet_pb2_grpc import GreeterStub


        def relay(stub: GreeterStub):
            # all of them
            yield from stub.Many(
                1,
                timeout=2)  # soon
        """,
        """
        from greet_pb2_grpc import GreeterStub


        async def relay(stub: GreeterStub):
            # all of them
            async for item in stub.Many(
                    1,
                    timeout=2):  # soon
                yield item
        """,
    )


def test_a_backslash_on_a_line_of_its_own() -> None:
    """Found by breaking programs at random; LibCST loses it."""
    migrated(
        "import asyncio\n\nimport grpc_bridge as grpc\nfrom greet_pb2_grpc import GreeterStub\n\n"
        'TEXT = """\n\\\n"""\n\n\\\nasync def main():\n'
        "    async with grpc.insecure_channel('x') as channel:\n"
        "        await GreeterStub(channel).Hi(1)\n\n\nif __name__ == '__main__':\n    asyncio.run(main())\n"
    )
    migrated(
        "import grpc_bridge as grpc\nfrom greet_pb2_grpc import GreeterStub\n\n\n"
        "async def main(stub: GreeterStub):\n    await stub.Hi(1)\n\n\\\nif not grpc:\n    print(1)\n"
    )
