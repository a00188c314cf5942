# shape: odd
# async: Client.ask Client.ask Client.get Client.number Client.run Fake.Ask Fake.Ask Fake.Watch Numbers.parse Pair.both Repository.all Repository.load Repository.parse Texts.parse any_of ask ask ask by_config counter.ask counter.ask.inner drain find get head kind main main main main main main main main main main main main main main main raising run test_like use watch
# stays: <lambda> Traced.ask ask asked batched doubled evens forward local main numbers run shout source
# cuts: GB503 GB702 GB706 GB720
"""Constructs that seldom meet, each in a module of its own."""

import shape_containers
import shape_context_vars
import shape_fake_or_stub
import shape_fstring_nest
import shape_function_attributes
import shape_futures
import shape_generator_pipeline
import shape_generics
import shape_global_replaced
import shape_import_error
import shape_inherit_stub
import shape_logging_args
import shape_loops_else
import shape_match
import shape_nonlocal
import shape_overload_alias
import shape_resume_stream
import shape_star_args
import shape_stream_tools
import shape_typed_dict
import shape_walrus


def main(record):
    shape_containers.main(record)
    shape_context_vars.main(record)
    shape_fake_or_stub.main(record)
    shape_fstring_nest.main(record)
    shape_function_attributes.main(record)
    shape_futures.main(record)
    shape_generator_pipeline.main(record)
    shape_generics.main(record)
    shape_global_replaced.main(record)
    shape_import_error.main(record)
    shape_inherit_stub.main(record)
    shape_logging_args.main(record)
    shape_loops_else.main(record)
    shape_match.main(record)
    shape_nonlocal.main(record)
    shape_overload_alias.main(record)
    shape_resume_stream.main(record)
    shape_star_args.main(record)
    shape_stream_tools.main(record)
    shape_typed_dict.main(record)
    shape_walrus.main(record)
