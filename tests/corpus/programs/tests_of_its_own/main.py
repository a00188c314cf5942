# shape: 19
# async: Billing.charge Billing.history stub test_charge test_history test_declined test_fake_channel
# stays:
# cuts: GB402
"""pytest's fixtures that yield a stub, grpc_testing's fake channel and fake server."""

import os
import sys

import pytest


class Told:
    """Says what became of each test, and nothing that is not the same in every run."""

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            print(report.nodeid.partition("::")[2], report.outcome, report.longreprtext)


if __name__ == "__main__":
    folder = os.path.dirname(os.path.abspath(__file__))
    quiet = ["-p", "no:terminal", "-p", "no:cacheprovider", "-c", os.devnull, f"--rootdir={folder}"]
    quiet += ["-o", "asyncio_default_fixture_loop_scope=function"]
    sys.exit(pytest.main([folder, *quiet], plugins=[Told()]))
