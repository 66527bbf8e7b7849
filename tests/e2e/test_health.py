"""What the daemon tells everybody: that it is ready, and its figures, without a word about any caller."""

from __future__ import annotations

import aiohttp

from acd.lab.daemon import LabDaemon
from tests.e2e.desk import Desk
from tests.e2e.floor import Floor
from tests.e2e.phones import Phones, number_of

FLOOR = Floor()
HEALTH = FLOOR.line("health", ("1001",))
NAME = "Пётр Тайный"


async def read(daemon: LabDaemon, path: str) -> tuple[int, str]:
    """Without a token."""
    async with aiohttp.ClientSession() as session, session.get(daemon.api.url + path) as answer:
        return answer.status, await answer.text()


async def test_health_and_figures_are_open_and_name_nobody(phones: Phones, desk: Desk, daemon: LabDaemon) -> None:
    (agent,) = await phones.staff(HEALTH.agents)
    call = await phones.call(HEALTH.did, name=NAME)
    talk = await phones.pick_up(agent)
    for path in ("/healthz", "/readyz", "/metrics"):
        status, text = await read(daemon, path)
        assert status == 200
        assert number_of(call).lstrip("+") not in text
        assert NAME not in text
        assert "Агент" not in text
    await talk.hang_up()
    await desk.ended(number_of(call))


async def test_the_figures_count_calls(phones: Phones, desk: Desk, daemon: LabDaemon) -> None:
    await phones.call(HEALTH.did)
    waiting = await phones.call(HEALTH.did)
    await desk.until_waiting(number_of(waiting))
    _, text = await read(daemon, "/metrics")
    figures = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    assert float(figures['acd_waiting{queue="health"}']) == 2
    assert float(figures["acd_ready"]) == 1


async def test_everything_else_wants_a_token(daemon: LabDaemon) -> None:
    for path in ("/api/v1/status", "/api/v1/calls", "/api/v1/agents", "/api/v1/events"):
        assert (await read(daemon, path))[0] == 401
