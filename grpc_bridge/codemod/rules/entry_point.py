"""The `__main__` block runs a coroutine with `asyncio.run`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ..sites import CallSite
from .base import Edit, Rule, View
from .syntax import wrap_call

RULE = Rule(
    id="GB501",
    slug="entry-point",
    sentence="The `__main__` block runs a coroutine with `asyncio.run`.",
    before="""\
if __name__ == "__main__":
    main()
""",
    after="""\
if __name__ == "__main__":
    asyncio.run(main())
""",
)


def match(view: View) -> Iterator[Edit]:
    for site in view.sites(CallSite):
        if view.spelling(site) == "asyncio.run":
            view.plan.imports.add("asyncio")
            yield view.edit(
                RULE, "Call", site.node, partial(wrap_call, "asyncio.run"), functions=site.callees
            )
