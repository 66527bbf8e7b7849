"""From an HTTP request to a route's handler and back: who asks, checked values, a time limit, the answer as JSON."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ValidationError

from acd.api.auth import TICKET_COOKIE, Principal
from acd.api.fields import ZONE
from acd.api.models import Nothing
from acd.api.rates import Rates
from acd.api.refusals import (
    BadRequest,
    FieldFault,
    Forbidden,
    InvalidInput,
    NoAnswerInTime,
    TooManyRequests,
    Unauthorized,
)
from acd.api.routing import Ask, Backend, Route

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ROUTE: web.RequestKey[Route] = web.RequestKey("route", Route)
WHO: web.RequestKey[Principal] = web.RequestKey("who", Principal)


def handler_of(route: Route, backend: Backend) -> Handler:
    """The aiohttp handler of a route."""

    async def handle(request: web.Request) -> web.StreamResponse:
        request[ROUTE] = route
        who = _admitted(route, backend, request)
        if who is not None:
            request[WHO] = who
        if route.streams:
            return await _answer(route, backend, request, who)
        limit_s = route.timeout_s or backend.settings.request_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                return await _answer(route, backend, request, who)
        except TimeoutError:
            raise NoAnswerInTime(f"Nothing came within {limit_s:g} s; it may still happen.") from None

    return handle


def _admitted(route: Route, backend: Backend, request: web.Request) -> Principal | None:
    """Who asks, if they may ask this, and not more often than they may."""
    try:
        who = _principal(route, backend, request)
    except Unauthorized:
        admit(backend.strangers, request.remote or "")
        raise
    if who is None:
        admit(backend.strangers, request.remote or "")
    else:
        admit(backend.known, who.name)
        if route.role is not None and who.role < route.role:
            wanted, had = route.role.name.lower(), who.role.name.lower()
            raise Forbidden(f"This needs the role {wanted}; this token has {had}.")
    return who


def admit(rates: Rates, client: str) -> None:
    """Count one request of this client. TooManyRequests."""
    wait_s = rates.take(client, time.monotonic())
    if wait_s > 0:
        raise TooManyRequests(wait_s, worth_a_line=rates.first_refusal(client))


def _principal(route: Route, backend: Backend, request: web.Request) -> Principal | None:
    if route.role is None:
        return None
    ticket = request.cookies.get(TICKET_COOKIE)
    if route.ticket and ticket and "Authorization" not in request.headers:
        return backend.tickets.principal(ticket, backend.board.now())
    return backend.tokens.principal(request)


async def _answer(route: Route, backend: Backend, request: web.Request, who: Principal | None) -> web.StreamResponse:
    ask: Ask[Any, Any] = Ask(
        request=request,
        backend=backend,
        who=who,
        path=request.match_info,
        query=_query(route, backend, request),
        body=await _body(route, backend, request),
    )
    answer = await route.handler(ask)
    if isinstance(answer, BaseModel):
        return web.Response(text=answer.model_dump_json(), content_type="application/json")
    return answer


def _query(route: Route, backend: Backend, request: web.Request) -> BaseModel:
    values: dict[str, str] = {}
    for key, value in request.query.items():
        if key in values:
            raise InvalidInput([FieldFault(f"query.{key[:40]}", "given twice")])
        if value:
            values[key] = value
    try:
        return route.query.model_validate(values, context={ZONE: backend.render.zone})
    except ValidationError as error:
        raise _invalid("query", error) from None


async def _body(route: Route, backend: Backend, request: web.Request) -> BaseModel:
    if (request.content_length or 0) > backend.settings.max_body_bytes:
        raise web.HTTPRequestEntityTooLarge(backend.settings.max_body_bytes, request.content_length or 0)
    if route.body is Nothing:
        return Nothing()
    raw = await request.read()
    try:
        return route.body.model_validate_json(raw)
    except ValidationError as error:
        if any(fault["type"] == "json_invalid" for fault in error.errors(include_url=False)):
            raise BadRequest("The body is not JSON in UTF-8.") from None
        raise _invalid("body", error) from None


def _invalid(where: str, error: ValidationError) -> InvalidInput:
    faults = [
        FieldFault(".".join([where, *(str(part)[:40] for part in fault["loc"])]), _said(fault["msg"]))
        for fault in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    return InvalidInput(faults[:20])


def _said(message: str) -> str:
    return message.removeprefix("Value error, ")
