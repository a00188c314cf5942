"""A channel that a program used before it forked serves the parent and every child, in both colours.

Four children at once, made as `os.fork`, `multiprocessing` and a prefork server make them; each call
answers within five seconds; a child has a connection and a background loop of its own; no environment
variable is set.
"""

from __future__ import annotations

import pytest

from .conftest import Run

pytestmark = pytest.mark.timeout(90)

USES = """
    import asyncio, os, signal, sys, threading, time, traceback
    import grpc_bridge as grpc
    from tests.protos import exchange_pb2_grpc
    from tests.protos.exchange_pb2 import Request
    from tests.users.conftest import connections

    target = sys.argv[1]
    before = sys.argv[2]
    channel = grpc.insecure_channel(target)
    stub = exchange_pb2_grpc.ExchangeStub(channel)
    parent = os.getpid()

    def quick(use):
        began = time.monotonic()
        outcome = use()
        assert time.monotonic() - began < 5, use
        return outcome

    def in_thread():
        quick(lambda: stub.Ask(Request()))
        assert stub.Ask(Request(text="sync")).text == "SYNC"
        assert [reply.number for reply in stub.Watch(Request(number=3))] == [0, 1, 2]
        assert stub.Collect(iter([Request(number=2)] * 2)).number == 4
        assert [reply.number for reply in stub.Talk(iter([Request(number=2)]))] == [4]

    async def in_coroutine():
        began = time.monotonic()
        assert (await stub.Ask(Request(text="async"))).text == "ASYNC"
        assert [reply.number async for reply in stub.Watch(Request(number=3))] == [0, 1, 2]
        assert (await stub.Collect(iter([Request(number=2)] * 2))).number == 4
        assert [reply.number async for reply in stub.Talk([Request(number=2)])] == [4]
        assert time.monotonic() - began < 5

    async def thread_of_loop():
        assert (await stub.Ask(Request(text="run"))).text == "RUN"
        return threading.get_native_id()

    def use(order="sync async"):
        for colour in order.split():
            in_thread() if colour == "sync" else asyncio.run(in_coroutine())
        return quick(lambda: grpc.run(thread_of_loop()))

    def use_in_child():
        # Both orders: whichever colour comes first makes the connection.
        loop_thread = use("sync async" if os.getpid() % 2 else "async sync")
        assert os.path.exists(f"/proc/{os.getpid()}/task/{loop_thread}"), "it ran on a loop of the parent's"

    def child(work):
        # As os.fork leaves it to the program: what the child does, and that it ends there.
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)

    if before == "used":
        use()
    elif before == "used in a thread":
        in_thread()
    elif before == "used in a loop":
        asyncio.run(in_coroutine())
"""

OS_FORK = (
    USES
    + """
    pids = []
    for _ in range(4):
        pid = os.fork()
        if not pid:
            child(use_in_child)
        pids.append(pid)
    use()
    print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids])
    use()
    """
)

MULTIPROCESSING = (
    USES
    + """
    import multiprocessing
    forking = multiprocessing.get_context("fork")
    children = [forking.Process(target=use_in_child) for _ in range(4)]
    for process in children:
        process.start()
    use()
    for process in children:
        process.join(25)
    print([process.exitcode for process in children])
    use()
    """
)

POOL = (
    USES
    + """
    import multiprocessing

    def work(number):
        use_in_child()
        return stub.Ask(Request(number=number)).number - number

    with multiprocessing.get_context("fork").Pool(4) as pool:
        print(pool.map_async(work, range(4), chunksize=1).get(25))
    use()
    """
)

