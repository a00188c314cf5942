# -*- coding: utf-8 -*-
"""Settings. Everything that differs between machines comes from the environment."""
import logging
import os
import sys

#: Seconds that an ordinary call may take.
DEFAULT_TIMEOUT = 10.0

#: Sent by every client and asked for by every server.
API_KEY = os.environ.get('ORDERDESK_API_KEY', 'northmoor-internal')

WORKERS = 10

_DEFAULT_ADDRESSES = {
    'orders': '127.0.0.1:7101',
    'inventory': '127.0.0.1:7102',
    'pricing': '127.0.0.1:7103',
}


def address_of(service):
    """Where a service listens: ``ORDERDESK_<SERVICE>``, or the usual port."""
    return os.environ.get('ORDERDESK_%s' % service.upper(), _DEFAULT_ADDRESSES[service])


def setup_logging():
    logging.basicConfig(
        stream=sys.stderr,
        level=os.environ.get('ORDERDESK_LOG', 'WARNING'),
        format='%(asctime)s %(levelname)-7s %(name)s: %(message)s')
