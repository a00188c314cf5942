# cython: language_level=3, boundscheck=False, wraparound=False
"""The one module that touches `grpc._cython`, grpcio's private compiled layer.

Everything else in grpc_bridge speaks to C-core through the functions below. What they need is
checked when this module is imported, so that an unknown grpcio fails there, by name, and not in the
middle of a call.
"""

from grpc_bridge._cy.transport cimport WRITE_NO_COMPRESS, CallHead

import grpc
from grpc import _channel, _compression, _server

try:
    from grpc._cython import cygrpc
except ImportError as error:
    raise ImportError("grpc_bridge needs grpcio's compiled layer, grpc._cython.cygrpc, and could not import it") from error

#: The grpcio releases that the test-suite runs on.
SUPPORTED_GRPCIO = ">=1.71,<2"

_NEEDED = {
    cygrpc: (
        "Channel", "CompletionQueue", "CompletionType", "Server", "_ChannelArgs", "PropagationConstants",
        "SendInitialMetadataOperation", "SendMessageOperation", "SendCloseFromClientOperation",
        "SendStatusFromServerOperation", "ReceiveInitialMetadataOperation", "ReceiveMessageOperation",
        "ReceiveStatusOnClientOperation", "ReceiveCloseOnServerOperation",
        "auth_context", "peer_identities", "peer_identity_key",
    ),
    cygrpc.Channel: ("integrated_call", "next_call_event", "close", "check_connectivity_state",
                     "watch_connectivity_state", "get_registered_call_handle"),
    cygrpc.IntegratedCall: ("operate", "cancel"),
    cygrpc.Server: ("request_call", "register_completion_queue", "start", "shutdown", "cancel_all_calls",
                    "destroy", "add_http2_port"),
    cygrpc.CompletionQueue: ("poll", "shutdown"),
    _channel: ("_augment_options", "_separate_channel_options", "_InitialMetadataFlags"),
    _server: ("_augment_options",),
    _compression: ("augment_metadata", "compression_algorithm_to_metadata"),
}

_missing = [
    f"{holder.__name__}.{name}"
    for holder, names in _NEEDED.items()
    for name in names
    if not hasattr(holder, name)
]
if _missing:
    raise ImportError(
        f"grpc_bridge supports grpcio {SUPPORTED_GRPCIO}; the installed grpcio {grpc.__version__} has no "
        + ", ".join(_missing)
    )

cdef object _SendInitialMetadata = cygrpc.SendInitialMetadataOperation
cdef object _SendMessage = cygrpc.SendMessageOperation
cdef object _SendStatus = cygrpc.SendStatusFromServerOperation
cdef object _ReceiveInitialMetadata = cygrpc.ReceiveInitialMetadataOperation
cdef object _ReceiveMessage = cygrpc.ReceiveMessageOperation
cdef object _ReceiveStatus = cygrpc.ReceiveStatusOnClientOperation
cdef object _ReceiveClose = cygrpc.ReceiveCloseOnServerOperation
# Operations without state of their own can serve any number of batches.
cdef object _SEND_CLOSE = cygrpc.SendCloseFromClientOperation(0)
cdef object _QUEUE_TIMEOUT = cygrpc.CompletionType.queue_timeout
cdef object _PROPAGATE_DEFAULTS = cygrpc.PropagationConstants.GRPC_PROPAGATE_DEFAULTS
cdef object _InitialMetadataFlags = _channel._InitialMetadataFlags

assert WRITE_NO_COMPRESS == cygrpc.WriteFlag.no_compress


# ---- client ---------------------------------------------------------------------------------------

cdef object open_channel(bytes target, tuple options, object credentials, object compression):
    # The same arguments as grpc.Channel gives, down to the user agent: C-core shares one connection
    # between channels whose arguments are equal.
    _, core_options = _channel._separate_channel_options(options)
    return cygrpc.Channel(target, _channel._augment_options(core_options, compression), credentials)


def check_options(tuple options):
    """Raise what grpcio raises for options that C-core cannot take."""
    _, core_options = _channel._separate_channel_options(options)
    cygrpc._ChannelArgs(core_options)


def registered_call_handle(channel, bytes method):
    """C-core's handle of a method that generated code registers; not thread-safe."""
    return channel.get_registered_call_handle(method)


def with_compression(metadata, compression):
    """The metadata that asks C-core for a message compression."""
    return _compression.augment_metadata(metadata, compression)


def compression_header(compression):
    """The initial metadata entry that sets the compression of a server's responses."""
    return _compression.compression_algorithm_to_metadata(compression)


cdef inline object _flags(object wait_for_ready):
    if wait_for_ready is None:
        return 0
    return _InitialMetadataFlags().with_wait_for_ready(wait_for_ready)


cdef object _start(object channel, CallHead head, tuple batches):
    cdef object method = head.method
    cdef object handle = None
    if type(method) is tuple:
        method, handle = method
    cdef object credentials = head.credentials
    return channel.integrated_call(
        _PROPAGATE_DEFAULTS,
        method,
        None,
        head.deadline,
        # Only for the text of an error, in which grpcio formats it with %: a tuple would go wrong.
        None if head.metadata is None else list(head.metadata),
        None if credentials is None else credentials._credentials,
        batches,
        None,
        handle,
    )


cdef object start_unary_unary(object channel, CallHead head, bytes request, object tag):
    return _start(channel, head, (
        (
            (
                _SendInitialMetadata(head.metadata, _flags(head.wait_for_ready)),
                _SendMessage(request, 0),
                _SEND_CLOSE,
                _ReceiveInitialMetadata(0),
                _ReceiveMessage(0),
                _ReceiveStatus(0),
            ),
            tag,
        ),
    ))


