# cython: language_level=3, boundscheck=False, wraparound=False
"""A server on C-core."""

cimport cython

import asyncio
import threading
import time

from grpc_bridge._cy.ccore cimport port
from grpc_bridge._cy.ccore.poller cimport Poller
from grpc_bridge._cy.handoff cimport Completion, LoopMailbox, Mailbox, inline_mailbox
from grpc_bridge._cy.transport cimport Acceptor, ServerSink, ServerStream, ServerTransport

from grpc_bridge._cy.ccore import port as _port

# How many calls can arrive before the poller has to come round; each is posted anew before its call is looked at.
cdef int _POSTED_REQUESTS = 256
cdef double _LOOK_UP_SECONDS = 0.2


cdef class CCoreServer(ServerTransport):
    """One C-core server and the poller of its completion queue."""

    def __init__(self, tuple options, object compression, bint xds):
        self._server = port.open_server(options, compression, xds)
        self._queue = port.new_queue(self._server)
        self._poller = ServerPoller(self._queue)
        self._end_lock = threading.Lock()

    def add_port(self, bytes address, object credentials):
        """Listen on an address; the port's number, or 0 if it could not be had."""
        if credentials is None:
            return self._server.add_http2_port(address)
        return self._server.add_http2_port(address, credentials)

    def polls_here(self):
        """Whether the calling thread is the poller's, or has its turn."""
        cdef LoopMailbox borrower = self._poller._borrower
        if self._poller._pulling and borrower is not None and asyncio._get_running_loop() is borrower.loop:
            return True
        return self._poller._thread is threading.current_thread()

    cdef int start(self, Acceptor acceptor, Mailbox borrower) except -1:
        cdef RequestTag tag
        self._acceptor = acceptor
        self._poller.look_after(acceptor, borrower)
        self._server.start()
        for _ in range(_POSTED_REQUESTS):
            tag = RequestTag()
            tag._server = self
            tag.mailbox = inline_mailbox
            tag.borrower = borrower
            self._post(tag)
        return 0

    cdef int refuse_new(self) except -1:
        cdef DrainedTag tag
        if not self._refusing:
            self._refusing = True
            tag = DrainedTag()
            tag._server = self
            tag.mailbox = inline_mailbox
            self._server.shutdown(self._queue, tag)
            self._poller.expect(1)
        return 0

    cdef int cancel_all(self) except -1:
        with self._end_lock:
            if self._acceptor is not None:
                self._server.cancel_all_calls()
        return 0

    cdef int _post(self, RequestTag tag) except -1:
        if self._refusing:
            return 0
        try:
            port.request_call(self._server, self._queue, tag)
        except ValueError:
            # It has begun to refuse meanwhile.
            if not self._refusing:
                raise
            return 0
        return self._poller.expect(1)

    def _drained(self):
        cdef Acceptor acceptor = self._acceptor
        # C-core's server must not be destroyed while another thread cancels its calls.
        with self._end_lock:
            self._server.destroy()
            self._acceptor = None
        self._poller.look_after(None, None)
        self._poller.stop()
        acceptor.on_drained()


@cython.no_gc
cdef class ServerPoller(Poller):
    """Waits for the events of one server."""

    def __init__(self, queue):
        self._queue = queue

    cdef Mailbox borrower_for(self, Completion tag):
        return (<RequestTag>tag).borrower if isinstance(tag, RequestTag) else tag.destination()

    cdef int look_after(self, Acceptor acceptor, Mailbox home) except -1:
        """Tell the acceptor when the loop of its mailbox has been closed."""
        self._home = home
        self._acceptor = acceptor
        return 0

    cdef object next_event(self):
        # Looks up now and then, as C-core's own wait does for signals: the process may be about to fork.
        cdef double now = time.time()
        if not self._looked_up <= now < self._looked_up + _LOOK_UP_SECONDS:
            self._looked_up = now
            self._look_up()
        event = self._queue.poll(now + _LOOK_UP_SECONDS)  # network op
        return None if port.is_timeout(event) else event

    cdef int _look_up(self) except -1:
        # Nothing comes of its own to handlers that wait on a loop that has been closed.
        if self._acceptor is not None and self._home.is_lost():
            self._acceptor.on_lost()
        return 0

    cdef int pull(self, LoopMailbox borrower) except -1:
        cdef int pulled = 0
        if self._borrower is not borrower or self._held:
            return 0
        self._pulls += 1
        self._pulling = True
        try:
            while True:
                # A deadline in the past: what is there already, or nothing.
                event = self._queue.poll(0)
                if port.is_timeout(event):
                    break
                self.route(event)
                pulled += 1
        finally:
            self._pulling = False
        return pulled if self.pending > 0 else 0


