# -*- coding: utf-8 -*-
"""Request streams that are fed from another place than where they are read."""
import queue


class RequestIterator(object):
    """An iterator over messages that somebody else is still sending."""

    _END = object()

    def __init__(self):
        self._queue = queue.Queue()

    def send(self, message):
        self._queue.put(message)

    def close(self):
        self._queue.put(self._END)

    def __iter__(self):
        return self

    def __next__(self):
        message = self._queue.get(block=True)
        if message is self._END:
            raise StopIteration
        return message


def feed(request_queue, messages):
    """Puts ``messages`` into a queue, and ``None`` behind the last. Runs in a sending thread."""
    for message in messages:
        request_queue.put(message)
    request_queue.put(None)
