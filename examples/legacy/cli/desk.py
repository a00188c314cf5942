# -*- coding: utf-8 -*-
"""A day at the order desk. ``python -m cli.desk`` plays it once and says what happened.

We run this against a fresh set of services before every release and compare the output with
expected_output.txt, so nothing in it may depend on time or chance.
"""
import logging
import sys

import grpc

from cli import printing
from cli import watcher
from common import channels
from common import config
from inventory.client import InventoryClient
from orders.client import OrdersClient
from orders.client import order_request
from pricing.client import PricingClient
from protos import inventory_pb2

LOG = logging.getLogger(__name__)

ORDERS = channels.open_channel(config.address_of('orders'), 'desk')
INVENTORY = channels.open_channel(config.address_of('inventory'), 'desk')
PRICING = channels.open_channel(config.address_of('pricing'), 'desk')


def show_refusal(what, error):
    print('%s: refused, %s: %s' % (what, error.code().name, error.details()))


class Desk(object):

    def __init__(self):
        self.orders = OrdersClient(ORDERS)
        self.inventory = InventoryClient(INVENTORY)
        self.pricing = PricingClient(PRICING)

    def wait_for_services(self):
        for name, channel in (('orders', ORDERS), ('inventory', INVENTORY), ('pricing', PRICING)):
            channels.wait_until_ready(channel, name)
            print('%s is there' % name)

    def morning(self):
        printing.heading('Stock in the morning')
        for level in self.inventory.list_stock():
            print(printing.stock_line(level))
        print('first on the list: %s' % ', '.join(self.inventory.first_articles(2)))
        for level in self.inventory.running_low(5):
            print('running low: %s' % level.sku)

        printing.heading('Deliveries')
        receipt = self.inventory.receive([('LAMP-H', 10), ('TENT-4P', 3), ('KETTLE', 6)])
        print('%d lines, %d items' % (receipt.lines, receipt.items))
        try:
            self.inventory.receive([('ROPE-30', 5), ('ROPE-30', -5)])
        except grpc.RpcError as error:
            show_refusal('second delivery', error)
        print('items on the shelves: %d' % self.inventory.items_on_shelves())
        print('saws: %s' % self.inventory.get_stock('SAW-1'))

    def prices(self):
        printing.heading('Prices')
        for sku, pence in sorted(self.pricing.price_list().items()):
            print('%-8s %8s' % (sku, printing.pounds(pence)))

        def say_retry(attempt, code):
            print('attempt %d: %s, trying again' % (attempt, code.name))

        pence = self.pricing.get_price('HIGHLAND', 'TENT-2P', on_retry=say_retry)
        print('for HIGHLAND: %s' % printing.pounds(pence))
        for customer in ('WALKER', 'SCOUTS'):
            print('%s: %s (%s)' % ((customer,) + self._price_and_band(customer, 'STOVE-G')))
        at_once = self.pricing.prices_at_once('WALKER', ['BOOT-42', 'KETTLE', 'ROPE-30'])
        for sku in sorted(at_once):
            print('%s: %s' % (sku, 'no price' if at_once[sku] is None
                              else printing.pounds(at_once[sku])))

    def _price_and_band(self, customer, sku):
        pence, band = self.pricing.price_with_band(customer, sku)
        return printing.pounds(pence), band

    def haggle(self):
        printing.heading('Haggling over a tent')
        for offer, answer, accepted in self.pricing.negotiate('TENT-4P', [20000, 30000, 36000]):
            print('offered %s: %s %s' % (
                printing.pounds(offer), 'agreed at' if accepted else 'we ask',
                printing.pounds(answer)))

    def over_the_counter(self):
        printing.heading('Orders')
        order, receipt = self.orders.place_with_receipt(
            'WALKER', [('TENT-2P', 1), ('STOVE-G', 2), ('ROPE-30', 3)])
        print(printing.order_line(order))
        for key in sorted(receipt):
            print('  %s: %s' % (key, receipt[key]))
        print(printing.order_line(self.orders.place('HIGHLAND', [('TENT-2P', 4)])))
        print(printing.order_line(self.orders.place('STAFF', [('LAMP-H', 2)])))
        self._try_to_place('GREEDY', [('ROPE-30', 1), ('TENT-4P', 50)])
        self._try_to_place('DREAMER', [('YACHT', 1)])
        self._try_to_place('NOBODY', [])
        self._try_to_place('COOK', [('KETTLE', 2)])
        print(printing.order_line(self.orders.get('ORD-0001')))
        try:
            self.orders.get('ORD-9999')
        except grpc.RpcError as error:
            show_refusal('looking for ORD-9999', error)

    def _try_to_place(self, customer, lines):
        try:
            order = self.orders.place(customer, lines)
        except grpc.RpcError as error:
            show_refusal(customer, error)
            return None
        print(printing.order_line(order))
        return order

    def mail_order(self):
        printing.heading('Mail order')
        requests = [order_request(*order) for order in (
            ('MAIL-1', [('BOOT-42', 1)]),
            ('MAIL-2', [('BOOT-42', 9)]),
            ('SCOUTS', [('TENT-4P', 3), ('LAMP-H', 3)]),
        )]
        for number, outcome in enumerate(self.orders.place_many(requests), 1):
            print('%d: %s' % (number, outcome.refusal or '%s %s' % (
                outcome.order_id, printing.pounds(outcome.total_pence))))
        summary = self.orders.import_file([
            'MAIL-3;STOVE-G;5',
            'MAIL-4;TENT-2P;99',
            'MAIL-5;BOOT-42;2',
        ])
        print('imported: %d placed, %d refused, %s in all' % (
            summary.placed, summary.refused, printing.pounds(summary.total_pence)))

    def watch_while_selling(self):
        printing.heading('Watching the lamps')
        lamps = watcher.StockWatcher(self.inventory, 'LAMP-H', minimum=5)
        lamps.start()
        for customer in ('EARLY', 'LATE'):
            self._try_to_place(customer, [('LAMP-H', 2)])
        if not lamps.join(config.DEFAULT_TIMEOUT):
            lamps.stop()
        print('alarm: %s' % lamps.alarm)

    def second_thoughts(self):
        printing.heading('Second thoughts')
        print(printing.order_line(self.orders.cancel('ORD-0002')))
        for what in self.orders.history('ORD-0002'):
            print('  %s' % what)
        for event in self.orders.follow('ORD-0001', seconds=1.0):
            print('following ORD-0001: %d %s' % (event.number, event.what))

    def evening(self):
        printing.heading('Stocktaking')
        counts = {level.sku: level.available for level in self.inventory.list_stock()}
        counts['ROPE-30'] -= 1
        counts['STOVE-G'] += 2
        for sku, expected, counted in self.inventory.audit(counts):
            print('%s: %d in the books, %d counted' % (sku, expected, counted))

    def day(self):
        self.wait_for_services()
        self.morning()
        self.prices()
        self.haggle()
        self.over_the_counter()
        self.mail_order()
        self.watch_while_selling()
        self.second_thoughts()
        self.evening()


def try_without_key():
    """The services must not answer a caller that has no key."""
    printing.heading('Without a key')
    with grpc.insecure_channel(config.address_of('inventory')) as channel:
        stub = channels.inventory_stub(channel)
        try:
            stub.GetStock(
                inventory_pb2.StockRequest(sku='TENT-2P'), timeout=config.DEFAULT_TIMEOUT)
            print('answered!')
        except grpc.RpcError as error:
            show_refusal('a stranger', error)


def main():
    config.setup_logging()
    try:
        Desk().day()
        try_without_key()
    except grpc.RpcError as error:
        LOG.error('%s: %s', error.code(), error.details())
        return 1
    except channels.ServiceNotReady as error:
        LOG.error('%s', error)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
