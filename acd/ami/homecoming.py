"""Callers in one Asterisk's fallback queue, asked home as soon as there is a daemon to come home to.

The dialplan would bring them home at the end of their laps, ten seconds and more; until then app_queue would go on
ringing agents beside us. A caller who is withdrawn is rung for no more: those who wait go home within two seconds, one
for whom a phone rings when that has been picked up, or has not. Nothing of it lasts: if the daemon dies again, so does
its heartbeat, and they fall back again to their places.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog

from acd.ami.messages import Message, Response
from acd.errors import AmiRefused

log = structlog.get_logger(__name__)

AT_ONCE = 100  # actions on the wire
NO_MEMBER = "-"  # QueueStatus tells of the callers as well, and of the members only those of this name
HARMLESS = ("Already requested", "No such caller")


class Link(Protocol):
    """What is needed of `AmiClient`."""

    async def collect(self, name: str, *headers: tuple[str, str]) -> list[Message]: ...

    async def action(self, name: str, *headers: tuple[str, str]) -> Response: ...


class Homecoming:
    """Brings the callers of one fallback queue home."""

    def __init__(self, link: Link, queue: str) -> None:
        self._link = link
        self._queue = queue
        self._fell = False
        self._told_of = ""

    def fell(self) -> None:
        """Somebody has fallen back, though there is a link: the heartbeats were late, or a clock was stepped."""
        self._fell = True

    async def after_a_heartbeat(self) -> None:
        """Whoever has fallen back before it may come home now. AmiError."""
        if self._fell:
            self._fell = False
            await self.begin()

    async def begin(self) -> None:
        """Returns when app_queue begins no ringing any more, for anybody who is in it now. AmiError."""
        try:
            items = await self._link.collect("QueueStatus", ("Queue", self._queue), ("Member", NO_MEMBER))
        except AmiRefused as error:
            self._refused(error)
            return
        entries = [item for item in items if item.name == "QueueEntry" and item.get("Queue") == self._queue]
        for first in range(0, len(entries), AT_ONCE):
            some = entries[first : first + AT_ONCE]
            await asyncio.gather(*(self._withdraw(entry.get("Channel", "")) for entry in some))
        if entries:
            log.info("callers asked home from the fallback queue", callers=len(entries))

    async def _withdraw(self, channel: str) -> None:
        try:
            await self._link.action("QueueWithdrawCaller", ("Queue", self._queue), ("Caller", channel))
        except AmiRefused as error:
            if not any(words in str(error) for words in HARMLESS):
                self._refused(error)

    def _refused(self, error: AmiRefused) -> None:
        """They come home by their laps. Once for each reason: what is wrong with one is wrong with all."""
        if str(error) != self._told_of:
            self._told_of = str(error)
            log.warning("callers not asked home from the fallback queue", error=str(error))
