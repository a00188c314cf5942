# shape: odd
# async: Base.ask Base.ask Client.__aenter__ Client.__aexit__ Client.ask Client.ask Client.ask Client.ask Client.ask Client.base Client.klass Client.quiet Client.static Client.twice Client.typed Feed.run Other.ask Pool.borrow Pool.pair Query.run Third.ask adder.one.two apply ask ask ask compose.composed each logged.async_wrapper main main main main main main main main main main main main main main main main main main.also main.ask main.asked two
# stays: Client.title handle main numbers other
# cuts: GB503 GB702 GB706 GB715 GB720
"""Constructs that seldom meet, each in a module of its own."""

import shape_abstract_property
import shape_copy_default
import shape_curried
import shape_dict_attributes
import shape_fluent
import shape_genexp_variable
import shape_isinstance
import shape_locked_cache
import shape_managers
import shape_method_tuples
import shape_observers
import shape_own_higher_order
import shape_retry_loop
import shape_shadowing
import shape_stacked
import shape_unbound
import shape_unpacking
import shape_with_self


def main(record):
    shape_abstract_property.main(record)
    shape_copy_default.main(record)
    shape_curried.main(record)
    shape_dict_attributes.main(record)
    shape_fluent.main(record)
    shape_genexp_variable.main(record)
    shape_isinstance.main(record)
    shape_locked_cache.main(record)
    shape_managers.main(record)
    shape_method_tuples.main(record)
    shape_observers.main(record)
    shape_own_higher_order.main(record)
    shape_retry_loop.main(record)
    shape_shadowing.main(record)
    shape_stacked.main(record)
    shape_unbound.main(record)
    shape_unpacking.main(record)
    shape_with_self.main(record)
