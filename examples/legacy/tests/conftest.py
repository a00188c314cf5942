# -*- coding: utf-8 -*-
"""Real servers on a free port of this machine, a fresh set for every test."""
import os
import sys

import grpc
import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from common import channels  # noqa: E402
from inventory import server as inventory_main  # noqa: E402
from inventory.client import InventoryClient  # noqa: E402
from orders import server as orders_main  # noqa: E402
from orders.client import OrdersClient  # noqa: E402
from pricing import server as pricing_main  # noqa: E402
from pricing.client import PricingClient  # noqa: E402


def start(server):
    """Starts ``server`` and returns its address."""
    port = server.add_insecure_port('127.0.0.1:0')
    server.start()
    return '127.0.0.1:%d' % port


@pytest.fixture
def inventory_server():
    server = inventory_main.make_server()
    yield server
    server.stop(None).wait()


@pytest.fixture
def inventory_address(inventory_server):
    return start(inventory_server)


@pytest.fixture
def inventory_channel(inventory_address):
    channel = channels.open_channel(inventory_address, 'test')
    yield channel
    channel.close()


@pytest.fixture
def inventory_stub(inventory_channel):
    return channels.inventory_stub(inventory_channel)


@pytest.fixture
def inventory(inventory_channel):
    return InventoryClient(inventory_channel)


@pytest.fixture
def pricing_server():
    server = pricing_main.make_server()
    yield server
    server.stop(None).wait()


@pytest.fixture
def pricing_address(pricing_server):
    return start(pricing_server)


@pytest.fixture
def pricing_channel(pricing_address):
    with channels.open_channel(pricing_address, 'test') as channel:
        yield channel


@pytest.fixture
def pricing(pricing_channel):
    return PricingClient(pricing_channel)


@pytest.fixture
def orders_address(inventory, pricing):
    server = orders_main.make_server(inventory, pricing)
    yield start(server)
    server.stop(None).wait()


@pytest.fixture
def orders_channel(orders_address):
    with channels.open_channel(orders_address, 'test') as channel:
        grpc.channel_ready_future(channel).result(timeout=10)
        yield channel


@pytest.fixture
def orders_stub(orders_channel):
    return channels.orders_stub(orders_channel)


@pytest.fixture
def orders(orders_channel):
    return OrdersClient(orders_channel)
