# cython: language_level=3, boundscheck=False, wraparound=False
"""A transport that moves nothing: whatever is asked of it has happened, and is reported through the mailbox.

So what is left of a call's cost is what the RPC layer and the facade take for it. The transport is the
bench's own, compiled by `loopback_build.py` when a bench asks for it. It knows no cancellation.
"""

from grpc_bridge._cy.handoff cimport Completion, Mailbox
from grpc_bridge._cy.transport cimport (
    Acceptor,
    CallHead,
    ClientSink,
    ClientStream,
    ClientTransport,
    ServerSink,
    ServerStream,
    ServerTransport,
)

cdef int _OK = 0
cdef double _NEVER = float("inf")
cdef tuple _NO_METADATA = ()


# ---- client ---------------------------------------------------------------------------------------

cdef class LoopbackChannel(ClientTransport):
    """Answers a request with itself; one request that asks for a stream, with itself many times."""

    cdef int _streamed

    def __init__(self, int streamed):
        self._streamed = streamed

    def method_handle(self, str method, bint registered):
        return method

    def shut(self):
        self.close()

    cdef ClientStream start(self, ClientSink sink, CallHead head, object request):
        cdef LoopbackStream stream = LoopbackStream()
        stream.mailbox = sink.mailbox
        stream.sink = sink
        stream.message = request
        if head.response_streaming:
            stream.echoes = head.request_streaming
            stream.left = 0 if stream.echoes else self._streamed
            sink.mailbox.push(_Headers(stream))
        elif not head.request_streaming:
            sink.mailbox.push(stream)
        return stream

    cdef int close(self) except -1:
        return 0


cdef class LoopbackStream(ClientStream):
    """One call; delivered, it is the end of it."""

    cdef ClientSink sink
    cdef bytes message
    cdef int left
    # of a call that streams both ways
    cdef bint echoes
    cdef bint asked
    cdef bint ended

    cdef int send(self, bytes message) except -1:
        self.message = message
        self.mailbox.push(_Sent(self))
        if self.echoes:
            self.left += 1
            self.answer()
        return 0

    cdef int send_end(self) except -1:
        if not self.echoes:
            return self.mailbox.push(self)
        self.ended = True
        return self.answer()

    cdef int receive(self) except -1:
        self.asked = True
        return self.answer()

    cdef int answer(self) except -1:
        if self.asked and (self.left or self.ended or not self.echoes):
            self.asked = False
            return self.mailbox.push(_Message(self))
        return 0

    cdef int cancel(self, int code, str details) except -1:
        return 0

    cdef int deliver(self) except -1:
        self.sink.on_headers(_NO_METADATA)
        self.sink.on_message(self.message)
        return self.sink.on_status(_OK, "", _NO_METADATA, "")


cdef class _OfStream(Completion):
    cdef LoopbackStream stream

    def __cinit__(self, LoopbackStream stream):
        self.stream = stream
        self.mailbox = stream.mailbox


cdef class _Headers(_OfStream):
    cdef int deliver(self) except -1:
        return self.stream.sink.on_headers(_NO_METADATA)


cdef class _Sent(_OfStream):
    cdef int deliver(self) except -1:
        return self.stream.sink.on_sent(True)


cdef class _Message(_OfStream):
    cdef int deliver(self) except -1:
        cdef ClientSink sink = self.stream.sink
        if self.stream.left:
            self.stream.left -= 1
            return sink.on_message(self.stream.message)
        sink.on_message(None)
        return sink.on_status(_OK, "", _NO_METADATA, "")


# ---- server ---------------------------------------------------------------------------------------

cdef class LoopbackServer(ServerTransport):
    """Brings in calls when it is told to."""

    cdef Acceptor _acceptor
    cdef Mailbox _mailbox
    cdef str _method
    cdef bytes _request
    cdef int _requests
    cdef int _unstarted
    cdef int _unanswered
    cdef object _done

    def add_port(self, bytes address, object credentials):
        return 1

    def drive(self, str method, bytes request, int requests, int calls, int concurrency, object done):
        """Bring in `calls` calls with so many requests each; `done` is a future of the loop."""
        self._method = method
        self._request = request
        self._requests = requests
        self._unstarted = self._unanswered = calls
        self._done = done
        for _ in range(min(concurrency, calls)):
            self._next_call()

    cdef int start(self, Acceptor acceptor, Mailbox mailbox) except -1:
        self._acceptor = acceptor
        self._mailbox = mailbox
        return 0

    cdef int refuse_new(self) except -1:
        return self._acceptor.on_drained()

    cdef int cancel_all(self) except -1:
        return 0

    cdef int _next_call(self) except -1:
        cdef LoopbackServerStream stream
        if self._unstarted:
            self._unstarted -= 1
            stream = LoopbackServerStream()
            stream.mailbox = self._mailbox
            stream.server = self
            stream.left = self._requests
            return self._mailbox.push(stream)
        return 0

    cdef int _answered(self, int code, object details) except -1:
        if code != _OK:
            if not self._done.done():
                self._done.set_exception(RuntimeError(f"a call was answered with status {code}: {details}"))
            return 0
        self._unanswered -= 1
        if not self._unanswered and not self._done.done():
            self._done.set_result(None)
        return self._next_call()


cdef class LoopbackServerStream(ServerStream):
    """One call; delivered, it arrives."""

    cdef LoopbackServer server
    cdef int left
    cdef int code
    cdef object details

    cdef int deliver(self) except -1:
        return self.server._acceptor.on_call(self, self.server._method, _NO_METADATA, _NEVER)

    cdef int open(self, ServerSink sink, Mailbox mailbox) except -1:
        self.sink = sink
        self.mailbox = mailbox
        return 0

    cdef int receive(self) except -1:
        return self.mailbox.push(_Request(self))

    cdef int send_headers(self, tuple metadata) except -1:
        return 0

    cdef int send(self, tuple headers, bytes message, int flags) except -1:
        return self.mailbox.push(_Taken(self))

    cdef int finish(self, tuple headers, bytes message, int flags, int code, object details,
                    tuple metadata) except -1:
        self.code = code
        self.details = details
        return self.mailbox.push(_Closed(self))

    cdef int cancel(self) except -1:
        return 0

    cdef str peer(self):
        return "loopback"

    cdef tuple identity(self):
        return None, None, {}


cdef class _OfServerStream(Completion):
    cdef LoopbackServerStream stream

    def __cinit__(self, LoopbackServerStream stream):
        self.stream = stream
        self.mailbox = stream.mailbox


cdef class _Request(_OfServerStream):
    cdef int deliver(self) except -1:
        if self.stream.left:
            self.stream.left -= 1
            return self.stream.sink.on_message(self.stream.server._request)
        return self.stream.sink.on_message(None)


cdef class _Taken(_OfServerStream):
    cdef int deliver(self) except -1:
        return self.stream.sink.on_sent(True)


cdef class _Closed(_OfServerStream):
    cdef int deliver(self) except -1:
        self.stream.sink.on_closed(False)
        return self.stream.server._answered(self.stream.code, self.stream.details)
