# -*- coding: utf-8 -*-
import threading

import grpc
import pytest

from common import channels
from common import retry
from protos import orders_pb2
from protos import pricing_pb2


def basket(*lines):
    return [orders_pb2.OrderLine(sku=sku, quantity=quantity) for sku, quantity in lines]


def test_contract_rates_are_retried(pricing):
    attempts = []
    pence = pricing.get_price(
        'HIGHLAND', 'ROPE-30', on_retry=lambda attempt, code: attempts.append((attempt, code)))
    assert pence == 8099
    assert attempts == [(1, grpc.StatusCode.UNAVAILABLE)]


def test_not_found_is_not_retried(pricing):
    attempts = []
    with pytest.raises(grpc.RpcError) as caught:
        pricing.get_price('WALKER', 'KETTLE', on_retry=lambda *args: attempts.append(args))
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    assert attempts == []


def test_retry_gives_up(pricing_server, pricing_channel):
    pricing_server.stop(None).wait()
    attempts = []
    with pytest.raises(grpc.RpcError) as caught:
        retry.call_with_retry(
            channels.pricing_stub(pricing_channel).GetPrice,
            pricing_pb2.PriceRequest(sku='LAMP-H'), attempts=3, pause=0,
            on_retry=lambda attempt, code: attempts.append(attempt))
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    assert attempts == [1, 2]


def test_band_comes_in_trailing_metadata(pricing):
    pricing.get_price('SCOUTS', 'LAMP-H')
    assert pricing.price_with_band('SCOUTS', 'STOVE-G') == (3888, 'contract')
    assert pricing.price_with_band('WALKER', 'STOVE-G') == (4575, 'list')


def test_prices_at_once(pricing):
    assert pricing.prices_at_once('WALKER', ['LAMP-H', 'KETTLE']) == {
        'LAMP-H': 2450, 'KETTLE': None}


def test_done_callback_is_called(pricing_channel):
    called = threading.Event()
    codes = []

    def done(future):
        codes.append(future.code())
        called.set()

    future = channels.pricing_stub(pricing_channel).GetPrice.future(
        pricing_pb2.PriceRequest(sku='LAMP-H'), timeout=10)
    future.add_done_callback(done)
    assert called.wait(10)
    assert codes == [grpc.StatusCode.OK]


def test_basket_discount(pricing):
    quote = pricing.quote('WALKER', basket(('TENT-2P', 2), ('LAMP-H', 1)))
    assert (quote.lines, quote.total_pence, quote.discount_pence) == (2, 49638, 2612)


@pytest.mark.parametrize('offers, rounds', [
    ([41900], [(41900, 41900, True)]),
    ([100, 36000], [(100, 35615, False), (36000, 36000, True)]),
    ([100, 200], [(100, 35615, False), (200, 35615, False)]),
])
def test_negotiation(pricing, offers, rounds):
    assert pricing.negotiate('TENT-4P', offers) == rounds
