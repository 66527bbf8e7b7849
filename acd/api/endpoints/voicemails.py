"""Messages that callers left: the list, the sound when it lies where we can read it, and who has been listened to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from acd.api import cursors
from acd.api.cursors import StorePlace
from acd.api.models import Nothing, Voicemail, VoicemailList, VoicemailsQuery
from acd.api.refusals import BadCursor
from acd.api.routing import Ask, Plain, Route
from acd.api.settings import Role
from acd.errors import UnknownMessage
from acd.ports import CallFilter
from acd.queues.journey import CallRecord
from acd.queues.model import CallId

_CALL_ID: Final = re.compile(r"[0-9]{14}-[0-9]{6,20}", re.ASCII)
_UNKNOWN: Final = "There is no message of this call; GET /api/v1/voicemails lists them."
_NO_SOUND: Final = (
    "The sound is not here: it lies on Asterisk's machine; see `voicemail.directory` of the configuration."
)


async def voicemails(ask: Ask[VoicemailsQuery, Nothing]) -> VoicemailList:
    """One page, the latest callers first."""
    query, settings = ask.query, ask.backend.settings
    limit = min(query.limit or settings.page_default, settings.page_limit)
    place = cursors.read(query.cursor) if query.cursor else StorePlace(None)
    wanted = CallFilter(query.queue, since=query.since, until=query.until, voicemail=True, heard=query.heard)
    try:
        page = await ask.backend.store.calls(wanted, limit, place.cursor if isinstance(place, StorePlace) else "")
    except ValueError:
        raise BadCursor("Use `next` of the previous page as it came.") from None
    return VoicemailList(
        items=[_shown(ask, record) for record in page.items],
        next=cursors.write(StorePlace(page.next_cursor)) if page.next_cursor else None,
    )


async def audio(ask: Plain) -> web.FileResponse:
    """The sound. Nothing of the path comes from outside but an id of our own shape."""
    record = await _record(ask)
    path = _sound(ask, record.id)
    if path is None:
        raise UnknownMessage(_NO_SOUND)
    return web.FileResponse(path, headers={"Content-Type": "audio/wav", "Cache-Control": "private, no-store"})


async def heard(ask: Plain) -> Voicemail:
    record = await _record(ask)
    return _shown(ask, await ask.backend.floor.message_heard(record.id))


async def _record(ask: Plain) -> CallRecord:
    text = ask.path["call_id"]
    if not _CALL_ID.fullmatch(text):
        raise UnknownMessage(_UNKNOWN)
    call_id = CallId(text)
    record = ask.backend.board.call(call_id) or await ask.backend.store.call(call_id)
    if record is None or record.message is None:
        raise UnknownMessage(_UNKNOWN)
    return record


def _sound(ask: Ask[Any, Any], call_id: str) -> Path | None:
    directory = ask.backend.settings.voicemail_directory
    path = Path(directory) / f"{call_id}.wav" if directory else None
    return path if path is not None and path.is_file() and not path.is_symlink() else None


def _shown(ask: Ask[Any, Any], record: CallRecord) -> Voicemail:
    return ask.backend.render.voicemail(record, bool(ask.backend.settings.voicemail_directory))


_CODES: Final = ("unknown_message", "storage")

ROUTES: Final = (
    Route(
        "GET",
        "/api/v1/voicemails",
        Role.SUPERVISOR,
        "Messages that callers left",
        voicemails,
        VoicemailList,
        query=VoicemailsQuery,
        tag="voicemails",
        codes=("bad_cursor", "storage"),
        description="The latest callers first. Follow `next` until it is null.",
    ),
    Route(
        "GET",
        "/api/v1/voicemails/{call_id}/audio",
        Role.SUPERVISOR,
        "The sound of a message",
        audio,
        "audio/wav",
        tag="voicemails",
        codes=_CODES,
        description="Only where `voicemail.directory` of the configuration shows the way to Asterisk's recordings.",
    ),
    Route(
        "POST",
        "/api/v1/voicemails/{call_id}/heard",
        Role.SUPERVISOR,
        "Note that a message has been listened to",
        heard,
        Voicemail,
        tag="voicemails",
        codes=_CODES,
    ),
)
