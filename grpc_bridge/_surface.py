"""The table of grpcio's synchronous members: what each returns, whether it blocks, its async spelling.

One table for the codemod, for the run-time's ledger of members and for the docs. `blocks` says that
the sync method may wait for the network or for another thread, so a function that calls it has a
reason to become a coroutine. `spelling` says how the same call is written in a coroutine; a member
that does not block but is spelled "await" (`Server.start`) is awaited where the function is a
coroutine for another reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Kind = Literal["function", "class", "exception", "enum", "method", "attribute"]
Spelling = Literal["same", "await", "async for", "async with", "anext"]


@dataclass(frozen=True)
class Member:
    """One public name of grpcio; `owner` is "" for names of the module itself."""

    owner: str
    name: str
    kind: Kind
    blocks: bool
    spelling: Spelling
    returns: str

    @property
    def qualified(self) -> str:
        """Its name, with that of its class: ``grpc.Server.start``."""
        return ".".join(part for part in ("grpc", self.owner, self.name) if part)


SURFACE: tuple[Member, ...] = (
    # functions of the module
    Member("", "access_token_call_credentials", "function", False, "same", "value"),
    Member("", "alts_channel_credentials", "function", False, "same", "value"),
    Member("", "alts_server_credentials", "function", False, "same", "value"),
    Member("", "channel_ready_future", "function", False, "same", "Future"),
    Member("", "composite_call_credentials", "function", False, "same", "value"),
    Member("", "composite_channel_credentials", "function", False, "same", "value"),
    Member("", "compute_engine_channel_credentials", "function", False, "same", "value"),
    Member("", "dynamic_ssl_server_credentials", "function", False, "same", "value"),
    Member("", "insecure_channel", "function", False, "same", "Channel"),
    Member("", "insecure_server_credentials", "function", False, "same", "value"),
    Member("", "intercept_channel", "function", False, "same", "Channel"),
    Member("", "local_channel_credentials", "function", False, "same", "value"),
    Member("", "local_server_credentials", "function", False, "same", "value"),
    Member("", "metadata_call_credentials", "function", False, "same", "value"),
    Member("", "method_handlers_generic_handler", "function", False, "same", "value"),
    Member("", "protos", "function", False, "same", "value"),
    Member("", "protos_and_services", "function", False, "same", "value"),
    Member("", "secure_channel", "function", False, "same", "Channel"),
    Member("", "server", "function", False, "same", "Server"),
    Member("", "services", "function", False, "same", "value"),
    Member("", "ssl_channel_credentials", "function", False, "same", "value"),
    Member("", "ssl_server_certificate_configuration", "function", False, "same", "value"),
    Member("", "ssl_server_credentials", "function", False, "same", "value"),
    Member("", "stream_stream_rpc_method_handler", "function", False, "same", "value"),
    Member("", "stream_unary_rpc_method_handler", "function", False, "same", "value"),
    Member("", "unary_stream_rpc_method_handler", "function", False, "same", "value"),
    Member("", "unary_unary_rpc_method_handler", "function", False, "same", "value"),
    Member("", "xds_channel_credentials", "function", False, "same", "value"),
    Member("", "xds_server_credentials", "function", False, "same", "value"),
    # grpc.experimental
    Member("experimental", "unary_unary", "function", True, "await", "value"),
    Member("experimental", "unary_stream", "function", False, "same", "ResponseStream"),
    Member("experimental", "stream_unary", "function", True, "await", "value"),
    Member("experimental", "stream_stream", "function", False, "same", "ResponseStream"),
    Member("experimental", "insecure_channel_credentials", "function", False, "same", "value"),
    Member("experimental", "wrap_server_method_handler", "function", False, "same", "value"),
    Member("experimental", "session_cache", "attribute", False, "same", "value"),
    Member("experimental", "ChannelOptions", "class", False, "same", "value"),
    # classes, enums and exceptions
    Member("", "AuthMetadataContext", "class", False, "same", "value"),
    Member("", "AuthMetadataPlugin", "class", False, "same", "value"),
    Member("", "AuthMetadataPluginCallback", "class", False, "same", "value"),
    Member("", "Call", "class", False, "same", "value"),
    Member("", "CallCredentials", "class", False, "same", "value"),
    Member("", "Channel", "class", False, "same", "value"),
    Member("", "ChannelConnectivity", "enum", False, "same", "value"),
    Member("", "ChannelCredentials", "class", False, "same", "value"),
    Member("", "ClientCallDetails", "class", False, "same", "value"),
    Member("", "Compression", "enum", False, "same", "value"),
    Member("", "Future", "class", False, "same", "value"),
    Member("", "FutureCancelledError", "exception", False, "same", "value"),
    Member("", "FutureTimeoutError", "exception", False, "same", "value"),
    Member("", "GenericRpcHandler", "class", False, "same", "value"),
    Member("", "HandlerCallDetails", "class", False, "same", "value"),
    Member("", "LocalConnectionType", "enum", False, "same", "value"),
    Member("", "RpcContext", "class", False, "same", "value"),
    Member("", "RpcError", "exception", False, "same", "value"),
    Member("", "RpcMethodHandler", "class", False, "same", "value"),
    Member("", "Server", "class", False, "same", "value"),
    Member("", "ServerCertificateConfiguration", "class", False, "same", "value"),
    Member("", "ServerCredentials", "class", False, "same", "value"),
    Member("", "ServerInterceptor", "class", False, "same", "value"),
    Member("", "ServiceRpcHandler", "class", False, "same", "value"),
    Member("", "ServicerContext", "class", False, "same", "value"),
    Member("", "Status", "class", False, "same", "value"),
    Member("", "StatusCode", "enum", False, "same", "value"),
    Member("", "StreamStreamClientInterceptor", "class", False, "same", "value"),
    Member("", "StreamStreamMultiCallable", "class", False, "same", "value"),
    Member("", "StreamUnaryClientInterceptor", "class", False, "same", "value"),
    Member("", "StreamUnaryMultiCallable", "class", False, "same", "value"),
    Member("", "UnaryStreamClientInterceptor", "class", False, "same", "value"),
    Member("", "UnaryStreamMultiCallable", "class", False, "same", "value"),
    Member("", "UnaryUnaryClientInterceptor", "class", False, "same", "value"),
    Member("", "UnaryUnaryMultiCallable", "class", False, "same", "value"),
    # AuthMetadataContext
    Member("AuthMetadataContext", "service_url", "attribute", False, "same", "value"),
    Member("AuthMetadataContext", "method_name", "attribute", False, "same", "value"),
    # AuthMetadataPlugin
    Member("AuthMetadataPlugin", "__call__", "method", False, "same", "value"),
    # AuthMetadataPluginCallback
    Member("AuthMetadataPluginCallback", "__call__", "method", False, "same", "value"),
    # Call
    Member("Call", "is_active", "method", False, "same", "value"),
    Member("Call", "time_remaining", "method", False, "same", "value"),
    Member("Call", "cancel", "method", False, "same", "value"),
    Member("Call", "add_callback", "method", False, "same", "value"),
    Member("Call", "initial_metadata", "method", True, "await", "value"),
    Member("Call", "trailing_metadata", "method", True, "await", "value"),
    Member("Call", "code", "method", True, "await", "value"),
    Member("Call", "details", "method", True, "await", "value"),
    # Channel
    Member("Channel", "subscribe", "method", False, "same", "value"),
    Member("Channel", "unsubscribe", "method", False, "same", "value"),
    Member("Channel", "unary_unary", "method", False, "same", "UnaryUnaryMultiCallable"),
    Member("Channel", "unary_stream", "method", False, "same", "UnaryStreamMultiCallable"),
    Member("Channel", "stream_unary", "method", False, "same", "StreamUnaryMultiCallable"),
    Member("Channel", "stream_stream", "method", False, "same", "StreamStreamMultiCallable"),
    Member("Channel", "close", "method", True, "await", "value"),
    Member("Channel", "__enter__", "method", False, "async with", "Channel"),
    Member("Channel", "__exit__", "method", True, "async with", "value"),
    # ClientCallDetails
    Member("ClientCallDetails", "method", "attribute", False, "same", "value"),
    Member("ClientCallDetails", "timeout", "attribute", False, "same", "value"),
    Member("ClientCallDetails", "metadata", "attribute", False, "same", "value"),
    Member("ClientCallDetails", "credentials", "attribute", False, "same", "value"),
    Member("ClientCallDetails", "wait_for_ready", "attribute", False, "same", "value"),
    Member("ClientCallDetails", "compression", "attribute", False, "same", "value"),
    # Future
    Member("Future", "cancel", "method", False, "same", "value"),
    Member("Future", "cancelled", "method", False, "same", "value"),
    Member("Future", "running", "method", False, "same", "value"),
    Member("Future", "done", "method", False, "same", "value"),
    Member("Future", "result", "method", True, "await", "value"),
    Member("Future", "exception", "method", True, "await", "value"),
    Member("Future", "traceback", "method", True, "await", "value"),
    Member("Future", "add_done_callback", "method", False, "same", "value"),
    # GenericRpcHandler
    Member("GenericRpcHandler", "service", "method", False, "same", "value"),
    # HandlerCallDetails
    Member("HandlerCallDetails", "method", "attribute", False, "same", "value"),
    Member("HandlerCallDetails", "invocation_metadata", "attribute", False, "same", "value"),
    # RpcContext
    Member("RpcContext", "is_active", "method", False, "same", "value"),
    Member("RpcContext", "time_remaining", "method", False, "same", "value"),
    Member("RpcContext", "cancel", "method", False, "same", "value"),
    Member("RpcContext", "add_callback", "method", False, "same", "value"),
    # RpcMethodHandler
    Member("RpcMethodHandler", "request_streaming", "attribute", False, "same", "value"),
    Member("RpcMethodHandler", "response_streaming", "attribute", False, "same", "value"),
    Member("RpcMethodHandler", "request_deserializer", "attribute", False, "same", "value"),
    Member("RpcMethodHandler", "response_serializer", "attribute", False, "same", "value"),
    Member("RpcMethodHandler", "unary_unary", "attribute", False, "same", "value"),
    Member("RpcMethodHandler", "unary_stream", "attribute", False, "same", "value"),
    Member("RpcMethodHandler", "stream_unary", "attribute", False, "same", "value"),
    Member("RpcMethodHandler", "stream_stream", "attribute", False, "same", "value"),
    # Server
    Member("Server", "add_generic_rpc_handlers", "method", False, "same", "value"),
    Member("Server", "add_registered_method_handlers", "method", False, "same", "value"),
    Member("Server", "add_insecure_port", "method", False, "same", "value"),
    Member("Server", "add_secure_port", "method", False, "same", "value"),
    Member("Server", "start", "method", False, "await", "value"),
    Member("Server", "stop", "method", True, "await", "StopEvent"),
    Member("Server", "wait_for_termination", "method", True, "await", "value"),
    # ServerInterceptor
    Member("ServerInterceptor", "intercept_service", "method", False, "same", "value"),
    # ServiceRpcHandler
    Member("ServiceRpcHandler", "service_name", "method", False, "same", "value"),
    # ServicerContext
    Member("ServicerContext", "is_active", "method", False, "same", "value"),
    Member("ServicerContext", "time_remaining", "method", False, "same", "value"),
    Member("ServicerContext", "cancel", "method", False, "same", "value"),
    Member("ServicerContext", "add_callback", "method", False, "same", "value"),
    Member("ServicerContext", "invocation_metadata", "method", False, "same", "value"),
    Member("ServicerContext", "peer", "method", False, "same", "value"),
    Member("ServicerContext", "peer_identities", "method", False, "same", "value"),
    Member("ServicerContext", "peer_identity_key", "method", False, "same", "value"),
    Member("ServicerContext", "auth_context", "method", False, "same", "value"),
    Member("ServicerContext", "set_compression", "method", False, "same", "value"),
    Member("ServicerContext", "send_initial_metadata", "method", False, "same", "value"),
    Member("ServicerContext", "set_trailing_metadata", "method", False, "same", "value"),
    Member("ServicerContext", "trailing_metadata", "method", False, "same", "value"),
    Member("ServicerContext", "abort", "method", False, "await", "value"),
    Member("ServicerContext", "abort_with_status", "method", False, "await", "value"),
    Member("ServicerContext", "set_code", "method", False, "same", "value"),
    Member("ServicerContext", "set_details", "method", False, "same", "value"),
    Member("ServicerContext", "code", "method", False, "same", "value"),
    Member("ServicerContext", "details", "method", False, "same", "value"),
    Member("ServicerContext", "disable_next_message_compression", "method", False, "same", "value"),
    # Status
    Member("Status", "code", "attribute", False, "same", "value"),
    Member("Status", "details", "attribute", False, "same", "value"),
    Member("Status", "trailing_metadata", "attribute", False, "same", "value"),
    # StreamStreamClientInterceptor
    Member("StreamStreamClientInterceptor", "intercept_stream_stream", "method", False, "same", "value"),
    # StreamStreamMultiCallable
    Member("StreamStreamMultiCallable", "__call__", "method", False, "same", "ResponseStream"),
    # StreamUnaryClientInterceptor
    Member("StreamUnaryClientInterceptor", "intercept_stream_unary", "method", True, "same", "value"),
    # StreamUnaryMultiCallable
    Member("StreamUnaryMultiCallable", "__call__", "method", True, "await", "value"),
    Member("StreamUnaryMultiCallable", "with_call", "method", True, "await", "value, Call"),
    Member("StreamUnaryMultiCallable", "future", "method", False, "same", "Future"),
    # UnaryStreamClientInterceptor
    Member("UnaryStreamClientInterceptor", "intercept_unary_stream", "method", False, "same", "value"),
    # UnaryStreamMultiCallable
    Member("UnaryStreamMultiCallable", "__call__", "method", False, "same", "ResponseStream"),
    # UnaryUnaryClientInterceptor
    Member("UnaryUnaryClientInterceptor", "intercept_unary_unary", "method", True, "same", "value"),
    # UnaryUnaryMultiCallable
    Member("UnaryUnaryMultiCallable", "__call__", "method", True, "await", "value"),
    Member("UnaryUnaryMultiCallable", "with_call", "method", True, "await", "value, Call"),
    Member("UnaryUnaryMultiCallable", "future", "method", False, "same", "Future"),
    # what .future() returns answers to Call as well as to Future
    Member("Future", "is_active", "method", False, "same", "value"),
    Member("Future", "time_remaining", "method", False, "same", "value"),
    Member("Future", "add_callback", "method", False, "same", "value"),
    Member("Future", "initial_metadata", "method", True, "await", "value"),
    Member("Future", "trailing_metadata", "method", True, "await", "value"),
    Member("Future", "code", "method", True, "await", "value"),
    Member("Future", "details", "method", True, "await", "value"),
    Member("Future", "debug_error_string", "method", True, "await", "value"),
    # what a response-streaming call returns
    Member("ResponseStream", "__iter__", "method", False, "async for", "value"),
    Member("ResponseStream", "__next__", "method", True, "anext", "value"),
    Member("ResponseStream", "next", "method", True, "anext", "value"),
    Member("ResponseStream", "is_active", "method", False, "same", "value"),
    Member("ResponseStream", "time_remaining", "method", False, "same", "value"),
    Member("ResponseStream", "add_callback", "method", False, "same", "value"),
    Member("ResponseStream", "initial_metadata", "method", True, "await", "value"),
    Member("ResponseStream", "trailing_metadata", "method", True, "await", "value"),
    Member("ResponseStream", "code", "method", True, "await", "value"),
    Member("ResponseStream", "details", "method", True, "await", "value"),
    Member("ResponseStream", "debug_error_string", "method", True, "await", "value"),
    Member("ResponseStream", "result", "method", True, "await", "value"),
    Member("ResponseStream", "exception", "method", True, "await", "value"),
    Member("ResponseStream", "traceback", "method", True, "await", "value"),
    Member("ResponseStream", "done", "method", False, "same", "value"),
    Member("ResponseStream", "running", "method", False, "same", "value"),
    Member("ResponseStream", "cancelled", "method", False, "same", "value"),
    Member("ResponseStream", "cancel", "method", False, "same", "value"),
    Member("ResponseStream", "add_done_callback", "method", False, "same", "value"),
    # the second value of with_call()
    Member("Call", "debug_error_string", "method", True, "await", "value"),
    # the request iterator of a request-streaming handler
    Member("RequestIterator", "__iter__", "method", False, "async for", "value"),
    Member("RequestIterator", "__next__", "method", True, "anext", "value"),
    Member("RequestIterator", "next", "method", True, "anext", "value"),
    # what Server.stop() returns
    Member("StopEvent", "wait", "method", True, "await", "value"),
    Member("StopEvent", "is_set", "method", False, "same", "value"),
    # a raised error: everything is known, nothing waits
    Member("RpcError", "code", "method", False, "same", "value"),
    Member("RpcError", "details", "method", False, "same", "value"),
    Member("RpcError", "initial_metadata", "method", False, "same", "value"),
    Member("RpcError", "trailing_metadata", "method", False, "same", "value"),
    Member("RpcError", "debug_error_string", "method", False, "same", "value"),
)

BY_NAME = MappingProxyType({(member.owner, member.name): member for member in SURFACE})
"""Every row by its (owner, name)."""

MULTI_CALLABLES = MappingProxyType(
    {
        "unary_unary": "UnaryUnaryMultiCallable",
        "unary_stream": "UnaryStreamMultiCallable",
        "stream_unary": "StreamUnaryMultiCallable",
        "stream_stream": "StreamStreamMultiCallable",
    }
)
"""The class that `Channel.<arity>` returns."""


def member(owner: str, name: str) -> Member | None:
    """The row of `owner.name`, or None where grpcio has no such public member."""
    return BY_NAME.get((owner, name))
