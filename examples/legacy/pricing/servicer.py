# -*- coding: utf-8 -*-
"""The pricing service."""
import threading

import grpc

from pricing import rules
from protos import pricing_pb2
from protos import pricing_pb2_grpc


class PricingServicer(pricing_pb2_grpc.PricingServicer):

    def __init__(self):
        self._lock = threading.Lock()
        self._rates_loaded = False

    def _contract_rates_ready(self):
        """The rates are loaded when first asked for; who asked first is told to come back."""
        with self._lock:
            ready = self._rates_loaded
            self._rates_loaded = True
            return ready

    def GetPrice(self, request, context):
        if rules.has_contract(request.customer) and not self._contract_rates_ready():
            context.abort(grpc.StatusCode.UNAVAILABLE, 'contract rates are being loaded')
        try:
            pence = rules.price_for(request.customer, request.sku)
        except rules.UnknownPrice as error:
            context.abort(grpc.StatusCode.NOT_FOUND, str(error))
        band = 'contract' if rules.has_contract(request.customer) else 'list'
        context.set_trailing_metadata((('x-price-band', band),))
        return pricing_pb2.Price(sku=request.sku, pence=pence)

    def ListPrices(self, request, context):
        for sku in sorted(rules.LIST_PRICES):
            yield pricing_pb2.Price(sku=sku, pence=rules.price_for(request.customer, sku))

    def QuoteBasket(self, request_iterator, context):
        total = 0
        lines = 0
        for line in request_iterator:
            try:
                total += rules.price_for(line.customer, line.sku) * line.quantity
            except rules.UnknownPrice as error:
                context.abort(grpc.StatusCode.NOT_FOUND, str(error))
            lines += 1
        discount = rules.basket_discount(total)
        return pricing_pb2.Quote(
            lines=lines, total_pence=total - discount, discount_pence=discount)

    def Negotiate(self, request_iterator, context):
        asked = None
        for offer in request_iterator:
            asked, accepted = rules.answer_offer(offer.sku, offer.pence, asked)
            yield pricing_pb2.CounterOffer(pence=asked, accepted=accepted)
            if accepted:
                return
