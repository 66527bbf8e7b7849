"""Record the transcripts anew: `python -m tests.transcripts.record [STORY ...]`. Needs the laboratory's Asterisk.

Each story is played by telephones against a real Asterisk and the whole daemon. What Asterisk said to the daemon goes
into `<story>.txt`, what the daemon made of it into `<story>.json`. Names and numbers are invented.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acd import tasks
from acd.config import Settings
from acd.daemon import Daemon
from acd.lab.asterisk import LabAsterisk, LabSpec, agent_accounts, run_asterisk
from acd.lab.incoming import IncomingCall
from acd.lab.phone import Phone
from tests.deadlines import until
from tests.transcripts import replay

PATIENCE_S = 20.0


@dataclass
class Tap:
    """A TCP relay in front of Asterisk's manager that remembers what Asterisk said."""

    host: str
    port: int
    heard: bytearray = field(default_factory=bytearray)

    async def serve(self) -> tuple[asyncio.Server, int]:
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        return server, server.sockets[0].getsockname()[1]

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_asterisk, to_asterisk = await asyncio.open_connection(self.host, self.port)
        back = tasks.spawn(self._pump(from_asterisk, writer, self.heard), "tap")
        await self._pump(reader, to_asterisk, bytearray())
        await tasks.stop(back)

    @staticmethod
    async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, copy: bytearray) -> None:
        while data := await reader.read(65536):
            copy.extend(data)
            writer.write(data)
        writer.close()


@dataclass
class Stage:
    """Everybody in a story."""

    daemon: Daemon
    trunk: Phone
    phones: dict[str, Phone]

    async def call_in(self) -> Any:
        return await self.trunk.call(replay.DID, number="+79160000001", name="Вызов Первый")

    async def rings_at(self, agent_id: str) -> IncomingCall:
        call = await self.phones[agent_id].incoming(timeout_s=PATIENCE_S)
        await call.ring()
        return call

    async def until(self, fact: Callable[[], object]) -> None:
        await until(fact, deadline_s=PATIENCE_S)

    async def everybody_ready(self) -> None:
        await self.until(lambda: not self.daemon.problems())
        await self.until(lambda: all(agent.state == "ready" for agent in self.daemon.board.agents()))
        await self.until(lambda: not self.daemon.board.live_calls())


async def served(stage: Stage) -> None:
    """An agent answers, hangs up; the caller gives a 9."""
    caller = await stage.call_in()
    call = await stage.rings_at("1001")
    await asyncio.sleep(0.3)
    await call.answer()
    await asyncio.sleep(1.0)
    await call.hang_up()
    await stage.until(lambda: any(record.survey_asked_at for record in stage.daemon.board.live_calls()))
    await asyncio.sleep(0.5)
    await caller.send_digits("9")
    await caller.wait_ended(PATIENCE_S)


async def abandoned(stage: Stage) -> None:
    """The caller hangs up while the agent's phone rings."""
    caller = await stage.call_in()
    await stage.rings_at("1001")
    await asyncio.sleep(0.5)
    await caller.hang_up()


async def refused(stage: Stage) -> None:
    """The first agent declines after a while, the second one answers, the caller hangs up."""
    caller = await stage.call_in()
    call = await stage.rings_at("1001")
    await asyncio.sleep(0.6)
    await call.reject(603)
    await _answered_by_the_second(stage, caller)


async def rung_out(stage: Stage) -> None:
    """The first agent does not hear the phone, the second one answers, the caller hangs up."""
    caller = await stage.call_in()
    await stage.rings_at("1001")
    await _answered_by_the_second(stage, caller)


async def _answered_by_the_second(stage: Stage, caller: Any) -> None:
    call = await stage.rings_at("1002")
    await asyncio.sleep(0.2)
    await call.answer()
    await asyncio.sleep(0.7)
    await caller.hang_up()


async def _talking_with_the_first(stage: Stage) -> tuple[Any, IncomingCall]:
    caller = await stage.call_in()
    call = await stage.rings_at("1001")
    await asyncio.sleep(0.2)
    await call.answer()
    await asyncio.sleep(0.5)
    return caller, call


async def _the_second_hangs_up(stage: Stage, caller: Any, call: IncomingCall) -> None:
    await asyncio.sleep(0.7)
    await call.hang_up()
    await stage.until(lambda: any(record.survey_asked_at for record in stage.daemon.board.live_calls()))
    await asyncio.sleep(0.3)
    await caller.hang_up()


async def _blind(stage: Stage, to: str) -> None:
    caller, call = await _talking_with_the_first(stage)
    await call.refer(to)
    other = await stage.rings_at("1002")
    await asyncio.sleep(0.2)
    await other.answer()
    await _the_second_hangs_up(stage, caller, other)


async def blind_to_agent(stage: Stage) -> None:
    """The first agent sends the caller on to the second, who hangs up; the caller leaves the survey."""
    await _blind(stage, "1002")


async def blind_to_queue(stage: Stage) -> None:
    """The first agent sends the caller on to another queue, whose agent hangs up; the caller leaves the survey."""
    await _blind(stage, replay.OTHER_DID)


async def _attended(stage: Stage, to: str) -> None:
    caller, call = await _talking_with_the_first(stage)
    await call.hold()
    question = await stage.phones["1001"].call(to)
    other = await stage.rings_at("1002")
    await asyncio.sleep(0.2)
    await other.answer()
    await asyncio.sleep(0.4)
    await call.refer_to(question)
    await _the_second_hangs_up(stage, caller, other)