# An arbiter that forks workers with an application loaded, feeds them over a socket that it has opened, and
# replaces one that is killed; workers end when they are told to.
PREFORK = (
    USES
    + """
    import socket

    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()

    def worker():
        asked_to_end = False

        def end(*_):
            nonlocal asked_to_end
            asked_to_end = True
            listener.close()

        signal.signal(signal.SIGTERM, end)
        listener.settimeout(20)
        while not asked_to_end:
            try:
                connection, _ = listener.accept()
            except OSError:
                break
            with connection:
                use_in_child()
                connection.sendall(str(os.getpid()).encode())

    def spawn():
        pid = os.fork()
        if not pid:
            child(worker)
        workers.append(pid)

    def ask():
        with socket.create_connection(address, timeout=20) as connection:
            return int(connection.recv(100) or 0)

    workers = []
    for _ in range(4):
        spawn()
    answered = {ask() for _ in range(12)}
    assert answered <= set(workers), answered
    use()
    killed = workers.pop(0)
    os.kill(killed, signal.SIGKILL)
    assert os.waitpid(killed, 0) == (killed, signal.SIGKILL)
    spawn()
    answered = {ask() for _ in range(12)}
    assert answered <= set(workers), answered
    for pid in workers:
        os.kill(pid, signal.SIGTERM)
    print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in workers])
    use()
    """
)

GRANDCHILD = (
    USES
    + """
    def fork_again():
        use_in_child()
        pid = os.fork()
        if not pid:
            child(use_in_child)
        use_in_child()
        assert os.waitpid(pid, 0)[1] == 0

    pids = []
    for _ in range(4):
        pid = os.fork()
        if not pid:
            child(fork_again)
        pids.append(pid)
    print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids])
    use()
    """
)

# Children that stay, so that the connections of all five can be counted.
CONNECTIONS = (
    USES
    + """
    held, release = os.pipe()
    done, ready = os.pipe()

    def stay():
        use_in_child()
        os.write(ready, b".")
        os.close(release)
        os.read(held, 1)

    pids = []
    for _ in range(4):
        pid = os.fork()
        if not pid:
            child(stay)
        pids.append(pid)
    for _ in pids:
        assert os.read(done, 1) == b"."
    use()
    print(connections(target))
    os.close(release)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0, 0, 0, 0]
    """
)

PROGRAMS = {
    "os.fork": OS_FORK,
    "multiprocessing": MULTIPROCESSING,
    "multiprocessing pool": POOL,
    "prefork server": PREFORK,
    "grandchildren": GRANDCHILD,
}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("before", ["used", "used in a thread", "used in a loop", "unused"])
def test_parent_and_children_are_answered(
    run_program: Run, remote_target: str, program: str, before: str
) -> None:
    assert run_program(PROGRAMS[program], remote_target, before, timeout=60) == "[0, 0, 0, 0]\n"


def test_each_process_has_one_connection_of_its_own(run_program: Run, remote_target: str) -> None:
    assert run_program(CONNECTIONS, remote_target, "used", timeout=60) == "5\n"


# An application that is served by this package's own server in the parent, as a worker's test does. A fork
# copies what C-core's threads are about to do: the child would do it too, on the parent's connections. So
# the server has nothing to do while another child is made (docs/differences.md).
WITH_A_SERVER = (
    USES
    + """
    from tests.conftest import AsyncEcho

    server = grpc.server()
    exchange_pb2_grpc.add_ExchangeServicer_to_server(AsyncEcho(), server)
    target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    channel = grpc.insecure_channel(target)
    stub = exchange_pb2_grpc.ExchangeStub(channel)
    use()
    all_made, release = os.pipe()
    pids = []
    for _ in range(4):
        ready, tell = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(release)
            def work():
                use_in_child()
                os.write(tell, b"!")
                os.read(all_made, 1)
                use_in_child()
            child(work)
        os.close(tell)
        os.read(ready, 1)
        pids.append(pid)
    os.close(release)
    use()
    print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids])
    channel.close()
    server.stop(None).wait(20)
    """
)


def test_children_call_a_server_that_the_parent_runs(run_program: Run, remote_target: str) -> None:
    assert run_program(WITH_A_SERVER, remote_target, "unused", timeout=60) == "[0, 0, 0, 0]\n"
