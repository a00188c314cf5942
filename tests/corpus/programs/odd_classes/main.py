# shape: odd
# async: Asks.ask Asks.run Base.steps Both.steps Cached.get Client.ask Client.ask Derived.many Derived.one Fetch.__call__ Left.steps Local.ask Local.get Mixin.ask Other.ask Pages._pages Plain.ask Plain.run Plugin.run Remote.ask Remote.ask Remote.get Right.steps Store.describe Store.get counted.ask main main main main main main main main main main main main main main make.method make_client.Client.Inner.deep make_client.Client.ask make_client.Loud.ask run use
# stays: <lambda> Ask.__call__ Client.__post_init__ Client.ask Client.ask_it Client.create Client.limit Client.refresh Client.show Client.texts Client.twice Fetched.__iter__ Fetched.fetch Field.__get__ Kind.all Kind.ask Pages.__iter__ Pages._pages Pipeline.__call__ Record.ask Twice.__call__ Whole.first main up
# cuts: GB503 GB701 GB702 GB706 GB713 GB715 GB716
"""Constructs that seldom meet, each in a module of its own."""

import shape_abc_two
import shape_bound_method_property
import shape_call_objects
import shape_class_decorator
import shape_class_in_function
import shape_diamond
import shape_enum
import shape_init_subclass
import shape_iter_forms
import shape_iter_stream
import shape_made_methods
import shape_monkeypatch
import shape_partial_property
import shape_post_init
import shape_property_list
import shape_protocol_param
import shape_proxy


def main(record):
    shape_abc_two.main(record)
    shape_bound_method_property.main(record)
    shape_call_objects.main(record)
    shape_class_decorator.main(record)
    shape_class_in_function.main(record)
    shape_diamond.main(record)
    shape_enum.main(record)
    shape_init_subclass.main(record)
    shape_iter_forms.main(record)
    shape_iter_stream.main(record)
    shape_made_methods.main(record)
    shape_monkeypatch.main(record)
    shape_partial_property.main(record)
    shape_post_init.main(record)
    shape_property_list.main(record)
    shape_protocol_param.main(record)
    shape_proxy.main(record)