async def attended_to_agent(stage: Stage) -> None:
    """The first agent calls the second, hands the caller over; the second hangs up; the caller leaves the survey."""
    await _attended(stage, "1002")


async def attended_to_queue(stage: Stage) -> None:
    """The same, the second agent being reached through a queue's number."""
    await _attended(stage, replay.OTHER_DID)


async def handed_early(stage: Stage) -> None:
    """The first agent hands the caller over while the second agent's phone still rings."""
    caller, call = await _talking_with_the_first(stage)
    await call.hold()
    question = await stage.phones["1001"].call("1002")
    await stage.rings_at("1002")
    await question.wait_ringing(PATIENCE_S)
    await asyncio.sleep(0.3)
    await call.refer_to(question)
    other = await stage.rings_at("1002")
    await asyncio.sleep(0.2)
    await other.answer()
    await _the_second_hangs_up(stage, caller, other)


async def own_call(stage: Stage) -> None:
    """One agent calls the other over the house's own lines."""
    call = await stage.phones["1001"].call("1002")
    other = await stage.rings_at("1002")
    await other.answer()
    await asyncio.sleep(0.5)
    await call.hang_up()


async def feature_codes(stage: Stage) -> None:
    """Out for a pause and back, by telephone."""
    for code in ("*43", "*44"):
        call = await stage.phones["1001"].call(code)
        await call.wait_ended(PATIENCE_S)


STORIES: tuple[Callable[[Stage], Awaitable[None]], ...] = (
    served, abandoned, refused, rung_out, own_call, feature_codes,
    blind_to_agent, blind_to_queue, attended_to_agent, attended_to_queue, handed_early,
)  # fmt: skip


async def record(asterisk: LabAsterisk, story: Callable[[Stage], Awaitable[None]], folder: Path) -> None:
    """Play one story and leave its two files."""
    tap = Tap(asterisk.ami_host, asterisk.ami_port)
    server, port = await tap.serve()
    async with server:
        daemon = Daemon(_settings(asterisk, port, folder / f"{story.__name__}.db"))
        trunk = Phone(user="trunk", server=(asterisk.sip_host, asterisk.sip_port), local_host=asterisk.trunk_host)
        await trunk.start()
        phones = {agent.id: _phone(asterisk, agent.id, agent.password) for agent in asterisk.agents}
        for phone in phones.values():
            await phone.start()
            await phone.register()
        await daemon.start()
        stage = Stage(daemon, trunk, phones)
        await stage.everybody_ready()
        begin, number = len(tap.heard), daemon.feed.last_number()
        await story(stage)
        await stage.everybody_ready()
        heard = bytes(tap.heard[begin:])
        changes = daemon.feed.since(number) or ()
        await daemon.stop()
        for phone in (*phones.values(), trunk):
            await phone.stop()
    agents = [[delta.agent.id, delta.agent.state] for delta in changes if delta.agent]
    calls = [replay.picture(record) for record in daemon.core.book._ended.values()]
    _write(story.__name__, heard, {"about": (story.__doc__ or "").strip(), "calls": calls, "agents": agents})


def _write(story: str, heard: bytes, made_of_it: dict[str, Any]) -> None:
    blocks = [b for b in heard.split(b"\r\n\r\n") if b.startswith(b"Event: ") and b"\r\nActionID: " not in b]
    (replay.FOLDER / f"{story}.txt").write_bytes(b"".join(block + b"\r\n\r\n" for block in blocks))
    text = json.dumps(made_of_it, ensure_ascii=False, indent=1)
    (replay.FOLDER / f"{story}.json").write_text(text + "\n", encoding="utf-8")
    print(f"{story}: {len(blocks)} events")


def _phone(asterisk: LabAsterisk, user: str, password: str) -> Phone:
    return Phone(user=user, password=password, server=(asterisk.sip_host, asterisk.sip_port), voice="agent")


def _settings(asterisk: LabAsterisk, port: int, database: Path) -> Settings:
    link = {"name": replay.NODE, "host": "127.0.0.1", "port": port}
    return Settings.model_validate(
        {
            "asterisk": [{**link, "username": asterisk.ami_username, "secret": asterisk.ami_secret}],
            "database": f"sqlite+aiosqlite:///{database}",
            "http": {"port": 0},
            "queues": {
                "sales": {"dids": [replay.DID], "require": "sales >= 1", **replay.QUEUE},
                "support": {"dids": [replay.OTHER_DID], "require": "sales >= 1", **replay.QUEUE},
            },
            "agents": {
                agent.id: {"name": f"Agent {agent.id}", "endpoint": f"PJSIP/{agent.id}", "skills": {"sales": 5},
                           "login": "start"}
                for agent in asterisk.agents
            },
            "tokens": [{"name": "record", "role": "admin", "sha256": hashlib.sha256(b"").hexdigest()}],
        }
    )  # fmt: skip


async def main(*wanted: str) -> None:
    """The stories of these names, or all of them, each on a daemon of its own."""
    spec = LabSpec(agents=agent_accounts(1001, len(replay.AGENTS)), systemname="lab")
    async with run_asterisk(spec) as asterisk:
        with tempfile.TemporaryDirectory() as folder:
            for story in [story for story in STORIES if not wanted or story.__name__ in wanted]:
                await record(asterisk, story, Path(folder))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
