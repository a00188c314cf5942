# -*- coding: utf-8 -*-
import threading

import grpc
import pytest

from cli import watcher
from protos import inventory_pb2


def test_get_stock(inventory_stub):
    level = inventory_stub.GetStock(inventory_pb2.StockRequest(sku='LAMP-H'), timeout=10)
    assert (level.available, level.reserved) == (3, 0)


def test_unknown_article_is_not_found(inventory_stub):
    with pytest.raises(grpc.RpcError) as caught:
        inventory_stub.GetStock(inventory_pb2.StockRequest(sku='SAW-1'), timeout=10)
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    assert caught.value.details() == 'SAW-1: no such article'


def test_client_returns_none_for_an_unknown_article(inventory):
    assert inventory.get_stock('SAW-1') is None
    assert inventory.available('SAW-1') == 0


def test_list_is_in_order(inventory_stub):
    request = inventory_pb2.ListStockRequest(prefix='TENT')
    skus = [level.sku for level in inventory_stub.ListStock(request, timeout=10)]
    assert skus == ['TENT-2P', 'TENT-4P']


def test_list_is_complete(inventory_stub):
    levels = list(inventory_stub.ListStock(inventory_pb2.ListStockRequest(), timeout=10))
    assert len(levels) == 6


def test_running_low(inventory):
    assert [level.sku for level in inventory.running_low(5)] == ['LAMP-H', 'TENT-4P']


def test_reserve_and_release(inventory):
    assert inventory.reserve('ORD-1', 'ROPE-30', 15) == 'RSV-0001'
    assert inventory.reserve('ORD-1', 'BOOT-42', 1) == 'RSV-0002'
    level = inventory.get_stock('ROPE-30')
    assert (level.available, level.reserved) == (25, 15)
    assert inventory.release('ORD-1') == 2
    assert inventory.available('ROPE-30') == 40


def test_reserving_too_much(inventory):
    with pytest.raises(grpc.RpcError) as caught:
        inventory.reserve('ORD-1', 'LAMP-H', 4)
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION


def test_delivery_with_a_bad_line_books_nothing(inventory):
    before = inventory.items_on_shelves()
    with pytest.raises(grpc.RpcError) as caught:
        inventory.receive([('ROPE-30', 5), ('ROPE-30', 0)])
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert inventory.items_on_shelves() == before


def test_delivery(inventory):
    receipt = inventory.receive([('KETTLE', 6), ('LAMP-H', 1)])
    assert (receipt.lines, receipt.items) == (2, 7)
    assert inventory.available('KETTLE') == 6


def test_audit_reports_differences_only(inventory):
    assert inventory.audit({'ROPE-30': 40, 'LAMP-H': 2, 'TENT-4P': 5}) == [('LAMP-H', 3, 2)]


def test_first_articles_leaves_the_rest(inventory):
    assert inventory.first_articles(3) == ['BOOT-42', 'LAMP-H', 'ROPE-30']


def test_two_threads_share_a_channel(inventory):
    reserved = []

    def reserve(number):
        for _ in range(10):
            reserved.append(inventory.reserve('ORD-%d' % number, 'ROPE-30', 1))

    threads = [threading.Thread(target=reserve, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(set(reserved)) == 20
    assert inventory.available('ROPE-30') == 20


def test_watcher_raises_the_alarm(inventory):
    watching = watcher.StockWatcher(inventory, 'STOVE-G', minimum=15)
    watching.start()
    inventory.reserve('ORD-1', 'STOVE-G', 6)
    assert watching.join(10)
    assert watching.alarm == 'STOVE-G: only 14 left'
    assert watching.looks >= 1


@pytest.mark.parametrize('key', [None, 'wrong'])
def test_a_key_is_required(inventory_address, key):
    metadata = (('x-api-key', key),) if key else None
    with grpc.insecure_channel(inventory_address) as channel:
        get_stock = channel.unary_unary(
            '/northmoor.inventory.Inventory/GetStock',
            request_serializer=inventory_pb2.StockRequest.SerializeToString,
            response_deserializer=inventory_pb2.StockLevel.FromString)
        with pytest.raises(grpc.RpcError) as caught:
            get_stock(inventory_pb2.StockRequest(sku='LAMP-H'), timeout=10, metadata=metadata)
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
