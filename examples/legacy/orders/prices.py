# -*- coding: utf-8 -*-
"""Where the price of an order comes from.

Most customers get a quote for the whole basket. Contract customers have a price per article
and no basket discount. Staff pay the same for everything.
"""


class FlatPrices(object):
    """One price for every article."""

    def __init__(self, pence):
        self._pence = pence

    def unit_price(self, customer, sku):
        return self._pence

    def total(self, customer, lines):
        """The price of ``lines`` in pence."""
        total = 0
        for line in lines:
            total += self.unit_price(customer, line.sku) * line.quantity
        return total


class ContractPrices(FlatPrices):
    """What was agreed with the customer, article by article."""

    def __init__(self, pricing):
        super(ContractPrices, self).__init__(0)
        self._pricing = pricing

    def unit_price(self, customer, sku):
        return self._pricing.get_price(customer, sku)


class QuotedPrices(ContractPrices):
    """The list price, less what the basket as a whole gets off."""

    def total(self, customer, lines):
        if len(lines) == 1 and lines[0].quantity == 1:
            # one thing is no basket
            return super(QuotedPrices, self).total(customer, lines)
        return self._pricing.quote(customer, lines).total_pence


class PriceBook(object):
    """Finds the right source for a customer."""

    STAFF_PENCE = 1000

    def __init__(self, pricing, contract_customers=('HIGHLAND', 'SCOUTS')):
        self._contract_customers = contract_customers
        self._contract = ContractPrices(pricing)
        self._quoted = QuotedPrices(pricing)
        self._staff = FlatPrices(self.STAFF_PENCE)

    def source_for(self, customer):
        if customer == 'STAFF':
            return self._staff
        if customer in self._contract_customers:
            return self._contract
        return self._quoted

    def total(self, customer, lines):
        return self.source_for(customer).total(customer, lines)
