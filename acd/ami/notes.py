"""The dialplan's notes: what it wrote into AstDB about callers who left.

Of one who left while no daemon listened there is a note at `/acd-fallback/<ten minutes>/<call id>`; the ten minutes are
the first digits of the id, so that a backlog too long for one answer can be read in parts. Of one who left while a
daemon was thought to listen there is one at `/acd-ends/<last digits of the id>`, until another call of these digits
ends: it begins with the id, has no number, and is asked for when the end was not heard after all. Whoever may
write AstDB may write here, so a note is checked like anything else that comes from outside; one that cannot be read is
worth nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import structlog

from acd.ami import fields
from acd.ami.client import AmiClient
from acd.ami.messages import Message
from acd.ami.registry import Registry
from acd.errors import AmiOverflow, AmiRefused
from acd.numbers import normalise
from acd.queues.found import Elsewhere, Left, NotedCall
from acd.queues.model import AgentId, CallId

log = structlog.get_logger(__name__)

T = TypeVar("T")

FAMILY = "acd-fallback"
SHARD = 11  # digits of a call's id: `YYYYMMDDHHM`
LAST_ENDS = "acd-ends"
PLACE = 3  # digits of a call's id, the last, which are drawn: a thousand places
SHARD_MINUTES = 10
OLDEST_S = 7 * 86_400.0  # a note of before is of no use to anybody
AT_ONCE = 50  # actions on the wire
SEPARATOR = "|"
PARTS = 18
UNFINISHED = "in"
NUMBER = 4  # which part is the caller's number


@dataclass(frozen=True, slots=True)
class Note:
    """One note: where it lies, and what it says; `call` None: nothing that can be read, or too old to matter."""

    family: str
    key: str
    call: NotedCall | None = None
    unfinished: bool = False  # of a caller who may be there still: the end was not noted
    text: str = ""


class Notes:
    """The notes of one Asterisk. What it raises is `AmiError`, AmiRefused for a user who may not read AstDB."""

    def __init__(self, client: AmiClient, registry: Registry, time: fields.AsteriskTime, region: str) -> None:
        self._client = client
        self._registry = registry
        self._time = time
        self._region = region

    async def of(self, calls: Collection[CallId], at: float) -> list[NotedCall]:
        """What is noted of these calls, of which Asterisk knows nothing any more."""
        found: list[NotedCall] = []
        for some in in_parts(sorted(calls), AT_ONCE):
            notes = await asyncio.gather(*(self._one(call_id, at) for call_id in some))
            found += [note for note in notes if note is not None]
        return found

    async def _one(self, call_id: CallId, at: float) -> NotedCall | None:
        message = await self._get(f"{FAMILY}/{call_id[:SHARD]}", call_id)
        if message is not None:
            return self._call(call_id, message.get("Val", ""), at)
        message = await self._get(LAST_ENDS, call_id[-PLACE:])
        whose, _, value = message.get("Val", "").partition(SEPARATOR) if message is not None else ("", "", "")
        return self._call(call_id, value, at) if whose == call_id else None

    async def _get(self, family: str, key: str) -> Message | None:
        try:
            messages = await self._client.collect("DBGet", ("Family", family), ("Key", key))
        except AmiRefused as error:
            if "not found" in str(error):
                return None
            raise
        return messages[0] if messages else None

    async def all(self, at: float) -> list[list[Note]]:
        """Every note, in one list or, where that is too long for an answer, a list for each ten minutes."""
        try:
            return [await self._tree((), at)]
        except AmiOverflow:
            log.warning("a long backlog of notes, read part by part", node=self._client.settings.name)
        return [notes for shard in _shards(self._time.theirs(at)) if (notes := await self._tree((("Key", shard),), at))]

    async def _tree(self, key: Sequence[tuple[str, str]], at: float) -> list[Note]:
        messages = await self._client.collect("DBGetTree", ("Family", FAMILY), *key)
        read = (self._read(message, at) for message in messages)
        return [note for note in read if note is not None]

    async def forget(self, notes: Sequence[Note]) -> None:
        """Delete them."""
        for some in in_parts(notes, AT_ONCE):
            actions = (self._client.action("DBDel", ("Family", note.family), ("Key", note.key)) for note in some)
            for outcome in await asyncio.gather(*actions, return_exceptions=True):
                if isinstance(outcome, BaseException) and not isinstance(outcome, AmiRefused):
                    raise outcome

    async def make_nobodys(self, number: str, at: float) -> tuple[int, int]:
        """Take this caller's number (E.164) out of the notes; how many were, and how many are of callers still there.

        These are left alone: the dialplan will write the number again.
        """
        done = live = 0
        for note in [note for part in await self.all(at) for note in part]:
            parts = note.text.split(SEPARATOR)
            if len(parts) != PARTS or normalise(fields.dialled(parts[NUMBER]), self._region) != number:
                continue
            if note.unfinished:
                live += 1
                continue
            text = SEPARATOR.join((*parts[:NUMBER], "", *parts[NUMBER + 1 :]))
            await self._client.action("DBPut", ("Family", note.family), ("Key", note.key), ("Val", text))
            done += 1
        return done, live

    def _read(self, message: Message, at: float) -> Note | None:
        """The answers to DBGetTree have the whole path as key."""
        family, _, key = message.get("Key", "").removeprefix("/").rpartition("/")
        if not family.startswith(FAMILY) or not key:
            return None
        text = message.get("Val", "")
        call = self._call(key, text, at)
        return Note(family, key, call, call is not None and call.ended_at is None, text)

    def _call(self, key: str, value: str, at: float) -> NotedCall | None:
        call_id, parts = fields.call_id(key), value.split(SEPARATOR)
        if call_id is None or len(parts) != PARTS or parts[0] != "1":
            return None
        entered, did, number, channel, queue, verb, fell, taken, over, ended, *rest = parts[2:]
        left, doing, digits, offer, offered_to, dialled = rest
        entered_at = self._moment(entered, at)
        if entered_at is None:
            return None
        unfinished = parts[1] == UNFINISHED
        return NotedCall(
            call_id,
            fields.dialled(did),
            normalise(fields.dialled(number), self._region),
            entered_at,
            verb,
            queue,
            self._registry.endpoints.get(channel.rpartition("-")[0]),
            self._elsewhere(fell, taken, over, at),
            None if unfinished else self._moment(ended, at) or at,
            Left(left) if left in set(Left) else Left.CALLER,
            fields.order_number(doing),
            fields.keys(digits),
            offer,
            AgentId(offered_to) or None,
            self._moment_ms(dialled, at),
            self._moment(over, at),
        )

    def _elsewhere(self, fell: str, taken: str, over: str, at: float) -> Elsewhere | None:
        fell_at = self._moment(fell, at)
        if fell_at is None:
            return None
        moment, endpoint = fields.taken(taken)
        taken_at = self._moment(moment, at)
        return Elsewhere(fell_at, taken_at, self._agent(endpoint), self._moment(over, at) if taken_at else None)

    def _agent(self, endpoint: str) -> AgentId | None:
        return self._registry.endpoints.get(endpoint)

    def _moment(self, text: str, at: float) -> float | None:
        """A stamp of Asterisk's by our clock; None for one that is none, or too long ago to matter."""
        return self._time.past(fields.stamp(text), at, OLDEST_S)

    def _moment_ms(self, text: str, at: float) -> float | None:
        return self._moment(fields.stamp_ms(text), at)


def in_parts(notes: Sequence[T], length: int) -> Iterator[Sequence[T]]:
    """One part after the other, each of at most `length`."""
    return (notes[start : start + length] for start in range(0, len(notes), length))


def _shards(now: float) -> Iterator[str]:
    """The ten minutes of the last days, the oldest first, as the ids of calls begin."""
    end = datetime.fromtimestamp(now, UTC) + timedelta(minutes=SHARD_MINUTES)
    moment = end - timedelta(seconds=OLDEST_S)
    while moment <= end:
        yield moment.strftime("%Y%m%d%H%M")[:SHARD]
        moment += timedelta(minutes=SHARD_MINUTES)
