"""Who may do what: every route of the OpenAPI document, and what agents may do with what is their own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from acd.api import openapi
from acd.api.routes import ROUTES
from tests.fakes.api import SECRETS, Shop
from tests.fakes.board import NOW, ended, message, talking, waiting

DOCUMENT: dict[str, Any] = json.loads(openapi.document(ROUTES))
OPERATIONS = [
    (method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
TAPED = "20260921140000-123456123456"
BODIES: dict[str, dict[str, Any]] = {
    "/pause": {"reason": "tea"},
    "/disposition": {"code": "sold"},
    "/priority": {"priority": 5},
    "/move": {"queue": "support"},
    "/pull": {"agent": "1001"},
}


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    (tmp_path / f"{TAPED}.wav").write_bytes(b"RIFF....WAVE")
    async with Shop(voicemail_directory=str(tmp_path)) as shop:
        shop.board.calls[TAPED] = message(TAPED, NOW - 60)
        shop.store.records[TAPED] = shop.board.calls[TAPED]
        shop.board.calls["mine"] = talking("mine", NOW - 60, agent="1001", number="+79160000077")
        shop.board.calls["other"] = talking("other", NOW - 60, agent="1002", number="+79160000088")
        shop.board.calls["waits"] = waiting("waits", NOW - 5)
        yield shop


def filled(path: str) -> str:
    values = {"name": "sales", "id": "mine" if "/calls/" in path else "1001", "call_id": TAPED}
    return path.format(**values)


def body_of(path: str) -> dict[str, Any] | None:
    return next((body for end, body in BODIES.items() if path.endswith(end)), None)


def test_the_document_is_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()
    assert DOCUMENT["openapi"] == "3.1.0"
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(names) == len(set(names)) > 15


def test_every_schema_named_is_there() -> None:
    named = set(json.dumps(DOCUMENT).split('"#/components/schemas/')[1:])
    assert {text.split('"')[0] for text in named} <= set(DOCUMENT["components"]["schemas"])
    assert {"Snapshot", "Delta", "Problem", "Call", "PauseBody"} <= set(DOCUMENT["components"]["schemas"])


async def test_the_document_is_served(shop: Shop) -> None:
    assert (await shop.get("/openapi.json", None)).json == DOCUMENT


@pytest.mark.fault(26)
@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=[f"{m} {p}" for m, p, _ in OPERATIONS])
async def test_every_route_asks_for_its_role(shop: Shop, method: str, path: str, operation: dict[str, Any]) -> None:
    role = operation["x-role"]
    without = await shop.ask(method, filled(path), None, json=body_of(path))
    if role is None:
        assert without.status == 200
        return
    assert (without.status, without.json["code"]) == (401, "unauthorized")
    assert without.headers["WWW-Authenticate"] == 'Bearer realm="acd"'
    if role != "agent":
        small = await shop.ask(method, filled(path), "agent", json=body_of(path))
        assert (small.status, small.json["code"]) == (403, "forbidden")
    for enough in {role, "admin"}:
        if operation["responses"]["200"]["content"].get("text/event-stream"):
            async with shop.stream():
                continue
        answer = await shop.ask(method, filled(path), enough, json=body_of(path))
        assert answer.status == 200, answer.text


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer nope", "Basic YTpi", f"Token {SECRETS['admin']}", f"Bearer {SECRETS['admin']}x"],
)
async def test_wrong_tokens(shop: Shop, header: str) -> None:
    answer = await shop.get("/api/v1/status", None, headers={"Authorization": header})
    assert answer.status == 401
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    known = answer.headers["WWW-Authenticate"].endswith('error="invalid_token"')
    assert known == ("nope" in header or header.endswith("x"))


async def test_a_token_in_the_address_is_not_a_token(shop: Shop) -> None:
    assert (await shop.get(f"/api/v1/events?access_token={SECRETS['admin']}", None)).status == 401


async def test_an_agent_s_token_changes_only_its_own_agent(shop: Shop) -> None:
    for verb in ("login", "logout", "login", "pause", "ready"):
        mine = await shop.post(f"/api/v1/agents/1001/{verb}", "agent", json=body_of(f"/{verb}"))
        assert mine.status == 200, mine.text
        other = await shop.post(f"/api/v1/agents/1002/{verb}", "agent", json=body_of(f"/{verb}"))
        assert (other.status, other.json["code"]) == (403, "forbidden")
    assert shop.board.agent_views[1].state == "offline"


async def test_an_agent_sees_and_disposes_of_only_own_calls(shop: Shop) -> None:
    assert (await shop.get("/api/v1/calls/mine", "agent")).json["number"] == "+79160000077"
    for other in ("other", "waits"):
        answer = await shop.get(f"/api/v1/calls/{other}", "agent")
        assert answer.status == 403 and "+7916" not in answer.text
    body = {"code": "sold", "amount": 990.5, "note": "два\nкота"}
    mine = await shop.post("/api/v1/calls/mine/disposition", "agent", json=body)
    assert mine.json["disposition"] == body
    assert (await shop.post("/api/v1/calls/other/disposition", "agent", json=body)).status == 403
    assert shop.board.calls["other"].disposition is None


async def test_orders_and_refusals(shop: Shop) -> None:
    paused = (await shop.post("/api/v1/agents/1001/pause", json={"reason": "чай"})).json
    assert (paused["state"], paused["reason"]) == ("paused", "чай")
    refused = await shop.post("/api/v1/agents/1002/ready")
    assert (refused.status, refused.json["code"]) == (409, "not_allowed")
    assert refused.json["detail"] == "The agent is logged out; log in first."
    unknown = await shop.post("/api/v1/agents/9999/login")
    assert (unknown.status, unknown.json["code"]) == (404, "unknown_agent")


async def test_a_supervisor_s_orders_about_a_waiting_call(shop: Shop) -> None:
    first = (await shop.get("/api/v1/calls/waits")).json
    assert first["priority"] == 0
    urgent = (await shop.post("/api/v1/calls/waits/priority", json={"priority": 20})).json
    assert urgent["priority"] == 20
    told = urgent["events"][-1]
    assert (told["fact"], told["data"]) == ("priority", {"priority": 20, "by": "wallboard"})
    moved = (await shop.post("/api/v1/calls/waits/move", json={"queue": "support"})).json
    assert (moved["queue"], moved["queued_at"], moved["priority"]) == ("support", first["queued_at"], 20)
    pulled = (await shop.post("/api/v1/calls/waits/pull", json={"agent": "1001"})).json
    assert [offer["agent"] for offer in pulled["offers"]] == ["1001"]


@pytest.mark.parametrize(
    ("call", "verb", "body", "status", "code"),
    [
        ("nobody", "priority", {"priority": 1}, 404, "unknown_call"),
        ("../x", "priority", {"priority": 1}, 404, "not_found"),
        ("over", "priority", {"priority": 1}, 409, "not_allowed"),
        ("long-over", "move", {"queue": "support"}, 409, "not_allowed"),
        ("waits", "move", {"queue": "nowhere"}, 404, "unknown_queue"),
        ("waits", "pull", {"agent": "9999"}, 404, "unknown_agent"),
        ("waits", "pull", {"agent": "1002"}, 409, "not_allowed"),
        ("waits", "priority", {"priority": 10_001}, 422, "invalid"),
        ("waits", "priority", {"priority": "7"}, 422, "invalid"),
        ("waits", "priority", {"priority": 1.5}, 422, "invalid"),
        ("waits", "priority", {"priority": True}, 422, "invalid"),
        ("waits", "move", {"queue": ""}, 422, "invalid"),
        ("waits", "pull", {}, 422, "invalid"),
    ],
)
async def test_orders_that_cannot_be_taken(
    shop: Shop, call: str, verb: str, body: dict[str, Any], status: int, code: str
) -> None:
    shop.board.calls["over"] = ended("over", NOW - 600)
    shop.store.records["long-over"] = ended("long-over", NOW - 60_000)
    answer = await shop.post(f"/api/v1/calls/{call}/{verb}", json=body)
    assert (answer.status, answer.json["code"]) == (status, code)


async def test_an_order_that_is_never_decided(shop: Shop) -> None:
    async with Shop(request_timeout_s=0.1) as slow:
        slow.floor.decides.clear()
        answer = await slow.post("/api/v1/agents/1001/login")
        assert (answer.status, answer.json["code"]) == (504, "timeout")


async def test_the_cookie_opens_the_stream_and_nothing_else(shop: Shop) -> None:
    answer = await shop.post("/api/v1/session")
    cookie = answer.headers["Set-Cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", "Path=/api/v1/events", "Max-Age=60"))
    assert SECRETS["supervisor"] not in cookie
    ticket = {"Cookie": cookie.split(";")[0]}
    async with shop.session.get("/api/v1/events", headers=ticket) as stream:
        assert stream.status == 200
    assert (await shop.get("/api/v1/status", None, headers=ticket)).status == 401
    forged = {"Cookie": cookie.split(";")[0][:-1] + ("0" if cookie.split(";")[0][-1] != "0" else "1")}
    assert (await shop.get("/api/v1/events", None, headers=forged)).status == 401
    shop.board.at += 61
    assert (await shop.get("/api/v1/events", None, headers=ticket)).status == 401
