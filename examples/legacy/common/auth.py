# -*- coding: utf-8 -*-
"""The API key: put on by every client, checked by every server."""
import collections
import itertools
import logging

import grpc

from common import config

LOG = logging.getLogger(__name__)

KEY_HEADER = 'x-api-key'
REQUEST_ID_HEADER = 'x-request-id'


class _CallDetails(
        collections.namedtuple(
            '_CallDetails',
            ('method', 'timeout', 'metadata', 'credentials', 'wait_for_ready', 'compression')),
        grpc.ClientCallDetails):
    """grpc gives us an interface only, so we need our own tuple to change the metadata."""


class ClientHeaders(grpc.UnaryUnaryClientInterceptor,
                    grpc.UnaryStreamClientInterceptor,
                    grpc.StreamUnaryClientInterceptor,
                    grpc.StreamStreamClientInterceptor):
    """Adds the API key and a numbered request id to every call of a channel."""

    def __init__(self, api_key, caller):
        self._api_key = api_key
        self._caller = caller
        self._numbers = itertools.count(1)

    def _with_headers(self, details):
        metadata = list(details.metadata or ())
        metadata.append((KEY_HEADER, self._api_key))
        metadata.append((REQUEST_ID_HEADER, '%s-%04d' % (self._caller, next(self._numbers))))
        return _CallDetails(
            details.method, details.timeout, metadata, details.credentials,
            details.wait_for_ready, details.compression)

    def intercept_unary_unary(self, continuation, client_call_details, request):
        return continuation(self._with_headers(client_call_details), request)

    def intercept_unary_stream(self, continuation, client_call_details, request):
        return continuation(self._with_headers(client_call_details), request)

    def intercept_stream_unary(self, continuation, client_call_details, request_iterator):
        return continuation(self._with_headers(client_call_details), request_iterator)

    def intercept_stream_stream(self, continuation, client_call_details, request_iterator):
        return continuation(self._with_headers(client_call_details), request_iterator)


def _refuse(request, context):
    context.abort(grpc.StatusCode.UNAUTHENTICATED, 'a valid %s is required' % KEY_HEADER)


class KeyCheck(grpc.ServerInterceptor):
    """Turns away calls that carry no API key, or the wrong one."""

    def __init__(self, api_key=config.API_KEY):
        self._api_key = api_key
        self._refusal = grpc.unary_unary_rpc_method_handler(_refuse)

    def intercept_service(self, continuation, handler_call_details):
        headers = dict(handler_call_details.invocation_metadata)
        if headers.get(KEY_HEADER) != self._api_key:
            LOG.warning('refused %s: no valid key', handler_call_details.method)
            return self._refusal
        LOG.info('%s [%s]', handler_call_details.method, headers.get(REQUEST_ID_HEADER))
        return continuation(handler_call_details)


def request_id(context):
    """The id that the caller gave to the call that ``context`` belongs to."""
    for key, value in context.invocation_metadata():
        if key == REQUEST_ID_HEADER:
            return value
    return ''
