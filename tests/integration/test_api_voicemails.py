"""Messages over the API: who may see them, the sound, and that no path leads anywhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from acd.queues.journey import Fact
from tests.fakes.api import Shop
from tests.fakes.board import NOW, message, waiting

FIRST, SECOND, MUTE = "20260921140000-123456123456", "20260921140100-123456123456", "20260921140200-123456123456"
SOUND = b"RIFF....WAVE"


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """Two messages whose sound is here, one call without."""
    directory = tmp_path / "recording"
    directory.mkdir()
    (tmp_path / "secret.wav").write_bytes(b"not yours")
    (directory / f"{FIRST}.wav").write_bytes(SOUND)
    (directory / f"{SECOND}.wav").symlink_to(tmp_path / "secret.wav")
    async with Shop(voicemail_directory=str(directory)) as shop:
        records = [message(FIRST, NOW - 60), message(SECOND, NOW - 30, Fact.HEARD), waiting(MUTE, NOW - 10)]
        shop.store.records.update({record.id: record for record in records})
        shop.board.calls.update({record.id: record for record in records})
        yield shop


async def test_messages_are_listed_latest_first(shop: Shop) -> None:
    answer = (await shop.get("/api/v1/voicemails")).json
    assert [item["call_id"] for item in answer["items"]] == [SECOND, FIRST]
    assert answer["next"] is None
    assert answer["items"][1] == {
        "call_id": FIRST,
        "number": "+79160000001",
        "name": "",
        "queue": "sales",
        "at": "2026-09-21T17:12:23.000+03:00",
        "duration_s": 12.5,
        "heard": False,
        "heard_at": None,
        "file": f"acd/{FIRST}.wav",
        "audio": f"/api/v1/voicemails/{FIRST}/audio",
    }


async def test_pages_and_filters(shop: Shop) -> None:
    first = (await shop.get("/api/v1/voicemails?limit=1")).json
    assert [item["call_id"] for item in first["items"]] == [SECOND]
    second = (await shop.get(f"/api/v1/voicemails?limit=1&cursor={first['next']}")).json
    assert ([item["call_id"] for item in second["items"]], second["next"]) == ([FIRST], None)
    unheard = (await shop.get("/api/v1/voicemails?heard=false")).json
    assert [item["call_id"] for item in unheard["items"]] == [FIRST]
    assert (await shop.get("/api/v1/voicemails?queue=support")).json["items"] == []
    since = (await shop.get("/api/v1/voicemails?from=2026-09-21T17:12:40")).json
    assert [item["call_id"] for item in since["items"]] == [SECOND]
    assert (await shop.get("/api/v1/voicemails?cursor=x")).json["code"] == "bad_cursor"


async def test_the_sound(shop: Shop) -> None:
    answer = await shop.get(f"/api/v1/voicemails/{FIRST}/audio")
    assert (answer.status, answer.headers["Content-Type"], answer.text) == (200, "audio/wav", SOUND.decode())


@pytest.mark.parametrize(
    "call_id",
    ["..%2fsecret", "..", "%2e%2e%2fsecret", "20260921140000-123456123456%00", "x" * 300, MUTE, SECOND],
    ids=["up", "dots", "coded", "nul", "long", "no message", "a link out"],
)
async def test_nothing_else_is_given_out(shop: Shop, call_id: str) -> None:
    answer = await shop.get(f"/api/v1/voicemails/{call_id}/audio")
    assert answer.status in (400, 404)
    assert "not yours" not in answer.text


async def test_without_a_directory_there_is_a_name_and_no_sound() -> None:
    async with Shop() as shop:
        record = message(FIRST, NOW - 60)
        shop.store.records[FIRST] = shop.board.calls[FIRST] = record
        (item,) = (await shop.get("/api/v1/voicemails")).json["items"]
        assert (item["file"], item["audio"]) == (f"acd/{FIRST}.wav", None)
        assert (await shop.get(f"/api/v1/voicemails/{FIRST}/audio")).json["code"] == "unknown_message"


async def test_a_message_is_marked_heard(shop: Shop) -> None:
    answer = await shop.post(f"/api/v1/voicemails/{FIRST}/heard")
    assert (answer.status, answer.json["heard"]) == (200, True)
    assert (await shop.post(f"/api/v1/voicemails/{MUTE}/heard")).json["code"] == "unknown_message"


async def test_messages_are_not_for_agents(shop: Shop) -> None:
    for role, status in (("agent", 403), (None, 401)):
        assert (await shop.get("/api/v1/voicemails", role)).status == status
        assert (await shop.get(f"/api/v1/voicemails/{FIRST}/audio", role)).status == status
        assert (await shop.post(f"/api/v1/voicemails/{FIRST}/heard", role)).status == status
