# -*- coding: utf-8 -*-
"""The order book, in memory."""
import threading

from protos import orders_pb2


class UnknownOrder(Exception):
    pass


class OrderBook(object):

    def __init__(self):
        self._lock = threading.Lock()
        self._orders = {}
        self._events = {}

    def open(self, customer, lines):
        with self._lock:
            order_id = 'ORD-%04d' % (len(self._orders) + 1)
            self._orders[order_id] = orders_pb2.Order(
                order_id=order_id, customer=customer, lines=lines, status=orders_pb2.OPEN)
            self._events[order_id] = []
        self.note(order_id, 'opened for %s' % customer)
        return order_id

    def get(self, order_id):
        """A copy, so that nobody changes the book by accident."""
        with self._lock:
            if order_id not in self._orders:
                raise UnknownOrder('%s: no such order' % order_id)
            order = orders_pb2.Order()
            order.CopyFrom(self._orders[order_id])
            return order

    def confirm(self, order_id, total_pence):
        with self._lock:
            self._orders[order_id].total_pence = total_pence
            self._orders[order_id].status = orders_pb2.CONFIRMED
        self.note(order_id, 'confirmed, %d p' % total_pence)

    def cancel(self, order_id, why):
        with self._lock:
            self._orders[order_id].status = orders_pb2.CANCELLED
        self.note(order_id, 'cancelled: %s' % why)

    def note(self, order_id, what):
        with self._lock:
            self._events[order_id].append(what)

    def events(self, order_id, start=0):
        with self._lock:
            if order_id not in self._events:
                raise UnknownOrder('%s: no such order' % order_id)
            return self._events[order_id][start:]
