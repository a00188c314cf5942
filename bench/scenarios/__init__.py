"""What is measured: the registry of scenarios. A new one is a function in a module here, and a line below."""

from .base import Case as Case
from .base import Scenario
from .codemod import codemod
from .idle import idle
from .layers import layers
from .mixed import busy, mixed
from .outside import h2load
from .shares import where_it_goes
from .start import channels, first_call, imports
from .streams import streaming
from .unary import both, clients, servers
from .variants import variants

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("unary-client", "clients, one after the other against one server process", clients),
        Scenario("unary-server", "servers, each in a process of its own, driven by one client", servers),
        Scenario("unary-both", "both ends of one kind", both),
        Scenario("streaming", "both ends of one kind, one call at a time", streaming),
        Scenario("h2load", "servers under an outside load generator", h2load),
        Scenario("mixed", "both colours in one client process", mixed),
        Scenario("busy", "loops with other work", busy),
        Scenario("variants", "other messages and another loop, both ends of one kind", variants),
        Scenario("idle", "open streams with nothing to say", idle),
        Scenario("layers", "our own layers, the transport taken out", layers),
        Scenario("shares", "where the CPU goes, by perf", where_it_goes),
        Scenario("import", "what a process pays to import", imports),
        Scenario("first-call", "what a process pays for its first call", first_call),
        Scenario("channels", "what a channel costs", channels),
        Scenario("codemod", "whole runs on a large tree", codemod),
    )
}
