"""The composition root: builds every object by hand, boots them in order, and ends them well.

Boot: database up to date -> what the last daemon left in the spool written -> agents and open calls loaded -> every
Asterisk read back -> the line opened: matched once over everything -> ready. The links to the Asterisks are made while
the database is opened; their pictures follow it. A database that is away holds up nothing: agents and open calls are
known from the spool, calls go on, what is to be recorded waits there, and health says so; an Asterisk that is away
holds up the callers of the others for a bounded time.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
from collections.abc import Coroutine, Mapping, Sequence
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from acd import tasks
from acd.ami.node import Node
from acd.ami.nodes import Nodes
from acd.ami.phones import Phones
from acd.api.metrics import Reading
from acd.api.server import ApiServer
from acd.board import LiveBoard, LiveFloor
from acd.chance import draws
from acd.clock import SteadyClock
from acd.config import Asterisk, Settings
from acd.crm import Crm
from acd.dispatcher import Dispatcher
from acd.errors import AcdError, AmiError, StorageError
from acd.feed import LiveFeed
from acd.in_force import InForce
from acd.ivr.core import Core, Recipe
from acd.manager import ServiceManager
from acd.numbers import warm_up
from acd.parts import ami_settings, api_settings, dialplan_globals, event_log, lookups, spool
from acd.plan import message_of, plan_of, script_of
from acd.process import give_memory_back, spare_the_collector, until_told
from acd.queues import boot, places, sticky
from acd.queues import events as ev
from acd.queues.commands import AgentChanged, Journal
from acd.queues.found import NotedCall
from acd.queues.journey import CallRecord
from acd.queues.model import AgentId, CallId, Plan
from acd.records import database
from acd.records.fresh import FreshStore
from acd.records.lifetime import Lifetime
from acd.records.recorder import Recorder
from acd.records.schema import upgrade
from acd.records.store import SqlStore
from acd.reloading import Reloader
from acd.retention import Retention
from acd.timers import LoopTimers
from acd.vitals import Vitals

log = structlog.get_logger(__name__)

FLUSH_S = 4.0
LAST_ORDERS_S = 2.0
SETTLE_S = 30.0
DATABASE_RETRY_S = 5.0
DATABASE_PATIENCE_S = 15.0


async def run(settings: Settings, file: Path | None = None) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP has the file read again. AcdError when it cannot even begin."""
    daemon = Daemon(settings, file)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, daemon.reloader.ask)
    try:
        async with until_told(signal.SIGTERM, signal.SIGINT):
            await daemon.start()
            spare_the_collector()
            give_memory_back()
            await asyncio.Event().wait()
    finally:
        await daemon.stop()
    log.info("stopped")


