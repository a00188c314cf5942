from tests.protos.exchange_pb2 import Request


def leaf(stub, n):
    for reply in stub.Watch(Request(text="l", number=n)):
        yield reply.text + str(reply.number)
