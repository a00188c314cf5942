from typing import Any

from grpc_bridge._cy.transport import ServerSink

class ServerCallState(ServerSink):
    code: Any
    details: Any
    trailers: tuple[Any, ...] | None
    aborted: bool
    compression_header: tuple[Any, ...] | None
    plain_next: bool
    @property
    def method(self) -> str: ...
    @property
    def invocation_metadata(self) -> tuple[Any, ...]: ...
    @property
    def deadline(self) -> float: ...
    @property
    def headers_sent(self) -> bool: ...
    @property
    def finished(self) -> bool: ...
    @property
    def closed(self) -> bool: ...
    @property
    def cancelled(self) -> bool: ...
    @property
    def read_ended(self) -> bool: ...
