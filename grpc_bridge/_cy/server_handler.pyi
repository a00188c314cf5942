from typing import Any

from grpc_bridge._cy.server_call import ServerCall

class HandledCall(ServerCall):
    @property
    def context(self) -> Any: ...
