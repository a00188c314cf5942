from tests.protos.exchange_pb2 import Request


def ask(stub, depth):
    from right import ask as other

    if depth == 0:
        return stub.Ask(Request(text="end")).text
    return other(stub, depth - 1)
