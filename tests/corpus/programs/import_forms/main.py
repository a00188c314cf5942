# shape: imports
# async: Client.ask main prices watch_all declared guessed
# cuts: GB712
"""One client behind every way to import it: re-exports, stars, relative imports, namespaces, stub files."""

import sys
import types

import grpc as g

import regions.europe.prices as european
from shop import *
from shop import guess
from tests.corpus.peers import serving
from tests.protos import exchange_pb2, exchange_pb2_grpc


def make_stub(channel):
    return exchange_pb2_grpc.ExchangeStub(channel)


def install():
    """Two modules of which the codemod sees a stub file, and nothing."""
    compiled = types.ModuleType("compiled")
    vars(compiled).update(stub_of=make_stub)
    sys.modules["compiled"] = compiled
    sys.modules["faraway_pb2_grpc"] = exchange_pb2_grpc


def declared(channel):
    import compiled

    return compiled.stub_of(channel).Ask(exchange_pb2.Request(text="declared")).text


def main(record):
    install()
    with serving() as target, g.insecure_channel(target) as channel:
        client = connect(channel)
        record("asked", client.ask("re-exported"))
        record("watched", watch_all(client, 3))
        record("prices", european.prices(client, ["oslo", "rome"]))
        record("declared", declared(channel))
        record("guessed", guess.guessed(channel))
        try:
            client.ask("refused", -1)
        except g.RpcError as error:
            record("refused", error)
