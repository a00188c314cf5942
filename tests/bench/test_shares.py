"""What perf reports, by whose it is."""

from __future__ import annotations

import pytest

from bench.scenarios.shares import shares

REPORT = """
# Overhead  Shared Object
    40.00%  /usr/lib/python3/site-packages/grpc/_cython/cygrpc.cpython-311-x86_64-linux-gnu.so
    20.50%  [kernel.kallsyms]
     0.50%  [vdso]
    20.00%  /usr/lib/libpython3.11.so.1.0
     4.00%  /home/me/grpc_bridge/_cy/handoff.cpython-311-x86_64-linux-gnu.so
     1.00%  /home/me/grpc_bridge/_cy/ccore/port.cpython-311-x86_64-linux-gnu.so
    10.00%  /usr/lib/x86_64-linux-gnu/libc.so.6
     4.00%  /usr/lib/python3.11/lib-dynload/_asyncio.cpython-311-x86_64-linux-gnu.so
"""


def test_shared_objects_belong_to_somebody() -> None:
    expected = {"c-core": 0.4, "kernel": 0.21, "python": 0.24, "ours": 0.05, "libc": 0.1}
    assert shares(REPORT) == pytest.approx(expected)


def test_a_report_without_samples_has_no_shares() -> None:
    assert shares("# nothing\n") == {}
