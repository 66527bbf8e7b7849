"""The pages for people, and the OpenAPI document. All files are ours and read once; nothing comes from elsewhere."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from aiohttp import web

from acd.api.routing import Plain, Route

_TYPES: Final = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    media_type: str
    etag: str


@cache
def _files() -> dict[str, _File]:
    """Every file that is served, by name: what is not in here does not exist, whatever a path says."""
    return {
        entry.name: _File(
            content := entry.read_bytes(),
            _TYPES[entry.name.rpartition(".")[2]],
            hashlib.sha256(content).hexdigest()[:32],
        )
        for entry in resources.files("acd.api").joinpath("static").iterdir()
        if entry.name.rpartition(".")[2] in _TYPES
    }


def _serve(request: web.Request, name: str) -> web.Response:
    file = _files().get(name)
    if file is None:
        raise web.HTTPNotFound
    known = any(etag.value == file.etag for etag in request.if_none_match or ())
    response = (
        web.Response(status=304)
        if known
        else web.Response(body=file.content, content_type=file.media_type, charset="utf-8")
    )
    response.headers["Cache-Control"] = "no-cache"
    response.etag = file.etag
    return response


async def live_page(ask: Plain) -> web.Response:
    return _serve(ask.request, "live.html")


async def docs_page(ask: Plain) -> web.Response:
    return _serve(ask.request, "docs.html")


async def static_file(ask: Plain) -> web.Response:
    return _serve(ask.request, ask.path["name"])


async def openapi(ask: Plain) -> web.Response:
    body = await asyncio.to_thread(ask.backend.openapi)  # a tenth of a second, once: not before somebody asks for it
    return web.Response(body=body, content_type="application/json", charset="utf-8")


ROUTES: Final = (
    Route("GET", "/openapi.json", None, "This document", openapi, "application/json", tag="pages"),
    Route("GET", "/", None, "Live page", live_page, "text/html", listed=False),
    Route("GET", "/docs", None, "This document for people", docs_page, "text/html", listed=False),
    Route("GET", "/static/{name}", None, "Files of the pages", static_file, "text/html", listed=False),
)
