"""A real Asterisk, the daemon as a process, and simulated people.

Each module has one event loop and mostly one daemon, for the `FLOOR` it declares; each test has its own line in it.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from acd.lab.asterisk import LabAsterisk
from acd.lab.daemon import LabDaemon, daemon_settings, free_port, running_daemon
from tests.e2e.desk import Desk
from tests.e2e.floor import Floor
from tests.e2e.phones import Phones

HERE = Path(__file__).parent
OpenHotline = Callable[..., Awaitable[LabDaemon]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs an Asterisk and shares its module's event loop."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.asterisk)
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hotline(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OpenHotline]:
    """Starts daemons: `await hotline(asterisk, queues=…, agents=…, database=…)`; they end with the module.

    `ami` is where the manager is reached instead, `link` the section `ami`.
    """
    async with contextlib.AsyncExitStack() as open_ones:

        async def opened(
            asterisk: LabAsterisk,
            *,
            queues: dict[str, Any],
            agents: dict[str, Any],
            database: str | None = None,
            ami: tuple[str, int] | None = None,
            link: dict[str, Any] | None = None,
            **sections: Any,
        ) -> LabDaemon:
            directory = tmp_path_factory.mktemp("daemon")
            url = database or f"sqlite+aiosqlite:///{directory}/acd.db"
            settings = daemon_settings(asterisk, queues=queues, agents=agents, database=url, port=free_port())
            if ami is not None:
                settings["asterisk"][0] |= {"host": ami[0], "port": ami[1]}
            if link is not None:
                settings["ami"] = link
            return await open_ones.enter_async_context(running_daemon({**settings, **sections}, directory / "log"))

        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def daemon(request: pytest.FixtureRequest, asterisk: LabAsterisk, hotline: OpenHotline) -> LabDaemon:
    """The module's daemon, for its FLOOR (and SECTIONS, if it has other things to say)."""
    floor: Floor = request.module.FLOOR
    sections: dict[str, Any] = getattr(request.module, "SECTIONS", {})
    return await hotline(asterisk, queues=floor.queues, agents=floor.agents, **sections)


@pytest_asyncio.fixture(loop_scope="module")
async def desk(daemon: LabDaemon) -> Desk:
    """The module's daemon, asked over its API. A test that failed while it was killed leaves it dead."""
    if not await daemon.running():
        await daemon.start()
    return Desk(daemon.api)


@pytest_asyncio.fixture(loop_scope="module")
async def phones(asterisk: LabAsterisk, desk: Desk) -> AsyncIterator[Phones]:
    """Telephones for this test."""
    made = Phones(asterisk, desk)
    yield made
    await made.close()
