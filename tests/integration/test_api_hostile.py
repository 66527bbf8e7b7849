"""Bad input, huge input, and what goes into headers and logs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from yarl import URL

from acd.api.routes import ROUTES
from acd.api.routing import Route
from tests.deadlines import until
from tests.fakes.api import Shop
from tests.fakes.board import NOW, waiting


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with Shop(max_body_bytes=2000) as shop:
        yield shop


@pytest.mark.fault(26)
@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/nope", None, 404, "not_found"),
        ("GET", "/api/v1/agents/1001/login", None, 405, "method_not_allowed"),
        ("DELETE", "/api/v1/calls", None, 405, "method_not_allowed"),
        ("POST", "/api/v1/agents/1001/pause", b"{", 400, "bad_request"),
        ("POST", "/api/v1/agents/1001/pause", b"", 400, "bad_request"),
        ("POST", "/api/v1/agents/1001/pause", b"\xff\xfe", 400, "bad_request"),
        ("POST", "/api/v1/agents/1001/pause", b"[" * 1900, 400, "bad_request"),
        ("POST", "/api/v1/agents/1001/pause", b'{"reason": "\\ud800"}', 400, "bad_request"),
        ("POST", "/api/v1/agents/1001/pause", b"[]", 422, "invalid"),
        ("POST", "/api/v1/agents/1001/pause", b"{}", 422, "invalid"),
        ("POST", "/api/v1/agents/1001/pause", b'{"reason": ""}', 422, "invalid"),
        ("POST", "/api/v1/agents/1001/pause", b'{"reason": "a\\u0000b"}', 422, "invalid"),
        ("POST", "/api/v1/agents/1001/pause", b'{"reason": "a\\nb"}', 422, "invalid"),
        ("POST", "/api/v1/agents/1001/pause", b'{"reason": "tea", "x": 1}', 422, "invalid"),
        ("POST", "/api/v1/calls/a/disposition", b'{"code": "x", "amount": 1e999}', 422, "invalid"),
        ("POST", "/api/v1/calls/a/disposition", b'{"code": "x", "note": "\\u001b[2J"}', 422, "invalid"),
        ("POST", "/api/v1/agents/1001/pause", b'{"reason": "' + b"x" * 3000 + b'"}', 413, "too_large"),
        ("POST", "/api/v1/agents/1001/login", b"x" * 3000, 413, "too_large"),
        ("POST", "/api/v1/agents/1001/pause", b'{"reason": "' + b"x" * 1_000_000 + b'"}', 413, "too_large"),
        ("GET", "/api/v1/calls?limit=0", None, 422, "invalid"),
        ("GET", "/api/v1/calls?limit=201", None, 422, "invalid"),
        ("GET", "/api/v1/calls?limit=x", None, 422, "invalid"),
        ("GET", "/api/v1/calls?limit=1&limit=2", None, 422, "invalid"),
        ("GET", "/api/v1/calls?state=dead", None, 422, "invalid"),
        ("GET", "/api/v1/calls?quueue=sales", None, 422, "invalid"),
        ("GET", "/api/v1/calls?number=%00", None, 422, "invalid"),
        ("GET", "/api/v1/calls?from=yesterday", None, 422, "invalid"),
        ("GET", "/api/v1/calls?from=0001-01-01", None, 422, "invalid"),
        ("GET", "/api/v1/calls?to=9999-12-31T23:59:59-12:00", None, 422, "invalid"),
        ("GET", "/api/v1/calls?cursor=!!", None, 400, "bad_cursor"),
        ("GET", "/api/v1/calls?cursor=bGl2ZSBuYW4gYQ", None, 400, "bad_cursor"),  # live nan a
        ("GET", "/api/v1/calls?cursor=c3RvcmUgeHl6", None, 400, "bad_cursor"),  # store xyz
        ("GET", "/api/v1/status?x=1", None, 422, "invalid"),
    ],
)
async def test_refusals(shop: Shop, method: str, path: str, body: bytes | None, status: int, code: str) -> None:
    shop.board.calls["a"] = waiting("a", NOW)
    answer = await shop.ask(method, path, data=body)
    assert (answer.status, answer.json["code"]) == (status, code), answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.json["status"] == status and answer.json["type"] == f"/docs#problem-{code}"
    assert answer.json["title"] and answer.json["detail"]
    if code == "method_not_allowed":
        assert answer.headers["Allow"]
    if code == "invalid":
        assert all(fault["where"] and fault["message"] for fault in answer.json["errors"])


@pytest.mark.fault(26)
async def test_a_body_without_a_length_is_cut_off_as_well(shop: Shop) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1000

    answer = await shop.post("/api/v1/agents/1001/pause", data=endless())
    assert (answer.status, answer.json["code"]) == (413, "too_large")


@pytest.mark.fault(26)
@pytest.mark.parametrize(
    "path",
    [
        "/static/../settings.py",
        "/static/..%2fsettings.py",
        "/static/%2e%2e/settings.py",
        "/static/%2fetc%2fpasswd",
        "/static/live.html%00",
        "//etc/passwd",
        "/api/v1/calls/..%2f..%2fmetrics",
        "/api/v1/calls/" + "x" * 5000,
        "/api/v1/agents/%FF%FE",
        "/api/v1/queues/%00",
        "/api/v1/calls/a'%20OR%201=1--",
    ],
)
async def test_path_tricks_find_nothing(shop: Shop, path: str) -> None:
    async with shop.session.get(URL(shop.server.url + path, encoded=True)) as answer:
        assert answer.status in (401, 404)
    answer2 = await shop.ask("GET", URL(shop.server.url + path, encoded=True))  # type: ignore[arg-type]
    assert answer2.status == 404
    assert answer2.headers["Content-Type"].startswith("application/problem+json")


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x00", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 20000])
async def test_what_is_not_http_gets_a_problem(shop: Shop, sent: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(shop.server.url.rpartition(":")[2]))
    writer.write(sent + b"\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert answer.startswith(b"HTTP/1.") and b" 400 " in answer.split(b"\r\n")[0]
    assert b"application/problem+json" in answer


@pytest.mark.fault(26)
async def test_connections_are_bounded() -> None:
    async with Shop(max_connections=3) as shop:
        port = int(shop.server.url.rpartition(":")[2])
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        assert (await asyncio.wait_for(_first_byte(port), 5)) == b""
        for _, writer in opened:
            writer.close()


@pytest.mark.fault(26)
async def test_who_asks_too_often_is_told_when_to_ask_again_and_nobody_else_is() -> None:
    async with Shop(requests_per_s=1.0, anonymous_per_s=1.0) as shop:
        with capture_logs() as logs:
            statuses = [(await shop.get("/api/v1/status")).status for _ in range(10)]
            strangers = [(await shop.get("/healthz", None)).status for _ in range(10)]
            guesses = [(await shop.get("/api/v1/status", None, headers={"Authorization": "Bearer x"})).status]
            nowhere = [(await shop.get("/nope", None)).status]
            other = await shop.get("/api/v1/status", "admin")
        for seen in (statuses, strangers):
            assert set(seen[:4]) == {200} and set(seen[5:]) == {429}
        assert guesses == nowhere == [429], "a stranger has one bucket, whatever is asked"
        assert other.status == 200, "another token has a rate of its own, at the same address"
        refused = await shop.get("/api/v1/status")
        assert (refused.status, refused.json["code"]) == (429, "too_many_requests")
        assert int(refused.headers["Retry-After"]) >= 1
        lines = [line for line in logs if line["event"] in ("http", "requests refused: too many")]
        assert len(lines) <= 4 + 4 + 2 + 1 + 2, "refusals do not fill the log"
        assert _shed(shop, "request") >= 12


async def test_what_is_shed_is_counted() -> None:
    async with Shop(max_connections=20, max_sse_clients=1, max_body_bytes=100) as shop:
        port = int(shop.server.url.rpartition(":")[2])
        async with shop.stream() as events:
            await anext(events)
            assert (await shop.get("/api/v1/events")).status == 503
        assert (await shop.post("/api/v1/agents/1001/pause", data=b"x" * 200)).status == 413
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(25)]
        for _, writer in opened:
            writer.close()
        await until(lambda: _shed(shop, "connection") >= 5)
        assert (_shed(shop, "stream"), _shed(shop, "body"), _shed(shop, "request")) == (1, 1, 0)


def _shed(shop: Shop, what: str) -> float:
    found = shop.server._metrics.registry.get_sample_value("acd_http_shed_total", {"what": what})
    assert found is not None
    return found


async def _first_byte(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return await reader.read(1)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_a_connection_without_a_request_is_closed() -> None:
    async with Shop(idle_s=0.1) as shop:
        port = int(shop.server.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\n")
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


async def test_our_own_mistake_is_a_500_that_tells_nothing(shop: Shop) -> None:
    shop.board.breaks = True
    with capture_logs() as logs:
        answer = await shop.get("/api/v1/queues")
    assert (answer.status, answer.json["code"]) == (500, "error")
    assert "secret" not in answer.text and "7916" not in answer.text
    (failure,) = [line for line in logs if line["event"] == "request failed"]
    assert failure["incident"] in answer.json["detail"]


async def test_the_access_log_holds_no_phone_number(shop: Shop) -> None:
    with capture_logs() as logs:
        await shop.get("/api/v1/calls?number=79161234567&from=2026-01-01")
        await shop.get("/api/v1/calls/79161234567")
        await shop.get("/79161234567/+7 (916) 123-45-67?79161234567=1")
        await shop.get("/api/v1/calls/20260921141320-123456789012")
    lines = [line for line in logs if line["event"] == "http"]
    assert lines[0]["asked"] == ["from", "number"] and lines[0]["who"] == "wallboard"
    assert lines[3]["path"].endswith("/20260921141320-123456789012")
    for line in lines[:3]:
        assert "1234567" not in str(line) and "123-45" not in str(line)
    assert lines[1]["path"] == "/api/v1/calls/***67"


async def test_every_answer_carries_the_headers_browsers_obey(shop: Shop) -> None:
    for path in ("/", "/docs", "/static/live.js", "/openapi.json", "/api/v1/status", "/nope", "/metrics"):
        answer = await shop.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "*" not in policy, path
        assert "require-trusted-types-for 'script'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    async with shop.session.get("/api/v1/events", headers={"Authorization": "Bearer a-secret-of-an-admin"}) as stream:
        assert stream.headers["Content-Security-Policy"]


async def test_pages_are_served_whole_and_then_from_the_cache(shop: Shop) -> None:
    page = await shop.get("/", None)
    assert page.status == 200 and page.headers["Content-Type"] == "text/html; charset=utf-8"
    again = await shop.get("/", None, headers={"If-None-Match": page.headers["ETag"]})
    assert again.status == 304
    assert (await shop.ask("HEAD", "/healthz", None)).status == 200


def test_pages_never_make_markup_of_data() -> None:
    folder = Path(__file__).parents[2] / "acd" / "api" / "static"
    for script in folder.glob("*.js"):
        text = script.read_text()
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "http://", "https://"):
            assert word not in text, (script.name, word)
    for page in folder.glob("*.html"):
        text = page.read_text()
        assert "<style" not in text and " style=" not in text and "onclick" not in text
        assert "<script>" not in text and "//" not in text.replace("</", "")


async def test_random_paths_and_queries_never_fail() -> None:
    text = st.text(st.characters(codec="utf-8"), max_size=30)
    reads = [route for route in ROUTES if route.method == "GET" and not route.streams]
    keys = sorted({field.alias or name for route in reads for name, field in route.query.model_fields.items()})
    loop = asyncio.get_running_loop()
    async with Shop() as shop:
        shop.board.calls["a"] = waiting("a", NOW)

        @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(
            route=st.sampled_from(reads),
            part=text,
            query=st.dictionaries(st.sampled_from(keys) | text, text, max_size=3),
            role=st.sampled_from(["agent", "supervisor", None]),
        )
        def try_one(route: Route, part: str, query: dict[str, str], role: str | None) -> None:
            path = route.path.replace("{name}", quote(part, safe="")).replace("{id}", quote(part, safe=""))
            url = URL(f"{shop.server.url}{path}?{urlencode(query)}", encoded=True)
            answer = asyncio.run_coroutine_threadsafe(shop.get(url, role), loop).result(10)  # type: ignore[arg-type]
            assert answer.status < 500, (path, query, answer.text)

        await asyncio.to_thread(try_one)
