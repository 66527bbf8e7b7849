"""The three that are compared, each as one way of dialling in, put up for a while and taken down again.

Only one is up at a time: the daemon does not listen while the others are measured, nor has app_queue members then.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acd.lab.bench.ends import Seen
from acd.lab.bench.reflex import steered_by_reflex
from acd.lab.bench.stage import ACD_TRUNK, AGENTS, RIVAL_TRUNK, Stage, agent_users
from acd.lab.daemon import LabDaemon, daemon_settings, free_port, running_daemon

BARE, APP_QUEUE, OURS, AMI_FLOOR = "bare_dial", "app_queue", "acd", "ami_floor"
FIRST_DID = 74_951_000_000
NEVER_FULL = 10_000
PATIENT_S = 86_400


@dataclass(frozen=True, slots=True)
class Shape:
    """How many queues share how many agents."""

    queues: int = 1
    agents: int = AGENTS


@dataclass(frozen=True, slots=True)
class Running:
    """A system that takes calls: `dial(n)` begins the n-th of a round."""

    name: str
    dial: Callable[[int], Seen]
    daemon: LabDaemon | None = None


Opener = Callable[[Stage, Shape], AbstractAsyncContextManager[Running]]


@contextlib.asynccontextmanager
async def bare_dial(stage: Stage, shape: Shape) -> AsyncIterator[Running]:
    """The floor: the caller's number says which phone rings, in turn."""
    users = agent_users(shape.agents)
    yield Running(BARE, lambda n: stage.ends.call(RIVAL_TRUNK, f"1{users[n % len(users)]}"))


@contextlib.asynccontextmanager
async def app_queue(stage: Stage, shape: Shape) -> AsyncIterator[Running]:
    """Asterisk's own."""
    await stage.put_up_queues(shape.queues, shape.agents)
    try:
        yield Running(APP_QUEUE, lambda n: stage.ends.call(RIVAL_TRUNK, f"2{n % shape.queues:03}"))
    finally:
        await stage.put_up_queues(0, 0)


@contextlib.asynccontextmanager
async def ami_floor(stage: Stage, shape: Shape) -> AsyncIterator[Running]:
    """Our dialplan, steered by next to nothing: what an AMI event and a Redirect cost before anybody has thought."""
    reflex = await steered_by_reflex(stage.asterisk, agent_users(shape.agents))
    try:
        yield Running(AMI_FLOOR, lambda n: stage.ends.call(ACD_TRUNK, str(FIRST_DID)))
    finally:
        reflex.close()


@contextlib.asynccontextmanager
async def ours(stage: Stage, shape: Shape) -> AsyncIterator[Running]:
    """The daemon in a process of its own, on SQLite, with nobody at its API."""
    directory = Path(tempfile.mkdtemp(prefix="acd-bench-"))
    settings = settings_for(stage, shape, f"sqlite+aiosqlite:///{directory}/acd.db")
    try:
        async with running_daemon(settings, directory / "log") as daemon:
            yield Running(OURS, lambda n: stage.ends.call(ACD_TRUNK, str(FIRST_DID + n % shape.queues)), daemon)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def settings_for(stage: Stage, shape: Shape, database: str) -> dict[str, Any]:
    """Queues that anyone may serve, without wrap-up or survey, and with no limit that a benchmark could meet."""
    queues = {
        f"bench-{n}": {
            "dids": [str(FIRST_DID + n)],
            "require": "bench >= 1",
            "wrap_up_s": 0,
            "survey": "none",
            "max_waiting": NEVER_FULL,
            "max_wait_s": PATIENT_S,
            "missed_limit": 0,
        }
        for n in range(shape.queues)
    }
    agents = {
        user: {
            "name": f"Agent {user}",
            "endpoint": f"PJSIP/{user}",
            "skills": {"bench": 5},
            "login": "start",
            "soft_cap_calls": 0,
        }
        for user in agent_users(shape.agents)
    }
    return daemon_settings(stage.asterisk, queues=queues, agents=agents, database=database, port=free_port())
