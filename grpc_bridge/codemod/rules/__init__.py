"""The rules, one file each; in the order in which their edits are made."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

from . import (
    assumed_arity,
    async_annotations,
    async_context_manager,
    async_def,
    async_for,
    async_lock,
    async_mock,
    async_protocol,
    async_queue,
    async_sleep,
    async_with,
    await_call,
    await_next,
    await_result,
    await_rpc,
    call_in_thread,
    collect,
    context_abort,
    cut_atexit,
    cut_callback,
    cut_constructor,
    cut_decorator,
    cut_finalizer,
    cut_generator,
    cut_grpc_class,
    cut_kept,
    cut_lambda,
    cut_lock,
    cut_outside,
    cut_property,
    cut_protocol,
    cut_shared,
    cut_signal,
    cut_sort_key,
    cut_thread,
    cut_unknown_stub,
    entry_point,
    import_first,
    import_swap,
    needless_bridge,
    nested_run,
    pytest_fixture,
    pytest_test,
    run_bridge,
    send_receive,
    server_lifecycle,
    stream_tools,
    submodule_import,
    task_for_thread,
    unittest_case,
    wait_in_thread,
    yield_from,
)
from .base import Edit, Rule, View

MODULES: tuple[ModuleType, ...] = (
    import_first,
    # Before the rules for streams: it takes the call, the queue and the reads as a whole.
    send_receive,
    import_swap,
    submodule_import,
    async_def,
    async_annotations,
    # Before the rules for single calls: it takes `server.stop(grace).wait()` as a whole.
    server_lifecycle,
    await_rpc,
    await_result,
    needless_bridge,
    await_call,
    async_for,
    await_next,
    # What stands between a stream and its reader, before what takes both as a whole.
    stream_tools,
    collect,
    yield_from,
    async_with,
    async_context_manager,
    async_protocol,
    context_abort,
    async_sleep,
    # Before what waits in a thread: with asyncio's, nobody has to.
    async_queue,
    async_lock,
    task_for_thread,
    wait_in_thread,
    entry_point,
    nested_run,
    run_bridge,
    call_in_thread,
    pytest_test,
    pytest_fixture,
    unittest_case,
    async_mock,
    cut_protocol,
    cut_constructor,
    cut_finalizer,
    cut_property,
    cut_lambda,
    cut_sort_key,
    cut_signal,
    cut_atexit,
    cut_generator,
    cut_callback,
    cut_thread,
    cut_unknown_stub,
    cut_kept,
    cut_lock,
    cut_outside,
    cut_decorator,
    cut_shared,
    cut_grpc_class,
    assumed_arity,
)

RULES: tuple[Rule, ...] = tuple(sorted((module.RULE for module in MODULES), key=lambda rule: rule.id))


def edits(view: View) -> Iterator[Edit]:
    """Every edit that the rules ask for in one function."""
    for module in MODULES:
        yield from module.match(view)
