import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


class Shell:
    def __init__(self, stub):
        self.stub = stub

    def do_ask(self, text):
        return self.stub.Ask(Request(text=text)).text

    def do_len(self, text):
        return len(text)

    def default(self, text):
        return "default"

    def run(self, line):
        name, _, rest = line.partition(" ")
        method = getattr(self, "do_" + name, self.default)
        return method(rest)

    def run_now(self, line):
        name, _, rest = line.partition(" ")
        return getattr(self, f"do_{name}")(rest)


class Visitor:
    def __init__(self, stub):
        self.stub = stub

    def visit(self, node):
        return getattr(self, f"visit_{type(node).__name__}")(node)

    def visit_str(self, node):
        return self.stub.Ask(Request(text=node)).text

    def visit_int(self, node):
        return self.stub.Ask(Request(number=node)).number

    def visit_list(self, node):
        return [self.visit(child) for child in node]


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)
        record("run", [Shell(stub).run(line) for line in ("ask a", "len abc", "x y")])
        record("now", [Shell(stub).run_now(line) for line in ("ask a", "len abc")])
        record("visit", Visitor(stub).visit(["a", 1, ["b"]]))