cdef object start_unary_stream(object channel, CallHead head, bytes request, object tag, object headers_tag):
    return _start(channel, head, (
        (
            (
                _SendInitialMetadata(head.metadata, _flags(head.wait_for_ready)),
                _SendMessage(request, 0),
                _SEND_CLOSE,
                _ReceiveStatus(0),
            ),
            tag,
        ),
        ((_ReceiveInitialMetadata(0),), headers_tag),
    ))


cdef object start_stream_unary(object channel, CallHead head, object tag, object headers_tag):
    return _start(channel, head, (
        (
            (
                _SendInitialMetadata(head.metadata, _flags(head.wait_for_ready)),
                _ReceiveMessage(0),
                _ReceiveStatus(0),
            ),
            tag,
        ),
        ((_ReceiveInitialMetadata(0),), headers_tag),
    ))


cdef object start_stream_stream(object channel, CallHead head, object tag, object headers_tag):
    return _start(channel, head, (
        (
            (
                _SendInitialMetadata(head.metadata, _flags(head.wait_for_ready)),
                _ReceiveStatus(0),
            ),
            tag,
        ),
        ((_ReceiveInitialMetadata(0),), headers_tag),
    ))


cdef bint send_message(object call, bytes message, object tag) except -1:
    """Start a write; False when the call has ended and no event will come."""
    return call.operate((_SendMessage(message, 0),), tag)


cdef bint send_end(object call, object tag) except -1:
    return call.operate((_SEND_CLOSE,), tag)


cdef bint receive_message(object call, object tag) except -1:
    return call.operate((_ReceiveMessage(0),), tag)


cdef bint fence(object call, object tag) except -1:
    """Put an event at the end of the channel's queue: a batch of no operations completes at once."""
    return call.operate((), tag)


cdef object start_unsent(object channel, object tag):
    """Start a call that is not sent for as long as it is given no initial metadata."""
    return channel.integrated_call(
        _PROPAGATE_DEFAULTS, b"/grpc_bridge/Unsent", None, None, None, None, (((_ReceiveStatus(0),), tag),), None, None
    )


cdef int cancel(object call, int code, str details) except -1:
    call.cancel(code, details)
    return 0


# ---- server ---------------------------------------------------------------------------------------

# C-core cancels a share of the calls that arrive while more than 1,000 wait for somebody to ask for them, and
# all above 3,000. A burst that finds the loop busy is no reason to lose calls.
cdef tuple _PENDING_LIMITS = (
    ("grpc.server.max_pending_requests", 100_000),
    ("grpc.server.max_pending_requests_hard_limit", 200_000),
)


cdef object open_server(tuple options, object compression, bint xds):
    # The user's own options come last, and so win.
    return cygrpc.Server(_server._augment_options(_PENDING_LIMITS + options, compression, xds), xds)


cdef object new_queue(object server):
    queue = cygrpc.CompletionQueue()
    server.register_completion_queue(queue)
    return queue


cdef int request_call(object server, object queue, object tag) except -1:
    server.request_call(queue, queue, tag)
    return 0


cdef object peer_of(object call):
    return call.peer().decode("utf-8", "replace")


def identity_of(call):
    """The peer's identities, the name of the property that holds them, and the whole auth context."""
    identities = cygrpc.peer_identities(call)
    key = cygrpc.peer_identity_key(call)
    context = cygrpc.auth_context(call) or {}
    return (
        identities,
        None if key is None else key.decode(),
        {name.decode() if isinstance(name, bytes) else name: values for name, values in context.items()},
    )


cdef int server_receive(object call, object tag) except -1:
    call.start_server_batch((_ReceiveMessage(0),), tag)
    return 0


cdef int server_watch(object call, object tag) except -1:
    call.start_server_batch((_ReceiveClose(0),), tag)
    return 0


cdef int server_send_headers(object call, tuple metadata, object tag) except -1:
    call.start_server_batch((_SendInitialMetadata(metadata, 0),), tag)
    return 0


cdef int server_send(object call, tuple headers, bytes message, int flags, object tag) except -1:
    if headers is None:
        call.start_server_batch((_SendMessage(message, flags),), tag)
    else:
        call.start_server_batch((_SendInitialMetadata(headers, 0), _SendMessage(message, flags)), tag)
    return 0


cdef int server_finish(object call, tuple headers, bytes message, int flags, int code, object details,
                       tuple metadata, object tag) except -1:
    status = _SendStatus(metadata, code, details, 0)
    if headers is None:
        if message is None:
            operations = (status,)
        else:
            operations = (_SendMessage(message, flags), status)
    elif message is None:
        operations = (_SendInitialMetadata(headers, 0), status)
    else:
        operations = (_SendInitialMetadata(headers, 0), _SendMessage(message, flags), status)
    call.start_server_batch(operations, tag)
    return 0


# ---- events ---------------------------------------------------------------------------------------

cdef bint is_timeout(object event):
    return event.completion_type == _QUEUE_TIMEOUT


cdef object message_of(object event, int index):
    """The message that a batch received, or None."""
    return event.batch_operations[index].message()


cdef object headers_of(object event, int index):
    return event.batch_operations[index].initial_metadata()


cdef tuple status_of(object event, int index):
    """(code, details, trailing metadata, debug string) of a batch that ends a call on the client."""
    status = event.batch_operations[index]
    return status.code(), status.details(), status.trailing_metadata(), status.error_string()


cdef bint cancelled_of(object event) except -1:
    return event.batch_operations[0].cancelled()
