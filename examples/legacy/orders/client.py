# -*- coding: utf-8 -*-
"""The orders service as the rest of our code sees it."""
import queue
import threading

import grpc

from common import channels
from common import config
from common import streams
from protos import orders_pb2


def order_request(customer, lines):
    """An OrderRequest from ``[(sku, quantity), ...]``."""
    return orders_pb2.OrderRequest(
        customer=customer,
        lines=[orders_pb2.OrderLine(sku=sku, quantity=quantity) for sku, quantity in lines])


class OrdersClient(object):

    def __init__(self, channel, timeout=config.DEFAULT_TIMEOUT):
        self._stub = channels.orders_stub(channel)
        self._timeout = timeout

    def place(self, customer, lines):
        return self._stub.PlaceOrder(order_request(customer, lines), timeout=self._timeout)

    def place_with_receipt(self, customer, lines):
        """``(order, receipt)``; the receipt is what came beside the order."""
        order, call = self._stub.PlaceOrder.with_call(
            order_request(customer, lines), timeout=self._timeout,
            metadata=(('x-department', 'desk'),))
        receipt = {
            'code': call.code().name,
            'request id': dict(call.initial_metadata()).get('x-request-id'),
            'lines': dict(call.trailing_metadata()).get('x-lines'),
        }
        return order, receipt

    def get(self, order_id):
        return self._stub.GetOrder(
            orders_pb2.OrderId(order_id=order_id), timeout=self._timeout)

    def cancel(self, order_id):
        return self._stub.CancelOrder(
            orders_pb2.OrderId(order_id=order_id), timeout=self._timeout)

    def history(self, order_id):
        request = orders_pb2.TrackRequest(order_id=order_id)
        return [event.what for event in self._stub.TrackOrder(request, timeout=self._timeout)]

    def follow(self, order_id, seconds):
        """Events as they happen, for ``seconds``."""
        request = orders_pb2.TrackRequest(order_id=order_id, follow=True)
        try:
            for event in self._stub.TrackOrder(request, timeout=seconds):
                yield event
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
                raise

    def place_many(self, requests):
        """Places orders over one stream; yields one outcome for each, in order."""
        request_queue = queue.Queue()
        sender = threading.Thread(target=streams.feed, args=(request_queue, requests))
        sender.daemon = True
        sender.start()
        for outcome in self._stub.BulkPlace(iter(request_queue.get, None), timeout=self._timeout):
            yield outcome

    def import_file(self, lines):
        """Orders from the mail order department's file, ``customer;sku;quantity`` a line."""
        def orders():
            for line in lines:
                customer, sku, quantity = line.strip().split(';')
                yield order_request(customer, [(sku, int(quantity))])

        return self._stub.ImportOrders(orders(), timeout=self._timeout)
