import asyncio
import contextvars
from collections.abc import Callable
from typing import Any

from grpc_bridge._cy.handoff import LoopMailbox
from grpc_bridge._cy.server_call import HandlerPlan, ServerCall
from grpc_bridge._cy.transport import Acceptor, ServerTransport

class ServerCore(Acceptor):
    def __init__(
        self,
        *,
        resolve: Callable[[str, Any], Any],
        make_context: Callable[[ServerCall], Any],
        make_requests: Callable[[ServerCall], Any],
        limit: int | None,
        base_variables: contextvars.Context,
        loop_mailbox: Callable[[], LoopMailbox],
        on_drained: Callable[[], object],
    ) -> None: ...
    def add_plan(self, method: str, plan: HandlerPlan) -> None: ...

class ServerPort:
    def __init__(self, transport: ServerTransport, core: ServerCore) -> None: ...
    def start(self, loop: asyncio.AbstractEventLoop | None) -> None: ...
    def refuse_new(self) -> None: ...
    def cancel_all(self) -> None: ...
