# -*- coding: utf-8 -*-
"""The pricing service as the rest of our code sees it."""
import logging

import grpc

from common import channels
from common import config
from common import retry
from common import streams
from protos import pricing_pb2

LOG = logging.getLogger(__name__)


def _log_outcome(future):
    """Called by grpc when a price has come in, on a thread of its own."""
    if future.code() is grpc.StatusCode.OK:
        LOG.info('%s: %d p', future.result().sku, future.result().pence)
    else:
        LOG.info('no price: %s (%s)', future.code(), future.details())


class PricingClient(object):

    def __init__(self, channel, timeout=config.DEFAULT_TIMEOUT):
        self._stub = channels.pricing_stub(channel)
        self._timeout = timeout

    def get_price(self, customer, sku, on_retry=None):
        request = pricing_pb2.PriceRequest(customer=customer, sku=sku)
        return retry.call_with_retry(self._stub.GetPrice, request, on_retry=on_retry).pence

    def price_with_band(self, customer, sku):
        """``(pence, band)``; the band says whose price list it came from."""
        request = pricing_pb2.PriceRequest(customer=customer, sku=sku)
        price, call = self._stub.GetPrice.with_call(request, timeout=self._timeout)
        band = dict(call.trailing_metadata()).get('x-price-band', 'unknown')
        return price.pence, band

    def prices_at_once(self, customer, skus):
        """Asks for many prices without waiting in between: ``{sku: pence or None}``."""
        pending = []
        for sku in skus:
            future = self._stub.GetPrice.future(
                pricing_pb2.PriceRequest(customer=customer, sku=sku), timeout=self._timeout)
            future.add_done_callback(_log_outcome)
            pending.append((sku, future))
        prices = {}
        for sku, future in pending:
            try:
                prices[sku] = future.result().pence
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.NOT_FOUND:
                    raise
                prices[sku] = None
        return prices

    def price_list(self, customer=''):
        request = pricing_pb2.PriceListRequest(customer=customer)
        return {price.sku: price.pence
                for price in self._stub.ListPrices(request, timeout=self._timeout)}

    def quote(self, customer, lines):
        """One price for a basket of order lines."""
        return self._stub.QuoteBasket(
            (pricing_pb2.QuoteLine(customer=customer, sku=line.sku, quantity=line.quantity)
             for line in lines),
            timeout=self._timeout)

    def negotiate(self, sku, offers):
        """Makes one offer after the other. Returns ``[(offer, answer, accepted), ...]``."""
        requests = streams.RequestIterator()
        answers = self._stub.Negotiate(requests, timeout=self._timeout)
        rounds = []
        for pence in offers:
            requests.send(pricing_pb2.Offer(sku=sku, pence=pence))
            answer = next(answers)
            rounds.append((pence, answer.pence, answer.accepted))
            if answer.accepted:
                break
        requests.close()
        return rounds
