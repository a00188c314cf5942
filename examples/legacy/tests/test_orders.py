# -*- coding: utf-8 -*-
import grpc
import pytest

from cli import printing
from orders import prices
from orders.client import order_request
from protos import orders_pb2


def test_order_is_confirmed_and_reserved(orders, inventory):
    order = orders.place('WALKER', [('TENT-2P', 2), ('ROPE-30', 1)])
    assert order.status == orders_pb2.CONFIRMED
    assert order.total_pence == 55860
    assert inventory.available('TENT-2P') == 10


@pytest.mark.parametrize('customer, total', [
    ('WALKER', 4900), ('HIGHLAND', 4410), ('STAFF', 2000)])
def test_price_depends_on_the_customer(orders, customer, total):
    assert orders.place(customer, [('LAMP-H', 2)]).total_pence == total


def test_receipt(orders):
    order, receipt = orders.place_with_receipt('WALKER', [('LAMP-H', 1)])
    assert order.order_id == 'ORD-0001'
    assert receipt == {'code': 'OK', 'lines': '1', 'request id': 'test-0001'}


def test_refused_order_leaves_nothing_reserved(orders, inventory):
    with pytest.raises(grpc.RpcError) as caught:
        orders.place('GREEDY', [('ROPE-30', 1), ('TENT-4P', 50)])
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert inventory.available('ROPE-30') == 40
    assert orders.get('ORD-0001').status == orders_pb2.CANCELLED


def test_unknown_order(orders):
    for call in (orders.get, orders.cancel, orders.history):
        with pytest.raises(grpc.RpcError) as caught:
            call('ORD-7777')
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_cancel_releases(orders, inventory):
    orders.place('WALKER', [('LAMP-H', 3)])
    assert orders.cancel('ORD-0001').status == orders_pb2.CANCELLED
    assert inventory.available('LAMP-H') == 3
    assert orders.history('ORD-0001')[-1] == 'cancelled: by the customer'


def test_following_ends_at_the_deadline(orders):
    orders.place('WALKER', [('LAMP-H', 1)])
    events = [event.number for event in orders.follow('ORD-0001', seconds=1.0)]
    assert events == [1, 2, 3]


def test_many_orders_over_one_stream(orders):
    requests = [order_request('MAIL', [('BOOT-42', quantity)]) for quantity in (5, 5, 3)]
    outcomes = [(outcome.order_id, outcome.refusal) for outcome in orders.place_many(requests)]
    assert outcomes == [
        ('ORD-0001', ''),
        ('', 'FAILED_PRECONDITION: BOOT-42: 5 wanted, 3 available'),
        ('ORD-0003', ''),
    ]


def test_import(orders):
    summary = orders.import_file(['MAIL;STOVE-G;1\n', 'MAIL;YACHT;1\n'])
    assert (summary.placed, summary.refused, summary.total_pence) == (1, 1, 4575)


def test_flat_prices():
    lines = [orders_pb2.OrderLine(sku='LAMP-H', quantity=3)]
    assert prices.FlatPrices(250).total('STAFF', lines) == 750


def test_dead_inventory_is_unavailable(orders_stub, inventory_server):
    inventory_server.stop(None).wait()
    with pytest.raises(grpc.RpcError) as caught:
        orders_stub.PlaceOrder(order_request('WALKER', [('LAMP-H', 1)]), timeout=10)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    order = orders_stub.GetOrder(orders_pb2.OrderId(order_id='ORD-0001'), timeout=10)
    assert order.status == orders_pb2.CANCELLED


def test_order_line_is_readable(orders, orders_stub):
    orders.place('WALKER', [('LAMP-H', 1), ('ROPE-30', 2)])
    line = printing.order_line(
        orders_stub.GetOrder(orders_pb2.OrderId(order_id='ORD-0001'), timeout=10))
    assert line == 'ORD-0001  WALKER    CONFIRMED   204.48  1 x LAMP-H, 2 x ROPE-30'
