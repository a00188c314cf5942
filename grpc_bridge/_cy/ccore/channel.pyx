# cython: language_level=3, boundscheck=False, wraparound=False
"""A client channel on C-core."""

cimport cython

from grpc_bridge._cy.ccore cimport port
from grpc_bridge._cy.ccore.poller cimport Poller
from grpc_bridge._cy.ending cimport is_finalizing
from grpc_bridge._cy.handoff cimport Completion, LoopMailbox, Mailbox, inline_mailbox
from grpc_bridge._cy.transport cimport CallHead, ClientSink, ClientStream, ClientTransport

from grpc_bridge._cy.ccore import port as _port

cdef int _CANCELLED = 1


# Ending a channel needs C-core's, and runs when the last reference goes. If the collector saw that one of
# its cycles leads through here to grpcio's channel, it would clear that first: so it must not see it. Neither
# class holds anything of a user's, so neither is part of a cycle.
#
# Once the interpreter ends, nothing more may be done to a channel: the pollers' threads have died, in whatever
# they were doing, and one of them may have held grpcio's lock of the channel.
@cython.no_gc
cdef class CCoreChannel(ClientTransport):
    """One C-core channel and the poller of its completion queue; made on any thread, used from any."""

    def __init__(self, bytes target, tuple options, object credentials, object compression):
        self._channel = port.open_channel(target, options, credentials, compression)
        self._poller = ClientPoller(self._channel)
        self._handles = {}

    def method_handle(self, str method, bint registered):
        """What `CallHead.method` wants for a method's full name; ``ValueError`` if the channel is closed."""
        cdef bytes encoded = method.encode()
        if not registered:
            return encoded
        # Under the GIL, and without Python code in between: registration is not thread-safe, and crashes on a
        # channel that has been closed.
        if self._closed:
            raise ValueError("Cannot invoke RPC on closed channel!")
        if method not in self._handles:
            self._handles[method] = (encoded, _port.registered_call_handle(self._channel, encoded))
        return self._handles[method]

    def check_connectivity_state(self, bint try_to_connect):
        """C-core's number for the channel's state."""
        return self._channel.check_connectivity_state(try_to_connect)

    def watch_connectivity_state(self, int last_seen, object deadline):
        """Block until the state differs from `last_seen`, or the deadline; whether it changed."""
        return self._channel.watch_connectivity_state(last_seen, deadline).success  # network op

    def when_idle(self, callback):
        """Call it once, on any thread, when no call is in flight; at once if none is. It must not block."""
        self._poller.when_idle(callback)

    def shut(self):
        """Cancel every call and refuse new ones; the connection goes when nobody else shares it."""
        self.close()

    cdef ClientStream start(self, ClientSink sink, CallHead head, object request):
        cdef CCoreStream stream
        cdef int events = 2
        if head.request_streaming:
            stream = StreamStreamStream() if head.response_streaming else StreamUnaryStream()
        elif head.response_streaming:
            stream = UnaryStreamStream()
        else:
            stream = UnaryUnaryStream()
            events = 1
        stream._transport = self
        stream._sink = sink
        stream.mailbox = sink.mailbox
        if head.request_streaming:
            if head.response_streaming:
                stream._call = port.start_stream_stream(self._channel, head, stream, HeadersTag(stream))
            else:
                stream._call = port.start_stream_unary(self._channel, head, stream, HeadersTag(stream))
        elif head.response_streaming:
            stream._call = port.start_unary_stream(self._channel, head, request, stream, HeadersTag(stream))
        else:
            stream._call = port.start_unary_unary(self._channel, head, request, stream)
        self._poller.serve(sink.mailbox)
        self._poller.expect(events)
        return stream

    cdef int close(self) except -1:
        if not self._closed and not is_finalizing():
            self._closed = True
            self._poller.dismiss()
            self._channel.close(_CANCELLED, "Channel closed!")
            self._poller.stop()
        return 0

    def __dealloc__(self):
        # Calls hold the channel, so none is left but what is on its way out. When that has come, the
        # poller lets the connection go.
        if self._poller is not None and not is_finalizing():
            self._poller.stop()