class Daemon:
    """All the parts and their wires. `start` and `stop` once each."""

    def __init__(self, settings: Settings, file: Path | None = None) -> None:
        self.clock = SteadyClock()
        self.in_force = InForce(settings, plan_of(settings), self.clock)
        self.reloader = Reloader(file, self.in_force, self.clock)
        seed = secrets.randbits(64) if settings.seed is None else settings.seed
        log.info("begins", seed=seed)  # with it and the events, every choice can be made again
        recipe = Recipe(
            self.plan,
            script_of(settings),
            settings.survey.ask_again_after_days,
            message=message_of(settings),
            seed=seed,
        )
        self.core = Core.of(recipe, draws)
        self.event_log = event_log(settings, recipe)
        self.store = SqlStore(database.connect(settings.database), settings.default_country)
        self.spool = spool(settings)
        self.lifetime = Lifetime(self.store, self.clock, settings.restart.keep_agents_s, self.spool)
        self.recorder = Recorder(self.store, spool=self.spool)
        self.retention = Retention.of(settings, self.store, self.clock, self.event_log)
        self.feed = LiveFeed()
        self.dispatcher = Dispatcher(self.core, self.recorder, self._watch, tape=self.event_log)
        self.timers = LoopTimers(self.clock, self.dispatcher.post)
        self.phones = Phones()
        self._loaded = asyncio.Event()
        self.nodes = [self._node(asterisk) for asterisk in settings.asterisk]
        self.switch = Nodes(self.nodes)
        self.dispatcher.connect(self.switch, self.timers)
        self.board = LiveBoard(
            self.core, self.clock, self.switch.views, self.problems, self.degraded, self.reloader.view, self.switch
        )
        self.floor = LiveFloor(self.dispatcher, self.board, self.clock, self.store)
        self.crm = Crm(lookups(settings), self.clock, self.dispatcher.post)
        self.api = ApiServer(
            api_settings(settings),
            board=self.board,
            floor=self.floor,
            feed=self.feed,
            store=FreshStore(self.store, self.recorder),
            reloads=self.reloader,
            gauges=self.readings,
        )
        self.in_force.connect(
            dispatcher=self.dispatcher, nodes=self.nodes, api=self.api, board=self.board, store=self.store
        )
        self.vitals = Vitals(
            dispatcher=self.dispatcher,
            timers=self.timers,
            board=self.board,
            recorder=self.recorder,
            spool=self.spool,
            reloader=self.reloader,
            nodes=self.nodes,
            retention=self.retention,
            crm=self.crm,
            event_log=self.event_log,
        )
        self.manager = ServiceManager.of(os.environ)
        self._database_problem: str | None = "not opened yet"
        self._open = False
        self._tasks: list[asyncio.Task[None]] = []
        self._recording: asyncio.Task[None] | None = None
        self._taping: asyncio.Task[None] | None = None

    @property
    def settings(self) -> Settings:
        """Those in force; of queues, agents, numbers and callers the plan tells."""
        return self.in_force.settings

    @property
    def plan(self) -> Plan:
        """The plan in force."""
        return self.in_force.plan

    def _node(self, asterisk: Asterisk) -> Node:
        endpoints = {agent.endpoint: AgentId(agent.id) for agent in self.plan.agents.values()}
        return Node(
            ami_settings(self.settings, asterisk),
            endpoints,
            self.phones,
            self.clock,
            self.dispatcher.post,
            default_region=self.settings.default_country,
            language=self.settings.language,
            fallback_queue=self.settings.fallback.queue,
            heartbeat_s=self.settings.fallback.heartbeat_s,
            directory=dialplan_globals(self.settings, self.plan),
            on_change=lambda view: self.feed.publish(node=view),
            loaded=self._loaded,
            live=self._live,
            keep=self._keep,
            on_mirrored=self._show_agent,
        )

    def _live(self, node: str) -> list[CallId]:
        return [call.id for call in self.core.engine.calls.values() if call.node == node]

    async def _keep(self, node: str, calls: Sequence[NotedCall]) -> bool:
        """As `aftermath.Keep`. Nothing while the database is away: Asterisk keeps its notes for us."""
        try:
            if self._database_problem is not None or not await self.recorder.settle(SETTLE_S):
                return False
            recorded = await self.store.ended_among([call.call_id for call in calls])
            for call in calls:
                if call.call_id not in recorded:
                    await self.dispatcher.ask(ev.CallsNoted(self.clock.now(), node, (call,)))
            return await self.recorder.settle(SETTLE_S)
        except AcdError as error:
            log.warning("noted calls not recorded", node=node, error=str(error))
            return False

    # -- life ---------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Boot in order. AcdError when the API's port cannot be had; everything else heals by itself."""
        warm_up(self.settings.default_country)
        await self.api.start()
        if self.event_log is not None:
            self._taping = tasks.spawn(self.event_log.run(), "event log")
        if self.spool is not None:
            await self.spool.open()
        self._spawn(self.dispatcher.run(), "dispatcher")
        self.dispatcher.post(boot.Booting(self.clock.now()))
        for node in self.nodes:
            self._spawn(node.run(), f"node {node.name}")
        await self._open_database()
        self._loaded.set()
        self._spawn(self._open_line(), "opening")
        self._spawn(self._midnights(), "midnights")
        self._spawn(self.reloader.run(), "reloads")
        self._spawn(self.retention.nightly(), "retention")
        self._spawn(self.manager.keep_informed(self.problems, self._progress), "service manager")
        self._spawn(self.lifetime.keep_stamping(lambda: self._database_problem is None), "stamps")
        log.info("started", api=self.api.url, queues=len(self.plan.queues), agents=len(self.plan.agents))

    async def stop(self) -> None:
        """Withdraw offers, keep the callers' places in Asterisk, flush the records."""
        self.manager.stopping()
        await self.api.stop()
        self.feed.close()
        if self._tasks:
            self.dispatcher.post(ev.Stopping(self.clock.now()))
            await self._last_orders()
        await self.crm.close()
        await tasks.stop(*self._tasks)
        self._tasks.clear()
        self.timers.close()
        if self.event_log is not None and self._taping is not None:
            self.event_log.close()
            await asyncio.wait({self._taping}, timeout=FLUSH_S)
        if self._recording is not None:
            await self.recorder.flush(FLUSH_S)
            await self.lifetime.stamp()
        if self.recorder.queued:
            what = "records lost at the stop" if self.spool is None else "records are left in the spool"
            log.error(what, entries=self.recorder.queued, problem=self._database_problem)
        await tasks.stop(self._recording)
        if self.spool is not None:
            await self.spool.close()
        await self.store.close()

    async def _last_orders(self) -> None:
        """Let the last decisions reach Asterisk: until nothing is unanswered, for a bounded time."""
        try:
            async with asyncio.timeout(LAST_ORDERS_S):
                for _ in range(2):  # first what is asked before a caller is taken from a phone, then the orders
                    await self.dispatcher.drain()
                    # Asterisk runs a session's actions in order: once it answers this, it has done the others.
                    await asyncio.gather(*(node.client.action("Ping") for node in self.nodes if node.client.connected))
                await self.dispatcher.drain()
        except (TimeoutError, AmiError) as error:
            log.warning("Asterisk did not answer the last orders in time", error=str(error))

    async def _open_line(self) -> None:
        """No call is offered to anybody before the rest of the picture is known, or cannot be had for now."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.settings.restart.asterisk_patience_s):
                await asyncio.gather(*(node.first_look() for node in self.nodes))
        await self.dispatcher.ask(boot.Opened(self.clock.now()))
        self._open = True
        log.info("open", calls=len(self.core.engine.calls), waiting=self.core.engine.matcher.waiting())

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.append(tasks.spawn(work, name))

    # -- the database ---------------------------------------------------------------------------------------------

    async def _open_database(self) -> None:
        """Upgrade and load; when that cannot be done now, go on with what the spool knows and keep trying."""
        try:
            async with asyncio.timeout(DATABASE_PATIENCE_S):
                await self._try_database()
        except (StorageError, TimeoutError) as error:
            self._database_problem = str(error) or "the database does not answer"
            log.error("database not usable, going on without", problem=self._database_problem)
            await self._remember_from_spool()
            self._spawn(self._heal_database(), "database")
        # From now on the core knows the open calls, and tells the spool what must stay.
        await self.dispatcher.drain()
        self.recorder.live = self.core.book.live

    async def _remember_from_spool(self) -> None:
        """Agents as they stood; open calls, so that their facts are numbered on from where the last daemon was."""
        left = await self.lifetime.left_in_spool()
        log.info("known from the spool", calls=len(left.open_calls), agents=len(left.standings))
        self.dispatcher.post(boot.AgentsRestored(self.clock.now(), left.standings))
        self.dispatcher.post(ev.Restored(self.clock.now(), left.open_calls))

    async def _try_database(self) -> None:
        """Calls that the last daemon left open are judged by the next picture of their Asterisk."""
        await upgrade(self.settings.database)
        if self._recording is None:
            self._recording = tasks.spawn(self.recorder.run(), "recorder")
        await self.recorder.caught_up()
        await self.recorder.flush(FLUSH_S)  # calls that ended while the database was away count today as well
        now = self.clock.now()
        quiet_s = self.settings.survey.ask_again_after_days * 86_400
        open_calls = await self.store.open_calls()
        asked = await self.store.surveyed_since(now - quiet_s)
        today = await self._day_began(now)
        self.dispatcher.post(boot.AgentsRestored(self.clock.now(), await self.lifetime.agents_before()))
        self.dispatcher.post(ev.Restored(now, open_calls, *await self._remembered(now), asked_at=asked))
        self.dispatcher.post(today)
        self._database_problem = None

    async def _remembered(self, now: float) -> tuple[tuple[CallRecord, ...], tuple[tuple[str, AgentId], ...]]:
        """Places left not long ago, and who served whom last; nothing that no queue asks for."""
        queues = self.plan.queues.values()
        longest_s = max(queue.resume_place_s for queue in queues)
        left = await self.store.left_since(now - longest_s, places.REMEMBERED) if longest_s else ()
        sticks = any(queue.sticky_s for queue in queues)
        return left, await self.store.last_served(sticky.REMEMBERED) if sticks else ()

    async def _heal_database(self) -> None:
        while self._database_problem is not None:
            await asyncio.sleep(DATABASE_RETRY_S)
            try:
                await self._try_database()
            except StorageError as error:
                self._database_problem = str(error)
        log.info("database usable again")

    # -- days -------------------------------------------------------------------------------------------------------

    async def _midnights(self) -> None:
        while True:
            now = self.clock.now()
            await asyncio.sleep(max(1.0, self._midnight(now, days=1) - now))
            self.dispatcher.post(ev.DayBegan(self.clock.now(), self._midnight(self.clock.now())))

    async def _day_began(self, now: float) -> ev.DayBegan:
        midnight = self._midnight(now)
        return ev.DayBegan(now, midnight, await self.store.ended_since(midnight))

    def _midnight(self, now: float, days: int = 0) -> float:
        """Local midnight of the day of `now`, `days` later, in seconds since 1970."""
        zone = ZoneInfo(self.settings.timezone)
        day = datetime.fromtimestamp(now, zone).date() + timedelta(days=days)
        return datetime.combine(day, time(), zone).timestamp()

    # -- what others ask --------------------------------------------------------------------------------------------

    def _watch(self, change: AgentChanged | Journal) -> None:
        if isinstance(change, Journal):
            self.crm.heed(change.event)
            self.feed.publish(call=self.board.call(change.event.call_id))
        elif not self._show_agent(change.agent_id):
            self.api.show_anew()  # that agent is gone for good

    def _show_agent(self, agent_id: AgentId) -> bool:
        known = self.core.engine.desk.get(agent_id) is not None
        if known:
            self.feed.publish(agent=self.board.agent(agent_id))
        return known

    def problems(self) -> Mapping[str, str]:
        """What keeps us from being ready."""
        database = self._database_problem or self.recorder.health()
        starting = {} if self._open else {"start": "Asterisk is being read back"}
        return {**({"database": database} if database else {}), **self.switch.problems(), **starting}

    def _progress(self) -> tuple[int, int]:
        return self.dispatcher.pending(), self.dispatcher.handled

    def degraded(self) -> Mapping[str, str]:
        """What is worth a look."""
        database = {"database": self._database_problem} if self._database_problem else {}
        return {**database, **self.vitals.degraded()}

    def readings(self) -> list[Reading]:
        """Figures of the shell for /metrics."""
        return self.vitals.readings()
