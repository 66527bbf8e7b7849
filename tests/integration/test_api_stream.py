"""The event stream: snapshot, deltas, resuming, and limits on everything."""

from __future__ import annotations

import asyncio

from acd import tasks
from tests.deadlines import until
from tests.fakes.api import SECRETS, Shop
from tests.fakes.board import NOW, agent, talking, waiting


async def test_snapshot_then_deltas() -> None:
    async with Shop() as shop:
        shop.board.calls["a"] = waiting("a", NOW - 5)
        async with shop.stream() as events:
            first = await anext(events)
            assert first.kind == "snapshot"
            assert [call["id"] for call in first.data["calls"]] == ["a"]
            assert first.data["as_of"] and first.data["nodes"] and first.data["queues"]
            shop.feed.publish(call=talking("a", NOW - 5))
            await shop.post("/api/v1/agents/1001/pause", json={"reason": "tea"})
            call, paused = await anext(events), await anext(events)
            assert (call.kind, call.data["kind"], call.data["call"]["agent"]) == ("delta", "call", "1001")
            assert call.data["agent"] is None
            assert (paused.data["kind"], paused.data["agent"]["reason"]) == ("agent", "tea")
            assert int(paused.id.split("-")[1]) == int(first.id.split("-")[1]) + 2


async def test_resume_with_last_event_id() -> None:
    async with Shop() as shop:
        async with shop.stream() as events:
            first = await anext(events)
        for name in ("one", "two", "three"):
            shop.feed.publish(agent=agent("1001", name))
        async with shop.stream(first.id) as events:
            names = [(await anext(events)).data["agent"]["name"] for _ in range(3)]
            shop.feed.publish(agent=agent("1001", "four"))
            last = await anext(events)
        assert [*names, last.data["agent"]["name"]] == ["one", "two", "three", "four"]
        async with shop.stream(last.id) as events:
            shop.feed.publish(agent=agent("1001", "five"))
            assert (await anext(events)).data["agent"]["name"] == "five"


async def test_an_id_too_old_or_not_ours_gets_a_snapshot() -> None:
    async with Shop(kept=2) as shop:
        async with shop.stream() as events:
            first = await anext(events)
        for n in range(4):
            shop.feed.publish(agent=agent("1001", f"n{n}"))
        process = first.id.split("-")[0]
        for last_id in (first.id, "otherpid-3", f"{process}-99", f"{process}-x", f"{process}-{'9' * 400}", "-", "³"):
            sent = last_id if last_id.isascii() else "3"
            async with shop.stream(sent) as events:
                event = await anext(events)
                assert (event.kind, event.id) == ("snapshot", f"{process}-4"), last_id


async def test_too_many_clients_and_a_place_freed() -> None:
    async with Shop(max_sse_clients=2) as shop:
        async with shop.stream() as one:
            await anext(one)
            async with shop.stream() as two:
                await anext(two)
                refused = await shop.get("/api/v1/events")
                assert (refused.status, refused.json["code"]) == (503, "too_many_clients")
                assert refused.headers["Retry-After"]
                assert "acd_event_streams 2.0" in (await shop.get("/metrics")).text
        streams = shop.server._streams
        await until(lambda: streams.count == 0)
        async with shop.stream() as again:
            assert (await anext(again)).kind == "snapshot"


async def test_a_silent_stream_gets_heartbeats() -> None:
    async with Shop(heartbeat_s=0.05) as shop:
        headers = {"Authorization": f"Bearer {SECRETS['supervisor']}"}
        async with shop.session.get("/api/v1/events", headers=headers) as answer:
            seen = b""
            while seen.count(b": still here\n\n") < 2:
                seen += await asyncio.wait_for(answer.content.readany(), 5)
            assert answer.headers["Cache-Control"] == "no-store"


async def test_a_client_who_does_not_read_is_closed() -> None:
    async with Shop(kept=5000, backlog=5000, sse_write_timeout_s=0.3) as shop:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(shop.server.url.rpartition(":")[2]))
        request = f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRETS['supervisor']}\r\n\r\n"
        writer.write(request.encode())
        streams = shop.server._streams
        await until(lambda: streams.count == 1)
        writer.transport.pause_reading()
        noise = agent("1001", "x" * 60_000)

        def gone() -> bool:
            shop.feed.publish(agent=noise)
            return streams.count == 0

        await until(gone, deadline_s=20)
        writer.close()
        assert reader is not None


async def test_one_who_falls_behind_in_the_feed_is_closed_and_resumes() -> None:
    async with Shop(backlog=3) as shop, shop.stream() as events:
        first = await anext(events)
        shop.feed.publish(agent=agent("1001", "seen"))
        assert (await anext(events)).data["agent"]["name"] == "seen"
        for n in range(10):
            shop.feed.publish(agent=agent("1001", f"n{n}"))  # no await in between: the backlog overflows
        rest = [event async for event in events]
        assert len(rest) < 10
        last = (rest or [first])[-1]
        async with shop.stream(last.id) as again:
            while (event := await anext(again)).data["agent"]["name"] != "n9":
                assert event.kind == "delta"


async def test_stopping_ends_the_streams_and_leaves_no_task() -> None:
    before = tasks.count()
    async with Shop(shutdown_s=5.0) as shop, shop.stream() as events:
        await anext(events)
        async with asyncio.timeout(3):
            await shop.server.stop()
        assert [event async for event in events] == []
    await until(lambda: tasks.count() == before)
