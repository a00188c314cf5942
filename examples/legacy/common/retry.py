# -*- coding: utf-8 -*-
"""Try again, but only where trying again can help."""
import logging
import time

import grpc

from common import config

LOG = logging.getLogger(__name__)

_WORTH_RETRYING = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
)


def call_with_retry(method, request, attempts=4, pause=0.05, on_retry=None):
    """Calls ``method`` until it works, fails for good, or was tried ``attempts`` times.

    ``on_retry(attempt, code)`` is told about every failure that is tried again.
    """
    for attempt in range(1, attempts + 1):
        try:
            return method(request, timeout=config.DEFAULT_TIMEOUT)
        except grpc.RpcError as error:
            if attempt == attempts or error.code() not in _WORTH_RETRYING:
                raise
            LOG.info('attempt %d: %s, trying again', attempt, error.code())
            if on_retry is not None:
                on_retry(attempt, error.code())
            time.sleep(pause * attempt)
