import copy
import dataclasses

import grpc

from tests.corpus.peers import serving
from tests.protos.exchange_pb2 import Request
from tests.protos.exchange_pb2_grpc import ExchangeStub


@dataclasses.dataclass(frozen=True)
class Client:
    stub: object
    name: str = "n"

    def ask(self, text):
        return self.stub.Ask(Request(text=text + self.name)).text


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        stub = ExchangeStub(channel)

        def ask(n, _stub=stub, *, _ask=stub.Ask):
            return _stub.Ask(Request(number=n)).number + _ask(Request(number=n)).number

        client = Client(stub)
        record("copy", copy.copy(client).ask("a"))
        record("replace", dataclasses.replace(client, name="m").ask("b"))
        record("default", ask(2))
        record("fields", [f.name for f in dataclasses.fields(client)])