@cython.no_gc
cdef class ClientPoller(Poller):
    """Waits for the events of one channel's calls.

    A channel has no "next event, if any", and no other way to get a thread out of its queue than an event.
    A batch of no operations is one; it wants a call that is not over. So each poller keeps a call that is
    never sent: C-core sends nothing, and looks nothing up, before it is given initial metadata.
    """

    def __init__(self, channel):
        self._channel = channel
        self._fence = Completion()
        self._nudge = Completion()
        self._keeper_over = Completion()

    cdef int begin(self) except -1:
        if self._stopped:
            return 0
        try:
            self._keeper = port.start_unsent(self._channel, self._keeper_over)
        except ValueError:
            # Closed meanwhile.
            return 0
        if self._stopped:
            self.dismiss()
        return 0

    cdef int dismiss(self) except -1:
        """End the call that is never sent: before its channel closes, so that its event is waited for."""
        if self._keeper is not None and not self._dismissed:
            self._dismissed = True
            port.cancel(self._keeper, _CANCELLED, "")
            self.expect(1)
        return 0

    cdef object next_event(self):
        event = self._channel.next_call_event()  # network op
        # With fork support switched on, grpcio looks up once a second.
        if port.is_timeout(event) or self._is_ours(event.tag):
            return None
        return event

    cdef bint _is_ours(self, Completion tag):
        """Whether the event is the poller's own business; it is then done with."""
        if tag is self._nudge:
            self._nudged = False
            self.pending -= 1
        elif tag is self._keeper_over:
            # Where a channel can never connect, a call is over before it is sent.
            self._keeper = None
            self.pending -= self._dismissed
        else:
            return tag is self._fence
        return True

    cdef bint can_linger(self):
        return self._keeper is not None and not self._dismissed

    cdef int nudge(self) except -1:
        if not self._inside or self._nudged or self._keeper is None:
            return 0
        self._nudged = self._nudging = True
        try:
            if port.fence(self._keeper, self._nudge):
                self.expect(1)
            else:
                self._nudged = False
        finally:
            self._nudging = False
        return 0

    cdef int stop(self) except -1:
        self._stopped = True
        self.dismiss()
        return Poller.stop(self)

    cdef int ended(self) except -1:
        # grpcio leaves a channel that was dropped to C-core, which keeps its connection.
        self._channel.close(_CANCELLED, "Channel closed!")
        return 0

    cdef int pull(self, LoopMailbox borrower) except -1:
        cdef int pulled = 0
        if self._borrower is not borrower or self._keeper is None or self._held:
            return 0
        self._pulls += 1
        self._pulling = True
        try:
            # Mark the end of the queue and read up to it.
            if not port.fence(self._keeper, self._fence):
                return 0
            while True:
                event = self._channel.next_call_event()
                if port.is_timeout(event):
                    continue
                if event.tag is self._fence:
                    break
                if self._is_ours(event.tag):
                    continue
                self.route(event)
                pulled += 1
        finally:
            self._pulling = False
        if pulled and self.pending <= 0:
            # Nothing can come any more; the poller may sleep.
            return 0
        return pulled


cdef class CCoreStream(ClientStream):
    """One call. The stream is itself the tag of the batch that ends the call."""

    cdef int send(self, bytes message) except -1:
        cdef SentTag tag = SentTag(self)
        return self._or_at_once(port.send_message(self._call, message, tag), tag)

    cdef int send_end(self) except -1:
        cdef EndTag tag = EndTag(self)
        return self._or_at_once(port.send_end(self._call, tag), tag)

    cdef int receive(self) except -1:
        cdef MessageTag tag = MessageTag(self)
        return self._or_at_once(port.receive_message(self._call, tag), tag)

    cdef int cancel(self, int code, str details) except -1:
        return port.cancel(self._call, code, details)

    cdef int _or_at_once(self, bint started, StreamTag tag) except -1:
        """Announce the event. Not started means that the call is over: the tag is delivered without one."""
        if started:
            return self._transport._poller.expect(1)
        return self.mailbox.push(tag)

    cdef int _deliver_status(self, object event, int index) except -1:
        cdef ClientSink sink = self._sink
        code, details, metadata, debug = port.status_of(event, index)
        return sink.on_status(code, details, metadata, debug)

    cdef int _headers_delivered(self) except -1:
        event, self._early_status = self._early_status, None
        self._headers_due = False
        if event is not None:
            self.event = event
            self.deliver()
            self.event = None
        return 0


cdef class UnaryUnaryStream(CCoreStream):
    cdef int deliver(self) except -1:
        self._sink.on_headers(port.headers_of(self.event, 3))
        self._sink.on_message(port.message_of(self.event, 4))
        return self._deliver_status(self.event, 5)


cdef class UnaryStreamStream(CCoreStream):
    cdef int deliver(self) except -1:
        if self._headers_due:
            self._early_status = self.event
            return 0
        return self._deliver_status(self.event, 3)


cdef class StreamUnaryStream(CCoreStream):
    cdef int deliver(self) except -1:
        if self._headers_due:
            self._early_status = self.event
            return 0
        self._sink.on_message(port.message_of(self.event, 1))
        return self._deliver_status(self.event, 2)


cdef class StreamStreamStream(CCoreStream):
    cdef int deliver(self) except -1:
        if self._headers_due:
            self._early_status = self.event
            return 0
        return self._deliver_status(self.event, 1)


cdef class StreamTag(Completion):
    """The tag of any other batch of a call."""

    def __cinit__(self, CCoreStream stream):
        self.sink = stream._sink
        self.mailbox = stream.mailbox
        self.streams = True


cdef class HeadersTag(StreamTag):
    """Headers have a batch of their own, whose event may come after the status'. Sinks get them before it."""

    cdef CCoreStream stream

    def __init__(self, CCoreStream stream):
        self.stream = stream
        stream._headers_due = True

    cdef int deliver(self) except -1:
        self.sink.on_headers(port.headers_of(self.event, 0))
        return self.stream._headers_delivered()


cdef class MessageTag(StreamTag):
    cdef int deliver(self) except -1:
        return self.sink.on_message(None if self.event is None else port.message_of(self.event, 0))


cdef class SentTag(StreamTag):
    cdef Mailbox destination(self):
        # Where no message waits to follow, no loop need be woken for this one.
        return self.mailbox if self.sink.writer_waits else inline_mailbox

    cdef int deliver(self) except -1:
        return self.sink.on_sent(self.event is not None and self.event.success)


cdef class EndTag(StreamTag):
    cdef int deliver(self) except -1:
        return 0
