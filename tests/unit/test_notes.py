"""The dialplan's notes: read as they are meant, checked, in parts when there are many; recorded once and deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from acd.ami.aftermath import Aftermath
from acd.ami.fields import AsteriskTime
from acd.ami.messages import Message, Response
from acd.ami.notes import FAMILY, LAST_ENDS, OLDEST_S, Notes
from acd.ami.registry import Caller, Registry
from acd.errors import AmiDown, AmiError, AmiOverflow, AmiRefused
from acd.queues.found import Elsewhere, Left, NotedCall
from acd.queues.model import CallId
from tests.unit.ami_words import ANNA, AT, CALL, ENDPOINTS
from tests.unit.test_acd_conf import CONF
from tests.unit.test_inbound import HOSTILE

SHARD = CALL[:11]
PARTS = (
    "1", "out", f"{AT - 60}", "74951234567", "+79160000001", "PJSIP/trunk-0000000a", "sales", "fallback", f"{AT - 50}",
    f"{AT - 40}@PJSIP/1001", f"{AT - 10}", f"{AT - 5}", "system", "2", "10",
    f"{CALL}.1", ANNA, f"{int((AT - 55) * 1000)}",
)  # fmt: skip
WHOLE = "|".join(PARTS)


class AstDb:
    """Asterisk's database behind the client's outside; an answer holds at most `longest` entries."""

    def __init__(self, longest: int = 1000, **entries: str) -> None:
        self.entries = {f"{key[1:12]}/{key[1:].replace('_', '-')}": value for key, value in entries.items()}
        self.longest = longest
        self.error: AmiError | None = None
        self.deleted: list[str] = []
        self.settings: Any = type("Settings", (), {"name": "main"})

    def put(self, call_id: str, value: str = WHOLE) -> None:
        self.entries[f"{call_id[:11]}/{call_id}"] = value

    async def collect(self, name: str, *headers: tuple[str, str]) -> list[Message]:
        if self.error is not None:
            raise self.error
        given = dict(headers)
        if name == "DBGet":
            path = f"{given['Family'].removeprefix(f'{FAMILY}/')}/{given['Key']}"
            if path not in self.entries:
                raise AmiRefused("DBGet: Database entry not found")
            about = (("Family", given["Family"]), ("Key", given["Key"]), ("Val", self.entries[path]))
            return [Message.of("DBGetResponse", *about)]
        assert (name, given["Family"]) == ("DBGetTree", FAMILY)
        own = {path: value for path, value in self.entries.items() if not path.startswith(LAST_ENDS)}
        found = {path: value for path, value in own.items() if path.startswith(given.get("Key", ""))}
        if len(found) > self.longest:
            raise AmiOverflow("DBGetTree: more in the answer than that")
        return [
            Message.of("DBGetTreeResponse", ("Key", f"/{FAMILY}/{path}"), ("Val", value))
            for path, value in found.items()
        ]

    async def action(self, name: str, *headers: tuple[str, str]) -> Response:
        if self.error is not None:
            raise self.error
        given = dict(headers)
        assert name == "DBDel"
        path = f"{given['Family'].removeprefix(f'{FAMILY}/')}/{given['Key']}"
        if self.entries.pop(path, None) is None:
            raise AmiRefused("DBDel: Database entry could not be deleted")
        self.deleted.append(given["Key"])
        return Response(b"Response: Success")


def reader(db: AstDb, registry: Registry | None = None) -> Notes:
    client: Any = db
    return Notes(client, registry or Registry(dict(ENDPOINTS)), AsteriskTime(), "RU")


async def read(value: str, call_id: str = CALL) -> NotedCall | None:
    db = AstDb()
    db.put(call_id, value)
    ((note,),) = await reader(db).all(AT)
    return note.call


def with_part(number: int, text: str) -> str:
    return "|".join((*PARTS[:number], text, *PARTS[number + 1 :]))


async def test_a_note_says_all_that_happened() -> None:
    assert await read(WHOLE) == NotedCall(
        CallId(CALL),
        "74951234567",
        "+79160000001",
        AT - 60,
        "fallback",
        "sales",
        None,
        Elsewhere(AT - 50, AT - 40, ANNA, AT - 10),
        AT - 5,
        Left.SYSTEM,
        2,
        "10",
        f"{CALL}.1",
        ANNA,
        AT - 55,
        AT - 10,
    )


async def test_a_note_of_an_entry_has_no_end() -> None:
    note = await read("|".join((*PARTS[:1], "in", *PARTS[2:9], *[""] * 9)))
    assert note is not None
    assert (note.ended_at, note.elsewhere) == (None, Elsewhere(AT - 50))


async def test_a_question_from_an_agents_phone_is_known_for_one() -> None:
    note = await read(with_part(5, "PJSIP/1001-0000000a"))
    assert note is not None and note.from_agent == ANNA


@pytest.mark.parametrize("number", range(len(PARTS)))
@pytest.mark.parametrize("text", [*HOSTILE, "a|b"])
async def test_whatever_stands_in_a_note_is_checked(number: int, text: str) -> None:
    note = await read(with_part(number, text.replace("\r", "").replace("\n", "").replace("\0", "")))
    if note is None:
        return
    assert set(note.did + note.number) <= set("0123456789+") and len(note.digits) <= 8
    moments = [note.entered_at, note.ended_at, note.dialled_at, note.over_at]
    if note.elsewhere is not None:
        moments += [note.elsewhere.fell_at, note.elsewhere.taken_at, note.elsewhere.over_at]
    assert all(AT - OLDEST_S <= moment <= AT for moment in moments if moment is not None)


@pytest.mark.parametrize("key", ["", "x", "20260101120000", f"{CALL}9999999999999999", "../x", "٢" * 14 + "-123456"])
async def test_a_key_that_is_no_call_says_nothing(key: str) -> None:
    db = AstDb()
    db.entries[f"{SHARD}/{key}"] = WHOLE
    assert [note.call for part in await reader(db).all(AT) for note in part] in ([None], [])


async def test_a_note_of_long_ago_says_nothing() -> None:
    assert await read(with_part(2, f"{AT - OLDEST_S - 1}")) is None


async def test_a_long_backlog_is_read_in_parts() -> None:
    db = AstDb(longest=2)
    calls = [f"2027011508{minute:02d}00-{number:012d}" for minute in (1, 2, 15) for number in range(minute % 2 + 1)]
    for call_id in calls:
        db.put(call_id)
    db.longest = 3
    parts = await reader(db).all(AT)
    assert [len(part) for part in parts] == [3, 2]
    assert sorted(note.key for part in parts for note in part) == sorted(calls)


async def test_single_calls_are_asked_for() -> None:
    db = AstDb()
    db.put(CALL)
    missing = CallId("20260101120000-999999999999")
    assert [call.call_id for call in await reader(db).of([CallId(CALL), missing], AT)] == [CALL]
    db.error = AmiRefused("DBGet: Permission denied")
    with pytest.raises(AmiRefused):
        await reader(db).of([missing], AT)


async def test_a_call_whose_end_was_not_heard_is_looked_for_among_the_last_ends() -> None:
    db = AstDb()
    unnamed = with_part(4, "")
    db.entries[f"{LAST_ENDS}/{CALL[-3:]}"] = f"{CALL}|{unnamed}"
    (seen,) = await reader(db).of([CallId(CALL)], AT)
    assert seen == replace(await read(WHOLE), number="")
    assert await reader(db).all(AT) == [[]], "only who asks for it"
    another = CallId(f"20260101120000-999999999{CALL[-3:]}")
    assert await reader(db).of([another], AT) == [], "the place is another call's by now"
    for rubbish in ("", CALL, f"{CALL}|", f"|{unnamed}", unnamed, f"{CALL}|{CALL}|{unnamed}"):
        db.entries[f"{LAST_ENDS}/{CALL[-3:]}"] = rubbish
        assert await reader(db).of([CallId(CALL)], AT) == []


class Books:
    """Who records: remembers what it was given, and takes it or not."""

    def __init__(self) -> None:
        self.calls: list[CallId] = []
        self.takes = True

    async def keep(self, node: str, calls: Sequence[NotedCall]) -> bool:
        assert node == "main"
        if self.takes:
            self.calls += [call.call_id for call in calls]
        return self.takes


class Clock:
    def now(self) -> float:
        return AT


def aftermath(db: AstDb, books: Books) -> tuple[Aftermath, Registry]:
    registry = Registry(dict(ENDPOINTS))
    return Aftermath("main", reader(db, registry), registry, Clock(), books.keep), registry


UNFINISHED = with_part(1, "in")
OTHER = "20260101120000-111111111111"


async def test_a_note_goes_when_its_call_is_recorded_and_not_before() -> None:
    db, books = AstDb(), Books()
    db.put(CALL)
    work, _ = aftermath(db, books)
    books.takes = False
    assert await work.work_off() is True
    assert (books.calls, db.deleted) == ([], [])
    books.takes = True
    assert await work.work_off() is False
    assert (books.calls, db.deleted) == ([CALL], [CALL])
    assert await work.work_off() is False and books.calls == [CALL]


async def test_the_note_of_a_caller_who_is_there_stays() -> None:
    db, books = AstDb(), Books()
    db.put(CALL, UNFINISHED)
    db.put(OTHER)
    work, registry = aftermath(db, books)
    registry.caller_entered(Caller(CallId(CALL), "PJSIP/trunk-1", "u1", "u1"))
    for _ in range(3):
        assert await work.work_off() is True
    assert (books.calls, db.deleted) == ([OTHER], [OTHER])


async def test_a_caller_who_is_nowhere_at_two_looks_is_gone() -> None:
    db, books = AstDb(), Books()
    db.put(CALL, UNFINISHED)
    work, _ = aftermath(db, books)
    assert await work.work_off() is True and books.calls == []
    assert await work.work_off() is False and books.calls == [CALL]


async def test_rubbish_goes_without_a_record() -> None:
    db, books = AstDb(), Books()
    db.put(CALL, "what?")
    work, _ = aftermath(db, books)
    assert await work.work_off() is False
    assert (books.calls, db.deleted) == ([], [CALL])


@pytest.mark.parametrize("error", [AmiRefused("DBGetTree: Permission denied"), AmiDown("gone")])
async def test_notes_that_cannot_be_read_are_said_so_and_stop_nothing(error: AmiError) -> None:
    db, books = AstDb(), Books()
    db.error = error
    work, _ = aftermath(db, books)
    assert await work._something_left() is isinstance(error, AmiDown)


def test_the_dialplan_writes_as_many_parts_as_are_read() -> None:
    written = [line for line in CONF.read_text(encoding="utf-8").splitlines() if "Set(DB(" in line]
    assert len(written) == 2
    assert {line.replace("?${ACD_CALL}|)}", "").count("|") + 1 for line in written} == {len(PARTS)}
