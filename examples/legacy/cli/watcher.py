# -*- coding: utf-8 -*-
"""Watches an article in the background while the desk does something else."""
import threading


class StockWatcher(object):
    """Asks for the stock of an article until it falls below ``minimum``, or ``stop``."""

    def __init__(self, inventory, sku, minimum, pause=0.01):
        self._inventory = inventory
        self._sku = sku
        self._minimum = minimum
        self._pause = pause
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.daemon = True
        self.looks = 0
        self.alarm = None

    def start(self):
        self._thread.start()

    def stop(self):
        self._stopping.set()

    def join(self, timeout=None):
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _watch(self):
        while not self._stopping.is_set():
            available = self._inventory.available(self._sku)
            self.looks += 1
            if available < self._minimum:
                self.alarm = '%s: only %d left' % (self._sku, available)
                return
            self._stopping.wait(self._pause)
