import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


def ask(stub, text):
    return stub.Ask(Request(text=text)).text


def upper(stub, text):
    return text.upper()


COMMANDS = {
    "ask": ask,
    "upper": upper,
    "lambda": lambda stub, text: ask(stub, text),
    "count": lambda stub, text: len(text),
}


def run(stub, name, text):
    command = COMMANDS.get(name)
    if command is None:
        return None
    return command(stub, text)


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("all", [run(stub, name, "a") for name in [*COMMANDS, "none"]])
        record("upper", upper(stub, "b"))
        record("ask", ask(stub, "c"))
