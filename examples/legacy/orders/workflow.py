# -*- coding: utf-8 -*-
"""What has to happen for an order, and what has to be undone if it cannot be met."""
import logging

import grpc

from orders import prices

LOG = logging.getLogger(__name__)


class OrderRefused(Exception):
    """An order that cannot be met; carries what the caller is to be told."""

    def __init__(self, code, reason):
        super(OrderRefused, self).__init__(reason)
        self.code = code
        self.reason = reason


class OrderWorkflow(object):

    def __init__(self, book, inventory, pricing):
        self._book = book
        self._inventory = inventory
        self._prices = prices.PriceBook(pricing)

    def place(self, customer, lines):
        """Reserves, prices and confirms. Returns the order, or raises OrderRefused."""
        if not lines:
            raise OrderRefused(grpc.StatusCode.INVALID_ARGUMENT, 'an order needs lines')
        order_id = self._book.open(customer, lines)
        try:
            self._reserve_lines(order_id, lines)
            total = self._prices.total(customer, lines)
        except grpc.RpcError as error:
            LOG.info('%s: %s', order_id, error.details())
            self._undo(order_id, error.details())
            raise OrderRefused(error.code(), error.details())
        self._book.confirm(order_id, total)
        return self._book.get(order_id)

    def cancel(self, order_id):
        self._book.get(order_id)
        self._undo(order_id, 'by the customer')
        return self._book.get(order_id)

    def _reserve_lines(self, order_id, lines):
        for line in lines:
            self._reserve_line(order_id, line)

    def _reserve_line(self, order_id, line):
        reservation_id = self._inventory.reserve(order_id, line.sku, line.quantity)
        self._book.note(order_id, '%s: %d x %s' % (reservation_id, line.quantity, line.sku))

    def _undo(self, order_id, why):
        try:
            released = self._inventory.release(order_id)
        except grpc.RpcError as error:
            # the nightly run finds reservations of cancelled orders
            LOG.error('%s: reservations not released: %s', order_id, error.details())
            released = 0
        if released:
            self._book.note(order_id, '%d reservation(s) released' % released)
        self._book.cancel(order_id, why)
