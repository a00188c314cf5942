"""The services of a .proto file that was compiled at run time: to call, to make stubs of, and to serve."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from grpc_bridge._proto_method import method_of


class Service:
    """A service: its methods, by name."""

    def __init__(self, descriptor: ServiceDescriptor) -> None:
        self._descriptor = descriptor
        self.__dict__.update((method.name, method_of(method)) for method in descriptor.methods)

    def __getattr__(self, name: str) -> Any:
        # Only for what is missing. A copy of it that is being made has nothing at all yet.
        descriptor = self.__dict__.get("_descriptor")
        if name == "DESCRIPTOR" and descriptor is not None:
            return descriptor
        raise AttributeError(
            f"the service {descriptor.full_name if descriptor else ''} has no method {name!r}"
        )

    def __dir__(self) -> list[str]:
        return sorted(method.name for method in self._descriptor.methods)

    def __repr__(self) -> str:
        return f"<service {self._descriptor.full_name}: {', '.join(dir(self)) or 'no methods'}>"


def definitions(service: ServiceDescriptor) -> Iterator[tuple[str, Any]]:
    """The service, and what generated code has of it: the stub, the servicer, what adds that to a server."""
    made = Service(service)
    name = service.name
    yield name, made
    yield f"{name}Stub", _stub(made)
    yield f"{name}Servicer", _servicer(made)
    yield f"add_{name}Servicer_to_server", _add_to_server(made)


def _stub(service: Service) -> type:
    def __init__(self: Any, channel: grpc.Channel) -> None:
        for name in dir(service):
            setattr(self, name, getattr(service, name).multi_callable(channel))

    descriptor: ServiceDescriptor = service.DESCRIPTOR
    doc = f"The stub of {descriptor.full_name}; made with a channel."
    return type(f"{descriptor.name}Stub", (), {"__init__": __init__, "__doc__": doc})


def _servicer(service: Service) -> type:
    def unimplemented(*arguments: Any) -> NoReturn:
        context = arguments[-1]
        context.set_code(grpc.StatusCode.UNIMPLEMENTED)
        context.set_details("Method not implemented!")
        raise NotImplementedError("Method not implemented!")

    descriptor: ServiceDescriptor = service.DESCRIPTOR
    doc = f"The servicer of {descriptor.full_name}; a subclass overrides its methods."
    members: dict[str, Any] = {"__doc__": doc, **dict.fromkeys(dir(service), unimplemented)}
    return type(f"{descriptor.name}Servicer", (), members)


def _add_to_server(service: Service) -> Any:
    def add(servicer: Any, server: grpc.Server) -> None:
        """Have `server` serve the methods of `servicer`."""
        handlers = {name: getattr(service, name).handler(getattr(servicer, name)) for name in dir(service)}
        full_name = service.DESCRIPTOR.full_name
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(full_name, handlers),))
        server.add_registered_method_handlers(full_name, handlers)

    add.__name__ = add.__qualname__ = f"add_{service.DESCRIPTOR.name}Servicer_to_server"
    return add
