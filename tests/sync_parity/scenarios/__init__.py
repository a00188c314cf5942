"""Parity scenarios: each module is a program written for grpcio, as a user would write it.

What the harness asks of one:

- `import grpc` on a line of its own, and stubs from `tests.protos`;
- `def main(record)`, which starts its own server on 127.0.0.1:0, and leaves nothing running;
- `record(name, value)` for whatever a user could observe: values, codes, details, metadata, errors, the order
  in which things happen. It may be called from anywhere, handlers and callbacks included;
- `STAYS_SYNC = "GBnnn"`, where the codemod is right to leave `main` as it is; it must say so under that rule;
- `COVERS`, a tuple of names without their `grpc.`, for the members that it is about; the ledger test holds
  it to that;
- classes derived from grpc's at the top of the module, where the ledger test can watch them;
- the same record on every run: wait for what happens elsewhere, and leave out what is a race on grpcio too.
"""
