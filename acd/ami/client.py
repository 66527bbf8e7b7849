"""The manager client: one link to one Asterisk, kept up for ever, in order, with a limit on everything.

    client = AmiClient(settings)
    task = spawn(client.run(), "ami main")
    match await client.next():
        case LinkUp(): read everything back
        case LinkDown(): trust nothing
        case Message() as event: …

An action is tried once. If its answer does not come (AmiTimeout, AmiDown from the future) it may or may
not have been carried out; the next `LinkUp` or a read-back tells. If it raises at once (AmiDown,
AmiOverflow, AmiUnsafeValue from `send`) nothing was written.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from acd import tasks
from acd.ami.actions import ListLimit, Order, PendingAction
from acd.ami.backoff import Backoff
from acd.ami.inbox import Inbox
from acd.ami.messages import Message, Response
from acd.ami.protocol import HardenedManager, HardenedProtocol
from acd.ami.values import EVENT_CLASSES, AmiCounters, AmiSettings, AmiStatus, LinkDown, LinkUp
from acd.errors import AmiDown, AmiError, AmiRefused, AmiTimeout

log = structlog.get_logger(__name__)


class AmiClient:
    """See the module. `next` has one consumer; actions may come from anywhere on the same event loop."""

    def __init__(self, settings: AmiSettings, wall_clock: Callable[[], float] = time.time) -> None:
        """`wall_clock` (seconds since 1970) is for `status` only; deadlines use the loop's own clock."""
        self.settings = settings
        self.counters = AmiCounters()
        self.generation = 0
        self.failed = asyncio.Event()  # set when an attempt to link has come to nothing
        self._wall_clock = wall_clock
        self._inbox = Inbox(settings.max_queued_messages, settings.max_queued_bytes)
        self._backoff = Backoff(settings)
        self._link: HardenedProtocol | None = None
        self._up = False
        self._booted: asyncio.Future[Message] | None = None
        self._since = wall_clock()
        self._last_error: str | None = None
        self._overflowed = False
        self._refused: str | None = None
        self._runner: asyncio.Task[Any] | None = None

    # --- what others use

    @property
    def connected(self) -> bool:
        """Logged in, fully booted, and not found dead since."""
        return self._up

    @property
    def pending(self) -> int:
        """Actions written and not yet answered."""
        return len(self._link.responses) if self._link is not None else 0

    def status(self) -> AmiStatus:
        """A snapshot for health and `/status`; `last_error` says in words why it is not connected."""
        return AmiStatus(
            node=self.settings.name,
            connected=self._up,
            since=self._since,
            last_error=self._last_error,
            pending=self.pending,
            queued=len(self._inbox),
        )

    async def next(self) -> LinkUp | LinkDown | Message:
        """The next marker or event, in the order of the wire. Raises AmiDown after `close`."""
        return await self._inbox.get()

    def send(self, name: str, *headers: tuple[str, str], timeout_s: float | None = None) -> asyncio.Future[Response]:
        """Write an action before returning, so two sends keep their order; the future always ends.

        Raises AmiDown, AmiOverflow or AmiUnsafeValue: nothing was written. The future raises AmiRefused,
        AmiTimeout or AmiDown; nobody needs to await it.
        """
        return self._send(self._usable_link(name), PendingAction(name, headers), timeout_s)

    def order(
        self, name: str, *headers: tuple[str, str], failed: Callable[[AmiError], None], at_once: bool = False
    ) -> None:
        """`send` for whoever wants to hear of a failure only; much cheaper. Keeps its place among the sent ones, and
        leaves with the other orders of this turn of the loop, or `at_once` with those before it. `failed` gets what
        the future of `send` would raise.

        Raises as `send`.
        """
        self._usable_link(name).order(Order(name, headers, failed), at_once)

    def ask(
        self,
        name: str,
        *headers: tuple[str, str],
        answered: Callable[[Sequence[Message]], None],
        failed: Callable[[AmiError], None],
    ) -> None:
        """`collect` for whoever cannot wait: written before returning, `answered` gets the events, or `failed` why not.

        Raises as `send`.
        """
        action = PendingAction(name, headers, self._list_limit())
        future = self._send(self._usable_link(name), action)

        def done(future: asyncio.Future[Response]) -> None:
            error = None if future.cancelled() else future.exception()
            if isinstance(error, AmiError):
                failed(error)
            elif not future.cancelled():
                answered(action.responses[1:])

        future.add_done_callback(done)

    async def action(self, name: str, *headers: tuple[str, str], timeout_s: float | None = None) -> Response:
        """`send`, and wait for the answer."""
        return await self.send(name, *headers, timeout_s=timeout_s)

    async def collect(self, name: str, *headers: tuple[str, str], timeout_s: float | None = None) -> list[Message]:
        """A list action (`Status`, `QueueStatus`, `CoreShowChannels`...): its events without the closing one.

        Raises as `send` and its future do; AmiOverflow for a longer answer than the settings allow.
        """
        action = PendingAction(name, headers, self._list_limit())
        await self._send(self._usable_link(name), action, timeout_s)
        return action.responses[1:]

    async def run(self) -> None:
        """Keep the link up until cancelled or closed."""
        self._runner = asyncio.current_task()
        manager = HardenedManager(self.settings, self.counters, self._on_message, self._on_lost)
        try:
            while True:
                delay_s = await self._live_once(manager)
                await asyncio.sleep(delay_s)
        finally:
            manager.close()

    def abort(self, reason: str) -> None:
        """Drop the link and begin anew: what was heard on it can no longer be trusted or kept up with."""
        if self._link is not None:
            self._link.lose(reason)

    def refuse(self, reason: str) -> None:
        """Drop the link, for what it lacks only a person can mend: it counts as a refused login does."""
        if self._link is not None and not self._link.closed:
            self._refused = reason
            self._link.lose(reason)

    async def close(self) -> None:
        """End the link and `run`; `next` gives what is queued, then raises AmiDown."""
        await tasks.stop(self._runner)
        self._inbox.close()

    # --- the life of one link

    async def _live_once(self, manager: HardenedManager) -> float:
        """One attempt and, if it succeeds, the link's whole life. Returns seconds to wait for the next."""
        self.counters.attempts += 1
        try:
            await self._live(manager)
        except AmiRefused as error:
            self._note(str(error))
            return self._backoff.after_refusal()
        except AmiError as error:
            self._note(str(error))
        finally:
            manager.close()
        return self._backoff.after_failure()

    async def _live(self, manager: HardenedManager) -> None:
        link = await manager.open()
        booted: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._link, self._booted = link, booted
        await self._log_in(link)
        await self._wait_for_boot(link, booted)
        await self._check_rights(link)
        await self._choose_events(link)
        if link.closed:
            raise AmiDown(link.lost.result())
        self._come_up(link, booted.result())
        up_at = link.last_byte_at
        await self._watch(link, link.lost)
        if self._refused is not None:
            reason, self._refused = self._refused, None
            raise AmiRefused(reason)
        self._backoff.lived(link.last_byte_at - up_at)

    async def _log_in(self, link: HardenedProtocol) -> None:
        """By challenge, so that the secret itself never crosses the network."""
        challenge = await self._send(link, PendingAction("Challenge", [("AuthType", "MD5")]))
        proven = challenge.get("Challenge", "") + self.settings.secret
        proof = hashlib.md5(proven.encode(), usedforsecurity=False)
        login = [("AuthType", "MD5"), ("Username", self.settings.username), ("Key", proof.hexdigest())]
        try:
            await self._send(link, PendingAction("Login", [*login, ("Events", EVENT_CLASSES)]))
        except AmiRefused as error:
            self.counters.refused_logins += 1
            raise AmiRefused(f"wrong username or secret, or address not permitted ({error})") from error

    async def _wait_for_boot(self, link: HardenedProtocol, booted: asyncio.Future[Message]) -> None:
        """Until FullyBooted, which a user without read class `system` never hears."""
        hint = "no FullyBooted yet: Asterisk is starting, or the AMI user lacks read class `system`"
        self._last_error = hint
        try:
            async with asyncio.timeout(self.settings.boot_timeout_s):
                await self._watch(link, booted)
        except TimeoutError:
            raise AmiTimeout(hint) from None
        if not booted.done():
            raise AmiDown(link.lost.result())

    async def _check_rights(self, link: HardenedProtocol) -> None:
        """Asterisk lists what the user may do; a missing right is found now, not with a caller waiting."""
        if self.settings.required_actions:
            allowed = await self._send(link, PendingAction("ListCommands", []))
            missing = [name for name in self.settings.required_actions if name not in allowed]
            if missing:
                raise AmiRefused(f"the AMI user lacks the write classes for: {', '.join(missing)}")

    async def _choose_events(self, link: HardenedProtocol) -> None:
        """Of some thirty events a call half mean nothing to us, and each costs both sides. By name, which Asterisk 22
        compares as a number; an older one, or a user who may not, sends them all and they are passed over here.
        """
        wanted = [[("MatchCriteria", f"name({name})")] for name in self.settings.wanted_events]
        for name, (header, value) in self.settings.wanted_if.items():
            wanted.append([("MatchCriteria", f"name({name}),header({header}),method(exact)"), ("Filter", value)])
        filters = [self._send(link, PendingAction("Filter", [("Operation", "Add"), *one])) for one in wanted]
        refused = [
            str(error)
            for error in await asyncio.gather(*filters, return_exceptions=True)
            if isinstance(error, AmiRefused)
        ]
        if refused:
            log.info("ami events not chosen", node=self.settings.name, reason=refused[0])

    def _come_up(self, link: HardenedProtocol, booted: Message) -> None:
        self._booted = None
        self._up = True
        link.stale_after_s = self.settings.stale_after_s
        self._since = self._wall_clock()
        self._last_error = None
        self.generation += 1
        self.counters.links += 1
        uptime = booted.get("Uptime", "")
        uptime_s = float(uptime) if uptime.isdecimal() else None
        log.info("ami link up", node=self.settings.name, generation=self.generation, uptime_s=uptime_s)
        self._inbox.mark(LinkUp(self.settings.name, self.generation, uptime_s, str(link.version)))

    async def _watch(self, link: HardenedProtocol, until: asyncio.Future[Any]) -> None:
        """Ping an idle peer and give up a silent one, until the link is lost or `until` is done."""
        interval_s, limit_s = self.settings.ping_interval_s, self.settings.silence_limit_s
        loop = asyncio.get_running_loop()
        pinged_at = awake_since = link.last_byte_at
        while not until.done() and not link.closed:
            now, heard_at = loop.time(), link.last_byte_at
            # a ping must have had its time too, and while we are awake: when our own loop was blocked, the peer is not
            # to blame
            dead_at = max(heard_at + limit_s, max(pinged_at, awake_since) + interval_s)
            if now >= dead_at and pinged_at > heard_at:
                link.lose(f"silent for {now - heard_at:.1f} s")
                return
            ping_at = max(heard_at, pinged_at) + interval_s
            if now >= ping_at:
                pinged_at, ping_at = now, now + interval_s
                self._ping(link)
            wake_s = (min(dead_at, ping_at) if pinged_at > heard_at else ping_at) - now
            await asyncio.wait({until, link.lost}, timeout=wake_s, return_when=asyncio.FIRST_COMPLETED)
            if loop.time() > now + wake_s + interval_s:
                awake_since = loop.time()

    def _ping(self, link: HardenedProtocol) -> None:
        try:
            self._send(link, PendingAction("Ping", []))
        except AmiError as error:  # too many unanswered already: the silence itself will tell
            log.debug("ami ping not sent", node=self.settings.name, error=str(error))

    # --- called by the protocol, in the order of the wire

    def _on_message(self, message: Message) -> None:
        if not self._up:
            # what happens before LinkUp is part of what is read back after it
            if self._booted is not None and not self._booted.done() and message.name == "FullyBooted":
                self._booted.set_result(message)
            return
        if not self._inbox.put(message) and self._link is not None:
            self.counters.overflows += 1
            self._overflowed = True
            self._link.lose(f"overflow: {len(self._inbox)} messages wait to be worked on")

    def _on_lost(self, reason: str) -> None:
        if not self._up:
            return
        self._up = False
        self._since = self._wall_clock()
        self.counters.drops += 1
        self._note(reason)
        self._inbox.mark(LinkDown(self.settings.name, self.generation, reason), forget=self._overflowed)
        self._overflowed = False

    # --- small things

    def _list_limit(self) -> ListLimit:
        return ListLimit(self.settings.max_list_items, self.settings.max_list_bytes)

    def _usable_link(self, action: str) -> HardenedProtocol:
        if not self._up or self._link is None:
            raise AmiDown(f"{action}: {self.settings.name} is not connected")
        return self._link

    @staticmethod
    def _send(
        link: HardenedProtocol, action: PendingAction, timeout_s: float | None = None
    ) -> asyncio.Future[Response]:
        return link.send(action, timeout_s=timeout_s)

    def _note(self, reason: str) -> None:
        self.failed.set()
        if reason != self._last_error:
            log.warning("ami link down", node=self.settings.name, reason=reason)
        self._last_error = reason
