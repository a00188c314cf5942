# shape: odd
# async: Client._logged.inner Client.get Client.logged Front.Collect Node.depth Node.total Node.walk Session.__aenter__ Session.__aexit__ Visitor.visit Visitor.visit_int Visitor.visit_list Visitor.visit_str _limited again aio_ask aio_watch ask ask ask both channel_in_stack gathered in_pool in_thread logged.async_wrapper main main main main main main main main main main main main main main main main main main main main main main printed retry.wrapper session stream suppressed to_thread
# stays: <lambda> Ask.__call__ Asks.ask Client._ Client._call Client.ask Client.both Client.close Client.price Client.put Client.title Front.Ask Front.Watch Pages.__iter__ Pages.__next__ Replies.__iter__ Rows.__iter__ Session.__enter__ Session.__exit__ Session.ask Shell.do_ask Shell.run Shell.run_now _list ask ask_one ask_two asked by_globals cached feed first held in_pool is_b items listed main mapped numbers other run show taken use watch work wrapper write
# cuts: GB402 GB406 GB503 GB702 GB703 GB705 GB706 GB715 GB716 GB717 GB720
"""Constructs that seldom meet, each in a module of its own."""

import shape_aio_beside
import shape_blocking_requests
import shape_call_handed
import shape_closing_client
import shape_command_dispatch
import shape_decorated_in_executor
import shape_decorated_submit
import shape_dispatch
import shape_existing_async
import shape_exit_stack
import shape_functools
import shape_generator_close
import shape_generator_wrapper_both
import shape_iter_sentinel
import shape_iter_stream_cut
import shape_iterator_handed
import shape_lambdas_later
import shape_manager_as_decorator
import shape_maps
import shape_module_lookup
import shape_operator
import shape_optional_callback
import shape_partialmethod
import shape_retry_optional_args
import shape_servicer_mixin
import shape_suppress
import shape_thread_mixed
import shape_tree


def main(record):
    shape_aio_beside.main(record)
    shape_blocking_requests.main(record)
    shape_call_handed.main(record)
    shape_closing_client.main(record)
    shape_command_dispatch.main(record)
    shape_decorated_in_executor.main(record)
    shape_decorated_submit.main(record)
    shape_dispatch.main(record)
    shape_existing_async.main(record)
    shape_exit_stack.main(record)
    shape_functools.main(record)
    shape_generator_close.main(record)
    shape_generator_wrapper_both.main(record)
    shape_iter_sentinel.main(record)
    shape_iter_stream_cut.main(record)
    shape_iterator_handed.main(record)
    shape_lambdas_later.main(record)
    shape_manager_as_decorator.main(record)
    shape_maps.main(record)
    shape_module_lookup.main(record)
    shape_operator.main(record)
    shape_optional_callback.main(record)
    shape_partialmethod.main(record)
    shape_retry_optional_args.main(record)
    shape_servicer_mixin.main(record)
    shape_suppress.main(record)
    shape_thread_mixed.main(record)
    shape_tree.main(record)
