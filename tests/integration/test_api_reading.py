"""What the API answers to those who read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from acd.api.metrics import Reading
from acd.api.refusals import CannotListen
from acd.queues.journey import Fact
from acd.queues.model import CallId
from tests.fakes.api import Shop
from tests.fakes.board import NOW, and_then, ended, talking, waiting


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with Shop() as shop:
        yield shop


def put(shop: Shop, *calls: object) -> None:
    shop.board.calls.update({call.id: call for call in calls})  # type: ignore[attr-defined]


async def test_status_is_the_contract(shop: Shop) -> None:
    answer = (await shop.get("/api/v1/status")).json
    assert answer["as_of"] == "2026-09-21T17:13:20.000+03:00"
    assert answer["queues"][0] == {
        "name": "sales",
        "waiting": 1,
        "longest_wait_s": 4.5,
        "agents_online": 2,
        "agents_ready": 1,
        "estimated_wait_s": 12.5,
        "today": {"offered": 10, "answered": 8, "abandoned": 1, "service_level": 0.75},
    }
    assert answer["agents"][0] == {
        "id": "1001",
        "name": "Анна",
        "state": "ready",
        "since": "2026-09-21T17:12:20.000+03:00",
        "reason": None,
        "call_id": None,
        "skills": {"sales": 5},
        "today": {"answered": 3, "missed": 1, "talk_s": 125.5},
        "mirrored": True,
    }
    assert answer["nodes"] == [
        {"name": "main", "connected": True, "since": "2026-09-21T16:13:20.000+03:00", "problem": None}
    ]


async def test_lists_have_items_and_next(shop: Shop) -> None:
    for path in ("/api/v1/queues", "/api/v1/agents", "/api/v1/calls", "/api/v1/queues/sales/calls"):
        answer = (await shop.get(path)).json
        assert set(answer) == {"items", "next"} and answer["next"] is None, path


async def test_one_queue_one_agent_and_unknown_ones(shop: Shop) -> None:
    assert (await shop.get("/api/v1/queues/sales")).json["name"] == "sales"
    assert (await shop.get("/api/v1/agents/1002")).json["state"] == "offline"
    for path, code in [
        ("/api/v1/queues/nope", "unknown_queue"),
        ("/api/v1/queues/nope/calls", "unknown_queue"),
        ("/api/v1/agents/nope", "unknown_agent"),
        ("/api/v1/calls/nope", "unknown_call"),
        ("/api/v1/calls/nope/why", "unknown_call"),
    ]:
        answer = await shop.get(path)
        assert (answer.status, answer.json["code"]) == (404, code), path


async def test_waiting_calls_in_the_board_s_order(shop: Shop) -> None:
    put(shop, waiting("b", NOW - 5), waiting("a", NOW - 9), talking("c", NOW - 20))
    shop.board.waits[CallId("a")] = 30.25
    answer = (await shop.get("/api/v1/queues/sales/calls")).json
    assert [call["id"] for call in answer["items"]] == ["a", "b"]
    assert answer["items"][0]["wait_s"] == 8.0
    assert [call["estimated_wait_s"] for call in answer["items"]] == [30.25, None]
    assert (await shop.get("/api/v1/calls/a")).json["estimated_wait_s"] == 30.25
    assert (await shop.get("/api/v1/calls?state=live")).json["items"][1]["estimated_wait_s"] == 30.25
    assert answer["items"][0]["events"] == []


async def test_a_call_with_its_journey(shop: Shop) -> None:
    put(shop, talking("a", NOW - 20))
    call = (await shop.get("/api/v1/calls/a")).json
    assert call["state"] == "live"
    assert call["wait_s"] == 3.0 and call["talk_s"] == 16.0
    assert call["offers"] == [
        {"id": "a-o1", "agent": "1001", "at": "2026-09-21T17:13:02.000+03:00", "result": "answered", "ring_s": 1.0}
    ]
    assert call["survey"] == {"result": None, "score": None}
    assert [event["fact"] for event in call["events"]] == ["entered", "queued", "offered", "accepted", "connected"]
    assert call["events"][1]["data"]["joined_at"] == "2026-09-21T17:13:01.000+03:00"


async def test_an_ended_call_comes_from_the_store(shop: Shop) -> None:
    shop.store.records["old"] = ended("old", NOW - 500)
    call = (await shop.get("/api/v1/calls/old")).json
    assert (call["state"], call["outcome"], call["survey"]) == ("ended", "answered", {"result": "answered", "score": 9})
    assert datetime.fromisoformat(call["ended_at"]).utcoffset() is not None


async def test_without_a_database_live_calls_are_still_shown(shop: Shop) -> None:
    put(shop, waiting("a", NOW))
    shop.store.away = True
    assert (await shop.get("/api/v1/calls/a")).status == 200
    assert (await shop.get("/api/v1/calls?state=live")).status == 200
    answer = await shop.get("/api/v1/calls")
    assert (answer.status, answer.json["code"]) == (503, "storage")
    assert answer.headers["Retry-After"]


async def test_live_calls_then_ended_ones_page_by_page(shop: Shop) -> None:
    put(shop, *(waiting(f"live{n}", NOW + n) for n in range(5)))
    shop.store.records = {f"old{n}": ended(f"old{n}", NOW - 100 + n) for n in range(5)}
    for limit in (1, 2, 3, 5, 7, 200):
        seen: list[str] = []
        cursor = ""
        for _ in range(20):
            page = (await shop.get(f"/api/v1/calls?limit={limit}&cursor={cursor}")).json
            assert len(page["items"]) <= limit
            seen += [call["id"] for call in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert seen == [f"live{n}" for n in (4, 3, 2, 1, 0)] + [f"old{n}" for n in (4, 3, 2, 1, 0)], limit


async def test_a_call_that_is_both_live_and_recorded_is_seen_once(shop: Shop) -> None:
    put(shop, waiting("a", NOW))
    shop.store.records["a"] = ended("a", NOW)
    assert [call["state"] for call in (await shop.get("/api/v1/calls")).json["items"]] == ["ended"]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("state=live", ["now", "talk"]),
        ("state=ended", ["old"]),
        ("agent=1001", ["talk", "old"]),
        ("queue=support", []),
        ("number=%2B79160000003", ["old"]),
        ("from=2026-09-21T17:13:20", ["now"]),  # without an offset: Moscow
        ("from=2026-09-21T14:13:20Z", ["now"]),
        ("from=2026-09-21T17:13:20+03:00", ["now"]),  # the plus was not escaped
        ("to=2026-09-21T17:13:20%2B03:00", ["talk", "old"]),
        ("from=2026-09-22", []),
        ("queue=&state=live", ["now", "talk"]),
    ],
)
async def test_filters(shop: Shop, query: str, wanted: list[str]) -> None:
    put(shop, waiting("now", NOW), talking("talk", NOW - 60))
    shop.store.records["old"] = ended("old", NOW - 500)
    answer = await shop.get(f"/api/v1/calls?{query}")
    assert [call["id"] for call in answer.json["items"]] == wanted


async def test_why_of_a_live_and_of_an_ended_call(shop: Shop) -> None:
    put(shop, waiting("a", NOW))
    shop.store.records["old"] = ended("old", NOW - 500)
    live = (await shop.get("/api/v1/calls/a/why")).json
    assert live["position"] == 1 and live["obstacles"] == {"offline": 1}
    assert live["candidates"][0] == {
        "agent": "1002",
        "name": "Boris",
        "eligible": False,
        "chosen": False,
        "reason": "logged out",
        "rank": None,
        "obstacle": "offline",
    }
    told = (await shop.get("/api/v1/calls/old/why")).json
    assert told["summary"] == "The call was answered by 1001 in queue sales after waiting 3.0 s; offers made: 1."
    assert told["candidates"] == [
        {
            "agent": "1001",
            "name": "Анна",
            "eligible": True,
            "chosen": True,
            "reason": "answered after ringing 1.0 s",
            "rank": 1,
            "obstacle": "",
        }
    ]
    (made,) = told["decisions"]
    assert made.pop("at").endswith("+03:00")
    assert made == {
        "offer_id": "old-o1",
        "chosen": ["1001"],
        "rule": "longest_idle",
        "ready": 12,
        "candidates": [
            {"agent": "1001", "rank": 1, "reason": "idle 132.0 s"},
            {"agent": "1002", "rank": 2, "reason": "past the soft cap; idle 30.1 s"},
        ],
        "others": {"talking": 5, "skills": 40},
    }


async def test_why_an_agent_gets_no_call(shop: Shop) -> None:
    why = (await shop.get("/api/v1/agents/1001/why")).json
    assert why.pop("at").endswith("+03:00")
    assert why == {
        "agent": "1001",
        "state": "ready",
        "summary": "ready; 1 waits, none of them for this agent: skills 1",
        "waiting": 1,
        "calls": [
            {
                "call_id": "a",
                "queue": "sales",
                "position": 1,
                "score": 0.123,
                "eligible": False,
                "reason": "skills: ru >= 1 is required, ru is missing",
                "obstacle": "skills",
            }
        ],
    }
    assert (await shop.get("/api/v1/agents/1001/why", "agent")).status == 200
    assert (await shop.get("/api/v1/agents/1002/why", "agent")).status == 403
    assert (await shop.get("/api/v1/agents/nobody/why")).json["code"] == "unknown_agent"


async def test_health(shop: Shop) -> None:
    assert (await shop.get("/healthz", None)).json == {"status": "ok", "degraded": {}}
    assert (await shop.get("/readyz", None)).json == {"status": "ready", "reasons": {}}
    shop.board.worth_a_look["recorder"] = "12 entries wait on disk."
    shop.board.reasons["asterisk.main"] = "No link for 4 s."
    assert (await shop.get("/healthz", None)).json["status"] == "degraded"
    answer = await shop.get("/readyz", None)
    assert answer.status == 503
    assert answer.json == {"status": "unready", "reasons": {"asterisk.main": "No link for 4 s."}}


async def test_metrics_count_each_ended_call_once_and_name_nobody(shop: Shop) -> None:
    shop.readings = [Reading("pending_actions", "AMI actions without an answer", 3, {"node": "main"})]
    over = ended("a", NOW, number="+79161234567")
    shop.feed.publish(call=talking("b", NOW))
    shop.feed.publish(call=over)
    shop.feed.publish(call=over)  # another fact of the same decision
    shop.feed.publish(call=and_then(over, (Fact.DISPOSITION, {"code": "sold"})))
    shop.feed.publish(call=ended("c", NOW))
    counted = 'acd_calls_total{outcome="answered",queue="sales"} 2.0'
    figures = ""
    async with asyncio.timeout(5):
        while counted not in figures:  # calls are counted by a look now and then
            await asyncio.sleep(0.02)
            figures = (await shop.get("/metrics", None)).text
    for line in (
        'acd_waiting{queue="sales"} 1.0',
        'acd_agents{state="ready"} 1.0',
        'acd_asterisk_connected{node="main"} 1.0',
        'acd_pending_actions{node="main"} 3.0',
        "acd_ready 1.0",
        "acd_event_loop_lag_seconds",
    ):
        assert line in figures, line
    # Names and labels only: a measured time may hold any digits.
    told = {
        text
        for family in text_string_to_metric_families(figures)
        for sample in family.samples
        for text in (family.documentation, sample.name, *sample.labels, *sample.labels.values())
    }
    for private in ("79161234567", "Анна", "Boris", "1001"):
        assert not [text for text in told if private in text], private


async def test_two_servers_on_one_port(shop: Shop) -> None:
    port = int(shop.server.url.rpartition(":")[2])
    with pytest.raises(CannotListen, match=rf"127\.0\.0\.1:{port}.*http\.port"):
        await Shop(port=port).server.start()
    assert (await shop.get("/healthz", None)).status == 200
