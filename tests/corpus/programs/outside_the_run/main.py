# shape: outside
# async: Client.watch main
# stays: Client.ask connect
# cuts: GB402 GB405 GB503 GB710
# outside: legacy.py
"""A file that is not in the run calls what is: that stays sync, and coroutines call it in a thread."""

import threading

import grpc

from client import Client, connect
from legacy import nightly, report
from tests.corpus.peers import serving


def main(record):
    with serving() as target, grpc.insecure_channel(target) as channel:
        client = connect(channel)
        record("asked", client.ask("directly"))
        record("watched", client.watch(3))
        record("reported", report(client, ["a", "b"]))
        answers = []
        thread = threading.Thread(target=nightly, args=(channel, answers))
        thread.start()
        thread.join()
        record("nightly", answers)
        try:
            report(client, ["bad"], -1)
        except grpc.RpcError as error:
            record("refused", error.code())
