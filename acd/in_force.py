"""What is in force of the configuration, and how another one comes to be: the brain first, then what is around it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from acd import log as logging
from acd.ami.node import Node
from acd.api.server import ApiServer
from acd.board import LiveBoard
from acd.config import Settings
from acd.dispatcher import Dispatcher
from acd.errors import StorageError
from acd.parts import api_settings, dialplan_globals
from acd.plan import message_of, script_of
from acd.ports import Clock, Store
from acd.queues import events as ev
from acd.queues import sticky
from acd.queues.model import Plan

log = structlog.get_logger(__name__)

DAY_S: Final = 86_400.0


class InForce:
    """Settings and plan as they are now. `connect` once, when the parts are there."""

    def __init__(self, settings: Settings, plan: Plan, clock: Clock) -> None:
        self.settings = settings
        self.plan = plan
        self._clock = clock

    def connect(
        self, *, dispatcher: Dispatcher, nodes: Sequence[Node], api: ApiServer, board: LiveBoard, store: Store
    ) -> None:
        """Wire what has to be told."""
        self._dispatcher = dispatcher
        self._nodes = nodes
        self._api = api
        self._board = board
        self._store = store

    async def replace(self, settings: Settings, plan: Plan) -> float:
        """These from now on. Returns for how many seconds nothing else was decided on."""
        before, plan_before = self.settings, self.plan
        numbers = await asyncio.to_thread(dialplan_globals, settings, plan)
        event = ev.Reconfigured(
            self._clock.now(), plan, script_of(settings), settings.survey.ask_again_after_days, message_of(settings)
        )
        took_s = await self._dispatcher.ask(event)
        self.settings, self.plan = settings, plan
        for node in self._nodes:
            node.reconfigure(numbers, settings.language)
        self._board.reconfigure()
        self._api.reconfigure(api_settings(settings))
        if settings.log != before.log:
            logging.setup(level=settings.log.level, format=settings.log.format)
        await self._remember(before, plan_before)
        return took_s

    async def _remember(self, before: Settings, plan_before: Plan) -> None:
        """What the records know, where the brain was not told of it at the start because nothing asked for it."""
        quiet_days = self.settings.survey.ask_again_after_days
        asks_more = quiet_days > before.survey.ask_again_after_days
        sticks = _sticks(self.plan) and not _sticks(plan_before)
        now = self._clock.now()
        try:
            asked = await self._store.surveyed_since(now - quiet_days * DAY_S) if asks_more else {}
            served_by = await self._store.last_served(sticky.REMEMBERED) if sticks else ()
        except StorageError as error:
            log.warning("what was before is not known to the new rules", problem=str(error))
            return
        if asked or served_by:
            self._dispatcher.post(ev.Restored(now, (), served_by=served_by, asked_at=asked))


def _sticks(plan: Plan) -> bool:
    return any(queue.sticky_s for queue in plan.queues.values())
