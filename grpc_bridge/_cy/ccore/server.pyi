from typing import Any

from grpc_bridge._cy.transport import ServerTransport

class CCoreServer(ServerTransport):
    def __init__(self, options: tuple[Any, ...], compression: Any, xds: bool) -> None: ...
    def add_port(self, address: bytes, credentials: Any) -> int: ...