cdef class RequestTag(Completion):
    """A posted request for a call; used again and again.

    It is posted anew on whatever thread finds the event, and the call is taken there: the loop may not come to
    it for a while, and has one thing less to be woken for.
    """

    cdef int deliver(self) except -1:
        cdef CCoreServerStream stream
        cdef Acceptor acceptor = self._server._acceptor
        event, self.event = self.event, None
        if not event.success or acceptor is None:
            # The server is shutting down, or has shut down before anybody looked at the call.
            return 0
        self._server._post(self)
        stream = CCoreServerStream()
        stream._server = self._server
        stream._call = event.call
        details = event.call_details
        return acceptor.on_call(stream, details.method.decode(), event.invocation_metadata, details.deadline)


cdef class DrainedTag(Completion):
    cdef int deliver(self) except -1:
        self._server._drained()
        return 0


cdef class CCoreServerStream(ServerStream):
    """One call. The stream is itself the tag of the batch that tells of its end."""

    cdef int open(self, ServerSink sink, Mailbox mailbox) except -1:
        self.sink = sink
        self.mailbox = mailbox
        port.server_watch(self._call, self)
        return self._server._poller.expect(1)

    cdef int deliver(self) except -1:
        # Held here: the stream lets go of it once both the client and the handler, on its own thread, have ended.
        cdef ServerSink sink = self.sink
        return sink.on_closed(port.cancelled_of(self.event))

    cdef int abandon(self) except -1:
        # Threads, too, may wait for a call that is bound to a loop.
        cdef ServerSink sink = self.sink
        self.deliver()
        return sink.on_lost()

    cdef int receive(self) except -1:
        cdef ServerMessageTag tag = ServerMessageTag(self)
        # The first request is the only one of most calls.
        tag.streams = self._received
        self._received = True
        port.server_receive(self._call, tag)
        return self._server._poller.expect(1)

    cdef int send_headers(self, tuple metadata) except -1:
        port.server_send_headers(self._call, metadata, ServerDoneTag(self))
        return self._server._poller.expect(1)

    cdef int send(self, tuple headers, bytes message, int flags) except -1:
        cdef ServerSentTag tag = ServerSentTag(self)
        tag.streams = True
        port.server_send(self._call, headers, message, flags, tag)
        return self._server._poller.expect(1)

    cdef int finish(self, tuple headers, bytes message, int flags, int code, object details,
                    tuple metadata) except -1:
        port.server_finish(self._call, headers, message, flags, code, details, metadata, ServerDoneTag(self))
        return self._server._poller.expect(1)

    cdef int cancel(self) except -1:
        self._call.cancel()
        return 0

    cdef str peer(self):
        return port.peer_of(self._call)

    cdef tuple identity(self):
        return _port.identity_of(self._call)


cdef class ServerStreamTag(Completion):
    """The tag of one batch of a call."""

    def __cinit__(self, CCoreServerStream stream):
        self.sink = stream.sink
        self.mailbox = stream.mailbox

    cdef int abandon(self) except -1:
        return self.sink.on_lost()


cdef class ServerMessageTag(ServerStreamTag):
    cdef int deliver(self) except -1:
        return self.sink.on_message(port.message_of(self.event, 0))


cdef class ServerSentTag(ServerStreamTag):
    cdef Mailbox destination(self):
        # Where no message waits to follow, no loop need be woken for this one.
        return self.mailbox if self.sink.writer_waits else inline_mailbox

    cdef int deliver(self) except -1:
        return self.sink.on_sent(self.event.success)


cdef class ServerDoneTag(ServerStreamTag):
    """A batch that nobody waits for."""

    cdef int deliver(self) except -1:
        return 0
