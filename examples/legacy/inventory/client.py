# -*- coding: utf-8 -*-
"""The inventory service as the rest of our code sees it."""
import queue
import threading

import grpc

from common import channels
from common import config
from common import retry
from common import streams
from protos import inventory_pb2


class InventoryClient(object):

    def __init__(self, channel, timeout=config.DEFAULT_TIMEOUT):
        self._stub = channels.inventory_stub(channel)
        self._timeout = timeout

    def get_stock(self, sku):
        """The stock level of an article, or None if we do not carry it."""
        try:
            return self._stub.GetStock(
                inventory_pb2.StockRequest(sku=sku), timeout=self._timeout)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.NOT_FOUND:
                return None
            raise

    def available(self, sku):
        level = self.get_stock(sku)
        return level.available if level is not None else 0

    def reserve(self, order_id, sku, quantity):
        request = inventory_pb2.ReserveRequest(order_id=order_id, sku=sku, quantity=quantity)
        return retry.call_with_retry(self._stub.Reserve, request).reservation_id

    def release(self, order_id):
        request = inventory_pb2.ReleaseRequest(order_id=order_id)
        return retry.call_with_retry(self._stub.Release, request).released

    def list_stock(self, prefix=''):
        """All articles, as they come in."""
        yield from self._stub.ListStock(
            inventory_pb2.ListStockRequest(prefix=prefix), timeout=self._timeout)

    def running_low(self, threshold):
        """The articles of which no more than ``threshold`` are left."""
        for level in self.list_stock():
            if level.available <= threshold:
                yield level

    def items_on_shelves(self):
        request = inventory_pb2.ListStockRequest()
        return sum(level.available for level in self._stub.ListStock(request, timeout=self._timeout))

    def first_articles(self, count):
        """The first few article numbers; does not wait for the rest of the list."""
        skus = []
        responses = self._stub.ListStock(inventory_pb2.ListStockRequest(), timeout=self._timeout)
        for level in responses:
            skus.append(level.sku)
            if len(skus) == count:
                responses.cancel()
                break
        return skus

    def receive(self, lines):
        """Books a delivery, ``[(sku, quantity), ...]``."""
        def delivery_note():
            for sku, quantity in lines:
                yield inventory_pb2.DeliveryLine(sku=sku, quantity=quantity)

        return self._stub.Receive(delivery_note(), timeout=self._timeout)

    def audit(self, counts):
        """Compares what was counted, ``{sku: number}``, with the books.

        The counters' terminals send while we already read differences, hence the thread.
        """
        request_queue = queue.Queue()
        differences = self._stub.Audit(iter(request_queue.get, None), timeout=self._timeout)
        lines = [inventory_pb2.CountedLine(sku=sku, counted=counts[sku]) for sku in sorted(counts)]
        sender = threading.Thread(target=streams.feed, args=(request_queue, lines))
        sender.daemon = True
        sender.start()
        found = [(difference.sku, difference.expected, difference.counted)
                 for difference in differences]
        sender.join()
        return found
