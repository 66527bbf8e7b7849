"""For those who watch the daemon: alive, ready, figures. Open, and without personal data."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from acd.api.models import Health, Readiness
from acd.api.routing import Plain, Route

_METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


async def healthz(ask: Plain) -> Health:
    degraded = dict(ask.backend.board.degraded())
    return Health(status="degraded" if degraded else "ok", degraded=degraded)


async def readyz(ask: Plain) -> web.Response:
    reasons = dict(ask.backend.board.problems())
    answer = Readiness(status="unready" if reasons else "ready", reasons=reasons)
    return web.Response(status=503 if reasons else 200, text=answer.model_dump_json(), content_type="application/json")


async def metrics(ask: Plain) -> web.Response:
    figures = ask.backend.metrics
    figures.streams.set(ask.backend.streams.count)
    return web.Response(body=figures.text(), headers={"Content-Type": _METRICS_TYPE})


ROUTES: Final = (
    Route("GET", "/healthz", None, "Is the process alive?", healthz, Health, tag="health"),
    Route(
        "GET",
        "/readyz",
        None,
        "Can calls be served?",
        readyz,
        Readiness,
        tag="health",
        description="200, or 503 with the same body and `reasons`: `database`, `asterisk.<name>`.",
    ),
    Route("GET", "/metrics", None, "Figures for Prometheus", metrics, "text/plain", tag="health"),
)
