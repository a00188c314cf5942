# -*- coding: utf-8 -*-
"""How we open channels and make stubs."""
import grpc

from common import auth
from common import config
from protos import inventory_pb2_grpc
from protos import orders_pb2_grpc
from protos import pricing_pb2_grpc

_OPTIONS = (
    ('grpc.max_receive_message_length', 16 * 1024 * 1024),
    ('grpc.initial_reconnect_backoff_ms', 100),
)


class ServiceNotReady(Exception):
    """A service did not answer in time."""


def open_channel(address, caller):
    """A channel whose calls carry our API key. ``caller`` says who we are."""
    channel = grpc.insecure_channel(address, options=_OPTIONS)
    return grpc.intercept_channel(channel, auth.ClientHeaders(config.API_KEY, caller))


def wait_until_ready(channel, name, timeout=config.DEFAULT_TIMEOUT):
    """Blocks until the service behind ``channel`` accepts connections."""
    try:
        grpc.channel_ready_future(channel).result(timeout=timeout)
    except grpc.FutureTimeoutError:
        raise ServiceNotReady('%s is not there after %s s' % (name, timeout))


def inventory_stub(channel):
    return inventory_pb2_grpc.InventoryStub(channel)


def pricing_stub(channel):
    return pricing_pb2_grpc.PricingStub(channel)


def orders_stub(channel):
    return orders_pb2_grpc.OrdersStub(channel)
