# -*- coding: utf-8 -*-
"""How the order desk prints things."""
from protos import orders_pb2


def heading(text):
    print()
    print('== %s' % text)


def pounds(pence):
    return '%d.%02d' % (pence // 100, pence % 100)


def order_line(order):
    """An order in one line."""
    articles = ', '.join('%d x %s' % (line.quantity, line.sku) for line in order.lines)
    return '%s  %-9s %-9s %8s  %s' % (
        order.order_id, order.customer, orders_pb2.Status.Name(order.status),
        pounds(order.total_pence), articles)


def stock_line(level):
    return '%-8s %3d available %3d reserved' % (level.sku, level.available, level.reserved)
