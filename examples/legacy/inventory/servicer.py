# -*- coding: utf-8 -*-
"""The inventory service."""
import logging

import grpc

from inventory import store
from protos import inventory_pb2
from protos import inventory_pb2_grpc

LOG = logging.getLogger(__name__)


class InventoryServicer(inventory_pb2_grpc.InventoryServicer):

    def __init__(self, stock):
        self._stock = stock

    def _level(self, sku):
        available, reserved = self._stock.level(sku)
        return inventory_pb2.StockLevel(sku=sku, available=available, reserved=reserved)

    def GetStock(self, request, context):
        try:
            return self._level(request.sku)
        except store.UnknownArticle as error:
            context.set_code(grpc.StatusCode.NOT_FOUND)
            context.set_details(str(error))
            return inventory_pb2.StockLevel()

    def ListStock(self, request, context):
        for sku in self._stock.skus(request.prefix):
            yield self._level(sku)

    def Reserve(self, request, context):
        try:
            reservation_id = self._stock.reserve(request.order_id, request.sku, request.quantity)
        except store.UnknownArticle as error:
            context.abort(grpc.StatusCode.NOT_FOUND, str(error))
        except store.NotEnough as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        return inventory_pb2.Reservation(
            reservation_id=reservation_id, sku=request.sku, quantity=request.quantity)

    def Release(self, request, context):
        return inventory_pb2.ReleaseResult(released=self._stock.release(request.order_id))

    def Receive(self, request_iterator, context):
        lines = []
        for line in request_iterator:
            if line.quantity <= 0:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT,
                              'line %d: quantity %d' % (len(lines) + 1, line.quantity))
            lines.append(line)
        # nothing is booked before the whole note is known to be good
        for line in lines:
            self._stock.add(line.sku, line.quantity)
        items = sum(line.quantity for line in lines)
        LOG.info('delivery: %d lines, %d items', len(lines), items)
        return inventory_pb2.DeliveryReceipt(lines=len(lines), items=items)

    def Audit(self, request_iterator, context):
        for line in request_iterator:
            available, _ = self._stock.level(line.sku)
            if available != line.counted:
                yield inventory_pb2.Discrepancy(
                    sku=line.sku, expected=available, counted=line.counted)
