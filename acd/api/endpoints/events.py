"""The event stream, and the cookie that lets a browser's EventSource open it."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from acd.api.auth import TICKET_COOKIE
from acd.api.models import Session
from acd.api.refusals import Forbidden
from acd.api.routing import Plain, Route
from acd.api.settings import Role

_EVENTS: Final = "/api/v1/events"


async def events(ask: Plain) -> web.StreamResponse:
    return await ask.backend.streams.serve(ask.request)


async def session(ask: Plain) -> web.Response:
    backend = ask.backend
    if ask.who is None:
        raise Forbidden("This needs a token.")
    now = backend.board.now()
    answer = Session(expires_at=backend.render.moment(now + backend.settings.ticket_s))
    response = web.Response(text=answer.model_dump_json(), content_type="application/json")
    response.set_cookie(
        TICKET_COOKIE,
        backend.tickets.issue(ask.who, now),
        path=_EVENTS,
        max_age=int(backend.settings.ticket_s),
        httponly=True,
        samesite="Strict",
        secure=ask.request.secure,
    )
    return response


ROUTES: Final = (
    Route(
        "GET",
        _EVENTS,
        Role.SUPERVISOR,
        "Changes as they happen (SSE)",
        events,
        "text/event-stream",
        ticket=True,
        tag="events",
        codes=("too_many_clients",),
        description=(
            "A `snapshot` event (schema Snapshot), then `delta` events (schema Delta), each with an id. Reconnect with "
            "`Last-Event-ID` to get what was missed; when that is too old, a new snapshot comes. Comments keep a "
            "silent stream open. A client who does not read is closed."
        ),
    ),
    Route(
        "POST",
        "/api/v1/session",
        Role.SUPERVISOR,
        "Trade the token for a short-lived cookie for the event stream",
        session,
        Session,
        tag="events",
        description=(
            "EventSource cannot send headers, and a token in an address ends up in logs. The cookie is HttpOnly, "
            "SameSite=Strict, good for a minute, and accepted by GET /api/v1/events only."
        ),
    ),
)
