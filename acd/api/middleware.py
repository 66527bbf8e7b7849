"""Around every request: errors become problems, headers that browsers obey, one log line without phone numbers."""

from __future__ import annotations

import re
import secrets
import time
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from acd.api import problems
from acd.api.dispatch import ROUTE, WHO, admit
from acd.api.metrics import Metrics
from acd.api.rates import Rates
from acd.api.refusals import TooManyRequests
from acd.api.routing import Route
from acd.errors import AcdError

log = structlog.get_logger(__name__)

CSP: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_HEADERS: Final = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_TOO_MANY: Final = 429
_SHED: Final = {413: "body", _TOO_MANY: "request"}
_CALL_ID: Final = re.compile(r"\d{14}-\d{12}", re.ASCII)
_LONG_NUMBER: Final = re.compile(r"\d(?:[\s().-]{0,3}\d){4,}")


async def headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal `on_response_prepare`: what every answer carries, event streams and problems included."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)


def around(metrics: Metrics, strangers: Rates) -> Middleware:
    """The middleware that turns errors into problems and writes the access log.

    `strangers`: rates by address, for what no route is asked for.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        began_at = time.monotonic()
        status = 499  # the client left, or the daemon stops
        try:
            response = await _guarded(request, handler, strangers)
            status = response.status
            return response
        finally:
            _note(request, status, time.monotonic() - began_at, metrics)

    return middleware


async def _guarded(request: web.Request, handler: Handler, strangers: Rates) -> web.StreamResponse:
    try:
        return await _within_rate(request, handler, strangers)
    except web.HTTPException as error:
        return problems.of_http(error)
    except TooManyRequests as error:
        if error.worth_a_line:
            log.warning("requests refused: too many", remote=request.remote, route=_pattern(request))
        return problems.of_error(error)
    except AcdError as error:
        if problems.status_of(error) >= 500:
            log.warning("request refused", code=error.code, reason=str(error), route=_pattern(request))
        return problems.of_error(error)
    except Exception as error:
        incident = secrets.token_hex(6)
        log.error("request failed", incident=incident, route=_pattern(request), exc_info=error)
        return problems.internal(incident)


async def _within_rate(request: web.Request, handler: Handler, strangers: Rates) -> web.StreamResponse:
    """A route counts its requests itself; an address that is none of ours counts as a stranger's."""
    try:
        return await handler(request)
    except web.HTTPException:
        if ROUTE not in request:
            admit(strangers, request.remote or "")
        raise


def masked(text: str) -> str:
    """`text` with every run of five digits or more, phone numbers that is, cut to its last two."""
    return _LONG_NUMBER.sub(lambda found: "***" + found.group()[-2:], text)


def _note(request: web.Request, status: int, took_s: float, metrics: Metrics) -> None:
    route = request.get(ROUTE)
    who = request.get(WHO)
    if not (route and route.streams):
        metrics.answered(_method(request), _pattern(request), status, took_s)
    if status in _SHED:
        metrics.shed(_SHED[status])
    if status == _TOO_MANY:
        return  # a line for each would be another way to fill the disk
    log.info(
        "http",
        method=_method(request),
        path=_path(request),
        asked=_asked(route, request),
        status=status,
        ms=round(took_s * 1000, 1),
        who=who.name if who else None,
        remote=request.remote,
    )


def _method(request: web.Request) -> str:
    return request.method if request.method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} else "other"


def _pattern(request: web.Request) -> str:
    route = request.get(ROUTE)
    return route.path if route else "none"


def _path(request: web.Request) -> str:
    """The path, masked but for the ids of calls: they look like numbers, and are what one searches for."""
    parts = request.path[:200].split("/")
    return "/".join(part if _CALL_ID.fullmatch(part) else masked(part) for part in parts)


def _asked(route: Route | None, request: web.Request) -> list[str]:
    """Names of the query's parameters, where they are ours; never the values."""
    if route is None:
        return []
    known = {field.alias or name for name, field in route.query.model_fields.items()}
    return sorted(known & set(request.query))
