"""The look-up of callers, and a CRM that is slow, down, or lies in every way: counted, bounded, and no call waits."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from acd import tasks
from acd.crm import Crm, CrmSettings
from acd.crm.answer import MOST_BYTES
from acd.crm.breaker import FAILURES, REST_S
from acd.queues.about import CallerKnown
from acd.queues.events import Event
from acd.queues.journey import Fact, JourneyEvent
from acd.queues.model import CallId
from tests.deadlines import until
from tests.fakes import crm as fake
from tests.fakes.crm import FakeCrm
from tests.faults import Figure

NUMBER, DID = "+79161234567", "74951234567"
TIMEOUT_S = 0.2


class Clock:
    def now(self) -> float:
        return 1000.0


class Bench:
    """The look-up, and what it told."""

    def __init__(self, url: str, **more: Any) -> None:
        self.events: list[Event] = []
        self.room = True
        settings = CrmSettings(url, **{"timeout_s": TIMEOUT_S, "cache_s": 0.0, "attributes": ("segment",), **more})
        self.crm = Crm(settings, Clock(), self._post)

    def _post(self, event: Event) -> bool:
        self.events.append(event)
        return self.room

    def ask(self, call: str = "c1", number: str = NUMBER, **more: str) -> None:
        began = time.monotonic()
        self.crm.heed(JourneyEvent(CallId(call), 1, 1000.0, Fact.ENTERED, {"number": number, "did": DID, **more}))
        assert time.monotonic() - began < 0.05, "nobody waits for it"

    def told(self) -> dict[str, int]:
        return {outcome: count for outcome, count in self.crm.counts.items() if count}

    async def settled(self) -> dict[str, int]:
        """What came of the questions asked, when all are answered or given up."""
        await until(lambda: not self.crm._asking, "all are answered or given up", 5)
        return self.told()


@pytest.fixture
async def server() -> AsyncIterator[FakeCrm]:
    async with fake.fake_crm() as running:
        yield running


@asynccontextmanager
async def bench(server: FakeCrm | str, **more: Any) -> AsyncIterator[Bench]:
    before = tasks.count()
    opened = Bench(server if isinstance(server, str) else server.url, **more)
    try:
        yield opened
    finally:
        await opened.crm.close()
    assert tasks.count() == before


async def test_what_is_known_of_the_caller_comes_back_as_an_event(server: FakeCrm) -> None:
    more = {"attributes": {"segment": "vip", "other": "x"}, "since": 1999}
    server.answer = fake.knows(name="Ольга\n Ёж", language="en", priority=20, **more)
    async with bench(server, token="s3cret") as one:
        one.ask()
        assert await one.settled() == {"known": 1}
        attributes = {"segment": "vip", "language": "en"}
        assert one.events == [CallerKnown(1000.0, CallId("c1"), "Ольга Ёж", 20, attributes)]
        assert server.asked == ["GET /lookup?number=%2B79161234567&did=74951234567 HTTP/1.1"]
        assert server.headers["Authorization"] == "Bearer s3cret"
        assert "s3cret" not in repr(one.crm._settings)


@pytest.mark.parametrize("status", ["204 No Content", "404 Not Found"])
async def test_nobody_knows_this_number(server: FakeCrm, status: str) -> None:
    server.answer = fake.answer(status)
    async with bench(server) as one:
        one.ask()
        assert (await one.settled(), one.events) == ({"unknown": 1}, [])


async def test_a_withheld_number_is_not_asked_for_nor_a_colleague(server: FakeCrm) -> None:
    async with bench(server) as one:
        one.ask(number="")
        one.ask(agent="1001")
        assert (await one.settled(), server.connections) == ({}, 0)


async def test_whatever_stands_in_a_number_stays_in_its_place(server: FakeCrm) -> None:
    server.answer = fake.answer("404 Not Found")
    async with bench(server) as one:
        one.ask(number="1&admin=1#\r\nX: y/../{did}")
        assert await one.settled() == {"unknown": 1}
    (line,) = server.asked
    assert line.startswith("GET /lookup?number=1%26admin%3D1%23%0D%0AX%3A%20y%2F..%2F")
    assert line.count("&") == 1


NESTED = b"[" * 8_000 + b"]" * 8_000
LIES = {
    "no json": fake.answer("200 OK", b"<html>hello</html>"),
    "nothing": fake.answer("200 OK", b""),
    "a list": fake.answer("200 OK", b"[]"),
    "null": fake.answer("200 OK", b"null"),
    "nested": fake.answer("200 OK", b'{"attributes": ' + NESTED + b"}"),
    "no utf-8": fake.answer("200 OK", b'{"name": "\xff\xfe"}'),
    "name is a number": fake.knows(name=5),
    "name is long": fake.knows(name="x" * 81),
    "priority is text": fake.knows(priority="20"),
    "priority is true": fake.knows(priority=True),
    "priority is huge": fake.answer("200 OK", b'{"priority": ' + b"9" * 5_000 + b"}"),
    "priority is nan": fake.answer("200 OK", b'{"priority": NaN}'),
    "priority is broken": fake.knows(priority=1.5),
    "language is none": fake.knows(language="русский"),
    "attributes are a list": fake.knows(attributes=["segment"]),
    "an attribute is a number": fake.knows(attributes={"segment": 1}),
    "an attribute is long": fake.knows(attributes={"segment": "x" * 65}),
    "many attributes": fake.knows(attributes={f"a{n}": "x" for n in range(101)}),
    "huge": fake.answer("200 OK", b'{"name": "' + b"x" * MOST_BYTES + b'"}'),
    "endless": fake.floods,
    "a bomb": fake.answer("200 OK", gzip.compress(b" " * 10_000_000), "Content-Encoding: gzip"),
    "redirect": fake.answer("302 Found", b"", "Location: /elsewhere"),
    "forbidden": fake.answer("403 Forbidden", b"{}"),
}


@pytest.mark.fault(25)
@pytest.mark.parametrize("lie", LIES)
async def test_a_lie_is_not_believed(server: FakeCrm, lie: str, figure: Figure) -> None:
    server.answer = LIES[lie]
    async with bench(server, timeout_s=2.0) as one:
        with capture_logs() as lines:
            one.ask()
            assert (await one.settled(), one.events) == ({"wrong": 1}, [])
        assert [line["event"] for line in lines] == ["crm answer not used"]
        assert NUMBER.lstrip("+") not in str(lines)
        assert len(server.asked) == 1, "it is not asked again, nor anywhere else"
        assert one.crm.health() is None
    figure("believed", len(one.events), "")


FAILURES_OF = {
    "hangs": (fake.hangs, "late"),
    "drips": (fake.drips, "late"),
    "500": (fake.answer("500 Internal Server Error"), "down"),
    "closes": (fake.raw(b""), "down"),
    "breaks off": (fake.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), "down"),
    "no http": (fake.raw(b"SSH-2.0-OpenSSH\r\n\r\n"), "down"),
    "no status": (fake.raw(b"HTTP/1.1 abc\r\n\r\n"), "down"),
}


@pytest.mark.fault(25)
@pytest.mark.parametrize("how", FAILURES_OF)
async def test_no_answer_costs_no_more_than_its_time(server: FakeCrm, how: str, figure: Figure) -> None:
    server.answer, outcome = FAILURES_OF[how]
    async with bench(server) as one:
        began = time.monotonic()
        with capture_logs() as lines:
            one.ask()
            assert (await one.settled(), one.events) == ({outcome: 1}, [])
        figure("given up after", time.monotonic() - began, "s")
        assert time.monotonic() - began < TIMEOUT_S + 0.5
        assert [line["event"] for line in lines] == ["crm not heard"]
        assert NUMBER.lstrip("+") not in str(lines)


async def test_headers_without_end_are_given_up(server: FakeCrm) -> None:
    server.answer = fake.heads
    async with bench(server) as one:
        one.ask()
        told = await one.settled()
        assert told in ({"late": 1}, {"down": 1}) and not one.events


async def test_nobody_at_the_address() -> None:
    async with bench("http://127.0.0.1:1/?n={number}") as one:
        one.ask()
        assert await one.settled() == {"down": 1}


@pytest.mark.fault(25)
async def test_a_dead_crm_is_left_alone_and_found_again(
    server: FakeCrm, monkeypatch: pytest.MonkeyPatch, figure: Figure
) -> None:
    server.answer = fake.raw(b"")
    async with bench(server, max_concurrent=1) as one:
        for number in range(FAILURES):
            one.ask(f"c{number}")
            await one.settled()
        asked = len(server.asked)
        for number in range(100):
            one.ask(f"d{number}")
        figure("questions to a dead CRM, of 100 calls", len(server.asked) - asked, "")
        assert (await one.settled())["resting"] == 100
        assert (len(server.asked), one.crm.health() is not None) == (asked, True)
        server.answer = fake.knows(name="Ольга")
        loop = asyncio.get_running_loop()
        later = loop.time
        monkeypatch.setattr(loop, "time", lambda: later() + REST_S)
        one.ask("first")
        one.ask("second")
        assert (await one.settled())["known"] == 1, "one is let through to try"
        assert one.crm.health() is None
        one.ask("third")
        assert (await one.settled())["known"] == 2


async def test_no_more_questions_at_once_than_are_allowed(server: FakeCrm) -> None:
    async with bench(server, max_concurrent=3) as one:
        for number in range(10):
            one.ask(f"c{number}")
        assert one.told() == {"shed": 7}
        assert await one.settled() == {"shed": 7, "late": 3}
        assert server.most_at_once == 3


async def test_an_answer_is_remembered_for_a_while(server: FakeCrm, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answer = fake.knows(priority=5)
    async with bench(server, cache_s=60.0) as one:
        one.ask("c1")
        await one.settled()
        one.ask("c2")
        one.ask("c3", number="+79160000009")
        assert await one.settled() == {"known": 2, "remembered": 1}
        assert len(server.asked) == 2
        monkeypatch.setattr("acd.crm.client.MOST_REMEMBERED", 1)
        one.ask("c4", number="+79160000010")
        await one.settled()
        assert len(one.crm._remembered) == 1
        loop, later = asyncio.get_running_loop(), asyncio.get_running_loop().time
        monkeypatch.setattr(loop, "time", lambda: later() + 61)
        one.ask("c5", number="+79160000010")
        assert (await one.settled())["known"] == 4


async def test_an_answer_for_which_there_is_no_room_is_dropped_and_counted(server: FakeCrm) -> None:
    server.answer = fake.knows(priority=5)
    async with bench(server) as one:
        one.room = False
        one.ask()
        assert await one.settled() == {"known": 1, "shed": 1}


async def test_a_question_in_flight_ends_with_the_daemon(server: FakeCrm) -> None:
    async with bench(server, timeout_s=30.0) as one:
        one.ask()
        await until(lambda: server.asked)
