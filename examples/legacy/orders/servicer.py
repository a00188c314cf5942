# -*- coding: utf-8 -*-
"""The orders service."""
import time

import grpc

from common import auth
from orders import book as order_book
from orders import workflow
from protos import orders_pb2
from protos import orders_pb2_grpc

#: Seconds between two looks at the book for a caller that follows an order.
_FOLLOW_PAUSE = 0.02


class OrdersServicer(orders_pb2_grpc.OrdersServicer):

    def __init__(self, book, order_workflow):
        self._book = book
        self._workflow = order_workflow

    def PlaceOrder(self, request, context):
        context.send_initial_metadata((('x-request-id', auth.request_id(context)),))
        try:
            order = self._workflow.place(request.customer, request.lines)
        except workflow.OrderRefused as refusal:
            context.abort(refusal.code, refusal.reason)
        context.set_trailing_metadata((('x-lines', str(len(order.lines))),))
        return order

    def GetOrder(self, request, context):
        try:
            return self._book.get(request.order_id)
        except order_book.UnknownOrder as error:
            context.set_code(grpc.StatusCode.NOT_FOUND)
            context.set_details(str(error))
            return orders_pb2.Order()

    def CancelOrder(self, request, context):
        try:
            return self._workflow.cancel(request.order_id)
        except order_book.UnknownOrder as error:
            context.abort(grpc.StatusCode.NOT_FOUND, str(error))

    def TrackOrder(self, request, context):
        try:
            number = 0
            while True:
                for what in self._book.events(request.order_id, number):
                    number += 1
                    yield orders_pb2.OrderEvent(number=number, what=what)
                if not request.follow or not context.is_active():
                    return
                time.sleep(_FOLLOW_PAUSE)
        except order_book.UnknownOrder as error:
            context.abort(grpc.StatusCode.NOT_FOUND, str(error))

    def BulkPlace(self, request_iterator, context):
        for request in request_iterator:
            yield self._outcome_of(request)

    def ImportOrders(self, request_iterator, context):
        summary = orders_pb2.ImportSummary()
        for request in request_iterator:
            outcome = self._outcome_of(request)
            if outcome.refusal:
                summary.refused += 1
            else:
                summary.placed += 1
                summary.total_pence += outcome.total_pence
        return summary

    def _outcome_of(self, request):
        try:
            order = self._workflow.place(request.customer, request.lines)
        except workflow.OrderRefused as refusal:
            return orders_pb2.OrderOutcome(
                refusal='%s: %s' % (refusal.code.name, refusal.reason))
        return orders_pb2.OrderOutcome(order_id=order.order_id, total_pence=order.total_pence)
