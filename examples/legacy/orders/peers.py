# -*- coding: utf-8 -*-
"""The services that the orders service needs.

One channel each for the whole process: a channel may be used from all worker threads.
"""
from common import channels
from common import config
from inventory.client import InventoryClient
from pricing.client import PricingClient

inventory_channel = channels.open_channel(config.address_of('inventory'), 'orders')
pricing_channel = channels.open_channel(config.address_of('pricing'), 'orders')

inventory = InventoryClient(inventory_channel)
pricing = PricingClient(pricing_channel)


def wait_for_all():
    channels.wait_until_ready(inventory_channel, 'inventory')
    channels.wait_until_ready(pricing_channel, 'pricing')
