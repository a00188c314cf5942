# What `import grpc_bridge as grpc` has, for type checkers: grpcio's names, ours in place of some or beside.
from grpc import (
    AuthMetadataContext as AuthMetadataContext,
)
from grpc import (
    AuthMetadataPlugin as AuthMetadataPlugin,
)
from grpc import (
    AuthMetadataPluginCallback as AuthMetadataPluginCallback,
)
from grpc import (
    Call as Call,
)
from grpc import (
    CallCredentials as CallCredentials,
)
from grpc import (
    Channel as Channel,
)
from grpc import (
    ChannelConnectivity as ChannelConnectivity,
)
from grpc import (
    ChannelCredentials as ChannelCredentials,
)
from grpc import (
    ClientCallDetails as ClientCallDetails,
)
from grpc import (
    Compression as Compression,
)
from grpc import (
    Future as Future,
)
from grpc import (
    FutureCancelledError as FutureCancelledError,
)
from grpc import (
    FutureTimeoutError as FutureTimeoutError,
)
from grpc import (
    GenericRpcHandler as GenericRpcHandler,
)
from grpc import (
    HandlerCallDetails as HandlerCallDetails,
)
from grpc import (
    LocalConnectionType as LocalConnectionType,
)
from grpc import (
    RpcContext as RpcContext,
)
from grpc import (
    RpcError as RpcError,
)
from grpc import (
    RpcMethodHandler as RpcMethodHandler,
)
from grpc import (
    Server as Server,
)
from grpc import (
    ServerCertificateConfiguration as ServerCertificateConfiguration,
)
from grpc import (
    ServerCredentials as ServerCredentials,
)
from grpc import (
    ServerInterceptor as ServerInterceptor,
)
from grpc import (
    ServicerContext as ServicerContext,
)
from grpc import (
    ServiceRpcHandler as ServiceRpcHandler,
)
from grpc import (
    Status as Status,
)
from grpc import (
    StatusCode as StatusCode,
)
from grpc import (
    StreamStreamClientInterceptor as StreamStreamClientInterceptor,
)
from grpc import (
    StreamStreamMultiCallable as StreamStreamMultiCallable,
)
from grpc import (
    StreamUnaryClientInterceptor as StreamUnaryClientInterceptor,
)
from grpc import (
    StreamUnaryMultiCallable as StreamUnaryMultiCallable,
)
from grpc import (
    UnaryStreamClientInterceptor as UnaryStreamClientInterceptor,
)
from grpc import (
    UnaryStreamMultiCallable as UnaryStreamMultiCallable,
)
from grpc import (
    UnaryUnaryClientInterceptor as UnaryUnaryClientInterceptor,
)
from grpc import (
    UnaryUnaryMultiCallable as UnaryUnaryMultiCallable,
)
from grpc import (
    access_token_call_credentials as access_token_call_credentials,
)
from grpc import (
    alts_channel_credentials as alts_channel_credentials,
)
from grpc import (
    alts_server_credentials as alts_server_credentials,
)
from grpc import (
    composite_call_credentials as composite_call_credentials,
)
from grpc import (
    composite_channel_credentials as composite_channel_credentials,
)
from grpc import (
    compute_engine_channel_credentials as compute_engine_channel_credentials,
)
from grpc import (
    dynamic_ssl_server_credentials as dynamic_ssl_server_credentials,
)
from grpc import (
    insecure_server_credentials as insecure_server_credentials,
)
from grpc import (
    local_channel_credentials as local_channel_credentials,
)
from grpc import (
    local_server_credentials as local_server_credentials,
)
from grpc import (
    metadata_call_credentials as metadata_call_credentials,
)
from grpc import (
    method_handlers_generic_handler as method_handlers_generic_handler,
)
from grpc import (
    protos as protos,
)
from grpc import (
    protos_and_services as protos_and_services,
)
from grpc import (
    services as services,
)
from grpc import (
    ssl_channel_credentials as ssl_channel_credentials,
)
from grpc import (
    ssl_server_certificate_configuration as ssl_server_certificate_configuration,
)
from grpc import (
    ssl_server_credentials as ssl_server_credentials,
)
from grpc import (
    stream_stream_rpc_method_handler as stream_stream_rpc_method_handler,
)
from grpc import (
    stream_unary_rpc_method_handler as stream_unary_rpc_method_handler,
)
from grpc import (
    unary_stream_rpc_method_handler as unary_stream_rpc_method_handler,
)
from grpc import (
    unary_unary_rpc_method_handler as unary_unary_rpc_method_handler,
)
from grpc import (
    xds_channel_credentials as xds_channel_credentials,
)
from grpc import (
    xds_server_credentials as xds_server_credentials,
)

from grpc_bridge import aio as aio
from grpc_bridge import experimental as experimental
from grpc_bridge._api import (
    channel_ready_future as channel_ready_future,
)
from grpc_bridge._api import (
    insecure_channel as insecure_channel,
)
from grpc_bridge._api import (
    intercept_channel as intercept_channel,
)
from grpc_bridge._api import (
    secure_channel as secure_channel,
)
from grpc_bridge._api import (
    server as server,
)
from grpc_bridge._border import (
    blocking as blocking,
)
from grpc_bridge._border import (
    run as run,
)
from grpc_bridge._errors import (
    EOF as EOF,
)
from grpc_bridge._errors import (
    BlockingCallWarning as BlockingCallWarning,
)
from grpc_bridge._errors import (
    BoundToAnotherLoop as BoundToAnotherLoop,
)
from grpc_bridge._errors import (
    UnawaitedCallWarning as UnawaitedCallWarning,
)
from grpc_bridge._errors import (
    WouldDeadlock as WouldDeadlock,
)
from grpc_bridge._proto import (
    ProtoError as ProtoError,
)
from grpc_bridge._proto import (
    proto as proto,
)

__version__: str
