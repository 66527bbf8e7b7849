"""Calls: the live ones from the board, the ended ones from the store, in one list."""

from __future__ import annotations

import re
from typing import Any, Final

from acd.api import cursors
from acd.api.cursors import LivePlace, StorePlace
from acd.api.models import Call, CallList, CallsQuery, DispositionBody, Nothing, Why
from acd.api.refusals import BadCursor, Forbidden
from acd.api.routing import Ask, Plain, Route
from acd.api.settings import Role
from acd.errors import UnknownCall
from acd.ports import CallFilter
from acd.queues.journey import CallRecord
from acd.queues.model import CallId

_CALL_ID: Final = re.compile(r"[\w.:-]{1,80}", re.ASCII)
_UNKNOWN: Final = "There is no call with this id, live or recorded."


async def calls(ask: Ask[CallsQuery, Nothing]) -> CallList:
    """One page. Live calls are taken before the store is asked: one that ends meanwhile is seen, and only once."""
    query, settings = ask.query, ask.backend.settings
    limit = min(query.limit or settings.page_default, settings.page_limit)
    place = cursors.read(query.cursor) if query.cursor else None
    found: list[CallRecord] = []
    if query.state != "ended" and not isinstance(place, StorePlace):
        found = _live(ask, place)
        if len(found) > limit:
            return _page(ask, found[:limit], LivePlace(found[limit - 1].entered_at, found[limit - 1].id))
    if query.state == "live":
        return _page(ask, found, None)
    if len(found) == limit:
        return _page(ask, found, StorePlace(None))
    return await _with_ended(ask, found, limit, place.cursor if isinstance(place, StorePlace) else None)


async def _with_ended(
    ask: Ask[CallsQuery, Nothing], live: list[CallRecord], limit: int, cursor: str | None
) -> CallList:
    query = ask.query
    wanted = CallFilter(query.queue, query.agent, query.number, ended=True, since=query.since, until=query.until)
    try:
        page = await ask.backend.store.calls(wanted, limit - len(live), cursor)
    except ValueError:
        raise BadCursor("Use `next` of the previous page as it came.") from None
    ended = {record.id for record in page.items}
    found = [*(record for record in live if record.id not in ended), *page.items]
    return _page(ask, found, StorePlace(page.next_cursor) if page.next_cursor else None)


def _live(ask: Ask[CallsQuery, Nothing], place: LivePlace | None) -> list[CallRecord]:
    """Live calls that are wanted, newest first, below `place`."""
    found = [record for record in ask.backend.board.live_calls() if _wanted(record, ask.query)]
    if place is not None:
        found = [record for record in found if (record.entered_at, record.id) < (place.entered_at, place.call_id)]
    return sorted(found, key=lambda record: (record.entered_at, record.id), reverse=True)


def _wanted(record: CallRecord, query: CallsQuery) -> bool:
    return (
        query.queue in (None, record.queue)
        and query.agent in (None, record.agent)
        and query.number in (None, record.number)
        and (query.since is None or query.since <= record.entered_at)
        and (query.until is None or record.entered_at < query.until)
    )


def _page(ask: Ask[Any, Any], records: list[CallRecord], place: LivePlace | StorePlace | None) -> CallList:
    return CallList(
        items=ask.backend.render.calls(records, ask.backend.board),
        next=cursors.write(place) if place else None,
    )


async def call(ask: Plain) -> Call:
    return shown(ask, await _own(ask))


async def why(ask: Plain) -> Why:
    record = await record_of(ask)
    board, render = ask.backend.board, ask.backend.render
    live = board.why(record.id)
    if live is not None:
        return render.why(live)
    return render.why_ended(record, {view.id: view.name for view in board.agents()})


async def disposition(ask: Ask[Nothing, DispositionBody]) -> Call:
    record = await _own(ask)
    body = ask.body
    return shown(ask, await ask.backend.floor.disposition(record.id, body.code, body.amount, body.note))


async def record_of(ask: Ask[Any, Any]) -> CallRecord:
    """The call of the path, from the board or else from the store; UnknownCall."""
    text = ask.path["id"]
    if not _CALL_ID.fullmatch(text):
        raise UnknownCall(_UNKNOWN)
    call_id = CallId(text)
    record = ask.backend.board.call(call_id) or await ask.backend.store.call(call_id)
    if record is None:
        raise UnknownCall(_UNKNOWN)
    return record


async def _own(ask: Ask[Any, Any]) -> CallRecord:
    """The call of the path; Forbidden for an agent's token when it is not the agent's call."""
    record = await record_of(ask)
    who = ask.who
    if who is None or (who.role < Role.SUPERVISOR and not _concerns(record, who.agent_id)):
        raise Forbidden("An agent's token sees only its own agent's calls.")
    return record


def _concerns(record: CallRecord, agent_id: str | None) -> bool:
    """Whether the agent has or had the call, or it rings at the agent's phone now."""
    if agent_id is None:
        return False
    return record.agent == agent_id or any(offer.agent == agent_id and offer.result is None for offer in record.offers)


def shown(ask: Ask[Any, Any], record: CallRecord) -> Call:
    """The whole call, as the answer to who asked for it or changed it."""
    board = ask.backend.board
    wait_s = board.estimated_wait_s(record.id)
    return ask.backend.render.call(record, board.now(), estimated_wait_s=wait_s, events=True)


ROUTES: Final = (
    Route(
        "GET",
        "/api/v1/calls",
        Role.SUPERVISOR,
        "Live and ended calls",
        calls,
        CallList,
        query=CallsQuery,
        tag="calls",
        codes=("bad_cursor", "storage"),
        description="Live calls first, then ended ones, each newest first. Follow `next` until it is null.",
    ),
    Route(
        "GET",
        "/api/v1/calls/{id}",
        Role.AGENT,
        "One call with its journey",
        call,
        Call,
        own_only=True,
        tag="calls",
        codes=("unknown_call", "storage"),
    ),
    Route(
        "GET",
        "/api/v1/calls/{id}/why",
        Role.SUPERVISOR,
        "Why the call waits, or why it went where it went",
        why,
        Why,
        tag="calls",
        codes=("unknown_call", "storage"),
    ),
    Route(
        "POST",
        "/api/v1/calls/{id}/disposition",
        Role.AGENT,
        "Note what came of the call",
        disposition,
        Call,
        body=DispositionBody,
        own_only=True,
        tag="calls",
        codes=("unknown_call", "not_allowed", "storage"),
    ),
)
