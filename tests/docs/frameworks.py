"""Uses the applications of docs/mixed.md, as their frameworks would."""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType
from typing import Any

PATHS = ("/sync/Ada", "/async/Ada")


def fastapi(names: dict[str, Any]) -> None:
    import httpx

    app = names["app"]

    async def use() -> list[Any]:
        # httpx's transport does not start lifespans; Starlette's router is the lifespan's context manager.
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client,
        ):
            return [(await client.get(path)).json() for path in PATHS]

    assert asyncio.run(use()) == [{"text": "Hello Ada"}] * 2


def django(names: dict[str, Any]) -> None:
    from django.conf import settings

    urls = ModuleType("urls")
    urls.urlpatterns = names["urlpatterns"]  # type: ignore[attr-defined]
    sys.modules["urls"] = urls
    settings.configure(ROOT_URLCONF="urls", ALLOWED_HOSTS=["testserver"], MIDDLEWARE=[])
    from django.test import AsyncClient, Client

    async def under_asgi() -> list[bytes]:
        client = AsyncClient()
        return [(await client.get(path)).content for path in PATHS]

    under_wsgi = [Client().get(path).content for path in PATHS]
    assert under_wsgi == asyncio.run(under_asgi()) == [b"Hello Ada"] * 2


def flask(names: dict[str, Any]) -> None:
    client = names["app"].test_client()
    assert [client.get(path).text for path in PATHS] == ["Hello Ada"] * 2


def celery(names: dict[str, Any]) -> None:
    assert names["greet"].apply(args=["Ada"]).get() == "Hello Ada"
    assert names["greet_all"].apply(args=[["Ada", "Bob"]]).get() == ["Hello Ada", "Hello Bob"]
