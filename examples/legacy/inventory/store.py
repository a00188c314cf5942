# -*- coding: utf-8 -*-
"""The shelves. Kept in memory; the real warehouse system is fed from here at night."""
import threading

OPENING_STOCK = {
    'BOOT-42': 8,
    'LAMP-H': 3,
    'ROPE-30': 40,
    'STOVE-G': 20,
    'TENT-2P': 12,
    'TENT-4P': 5,
}


class UnknownArticle(Exception):
    pass


class NotEnough(Exception):
    def __init__(self, sku, wanted, available):
        super(NotEnough, self).__init__(
            '%s: %d wanted, %d available' % (sku, wanted, available))


class StockStore(object):
    """Thread-safe: the server's workers all come here."""

    def __init__(self, opening_stock=None):
        self._lock = threading.RLock()
        self._available = dict(OPENING_STOCK if opening_stock is None else opening_stock)
        self._reservations = []  # (reservation id, order id, sku, quantity)
        self._last_number = 0

    def skus(self, prefix=''):
        with self._lock:
            return sorted(sku for sku in self._available if sku.startswith(prefix))

    def level(self, sku):
        """``(available, reserved)`` of an article."""
        with self._lock:
            self._check(sku)
            reserved = sum(quantity for _, _, reserved_sku, quantity in self._reservations
                           if reserved_sku == sku)
            return self._available[sku], reserved

    def reserve(self, order_id, sku, quantity):
        with self._lock:
            self._check(sku)
            if self._available[sku] < quantity:
                raise NotEnough(sku, quantity, self._available[sku])
            self._available[sku] -= quantity
            self._last_number += 1
            reservation_id = 'RSV-%04d' % self._last_number
            self._reservations.append((reservation_id, order_id, sku, quantity))
            return reservation_id

    def release(self, order_id):
        """Puts everything that was reserved for an order back. Returns how many reservations."""
        with self._lock:
            mine = [entry for entry in self._reservations if entry[1] == order_id]
            for entry in mine:
                self._reservations.remove(entry)
                self._available[entry[2]] += entry[3]
            return len(mine)

    def add(self, sku, quantity):
        """A delivery. May bring an article that we did not carry before."""
        with self._lock:
            self._available[sku] = self._available.get(sku, 0) + quantity

    def _check(self, sku):
        if sku not in self._available:
            raise UnknownArticle('%s: no such article' % sku)
