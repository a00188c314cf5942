"""A client and a servicer."""

import grpc

from tests.protos.exchange_pb2 import Reply, Request
from tests.protos.exchange_pb2_grpc import ExchangeServicer


class Billing:
    def __init__(self, stub):
        self.stub = stub

    def charge(self, name, amount):
        try:
            return self.stub.Ask(Request(text=name, number=amount)).number
        except grpc.RpcError as error:
            return error.code().name

    def history(self, number):
        return [reply.number for reply in self.stub.Watch(Request(number=number))]


class Desk(ExchangeServicer):
    def Ask(self, request, context):
        if request.number < 0:
            context.abort(grpc.StatusCode.OUT_OF_RANGE, "below zero")
        return Reply(text=request.text, number=request.number * 2)
