# -*- coding: utf-8 -*-
"""What things cost, and for whom. All amounts in pence."""

LIST_PRICES = {
    'BOOT-42': 13900,
    'LAMP-H': 2450,
    'ROPE-30': 8999,
    'STOVE-G': 4575,
    'TENT-2P': 24900,
    'TENT-4P': 41900,
}

#: Per cent off, by customer.
CONTRACTS = {
    'HIGHLAND': 10,
    'SCOUTS': 15,
}

#: Baskets from this total get BASKET_DISCOUNT per cent off.
BASKET_THRESHOLD = 50000
BASKET_DISCOUNT = 5

#: We never go below this share of the list price, whoever asks.
FLOOR_PERCENT = 85


class UnknownPrice(Exception):
    pass


def list_price(sku):
    if sku not in LIST_PRICES:
        raise UnknownPrice('%s: no price' % sku)
    return LIST_PRICES[sku]


def has_contract(customer):
    return customer in CONTRACTS


def price_for(customer, sku):
    return list_price(sku) * (100 - CONTRACTS.get(customer, 0)) // 100


def basket_discount(total):
    if total < BASKET_THRESHOLD:
        return 0
    return total * BASKET_DISCOUNT // 100


def answer_offer(sku, offered, asked_before):
    """Our side of the haggling: ``(pence, accepted)``.

    ``asked_before`` is what we asked for last time, or None in the first round.
    """
    floor = list_price(sku) * FLOOR_PERCENT // 100
    if asked_before is None:
        asked_before = list_price(sku)
    if offered >= asked_before or offered >= floor:
        return offered, True
    return max(floor, (asked_before + offered) // 2), False
