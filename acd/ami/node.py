"""One Asterisk in service: link, picture, heartbeat, and the messages turned into events in between.

Messages that arrive while a picture is read wait, and are worked on after it: those that tell what the picture showed
already give events the brain ignores. A picture is read whenever the link comes up, then every `sweep_s`, and when
the brain asks for a look: it frees what outlived a lost event.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

import structlog

from acd import tasks
from acd.ami import echo, fields
from acd.ami.aftermath import Aftermath, Keep
from acd.ami.client import AmiClient
from acd.ami.directory import batches
from acd.ami.homecoming import Homecoming
from acd.ami.inbound import Translator
from acd.ami.messages import Message
from acd.ami.mirror import Mirror
from acd.ami.notes import Notes
from acd.ami.outbound import Steering
from acd.ami.phones import Phones
from acd.ami.registry import Registry
from acd.ami.resync import read_picture
from acd.ami.values import AmiSettings, LinkDown, LinkUp
from acd.errors import AmiError, AmiRefused
from acd.masking import conceal
from acd.ports import Clock
from acd.queues.commands import AssignPhones, Look, SwitchCommand
from acd.queues.events import CallAway, CallsNoted, Connected, Event, NodeLost, NodeRead
from acd.queues.model import AgentId, CallId
from acd.queues.views import NodeView

LATE_S = 5.0  # overdue after four seconds, stale after eight: acd.conf
log = structlog.get_logger(__name__)

OLDEST_ASTERISK = 20
AGAIN_S = 1.0  # at least between two looks; what was on its way at the first is heard by then
SETTLE_S = 1.0  # an order sent shortly before a sweep need not show on the channel yet
REQUIRED_ACTIONS = ("Setvar", "Redirect", "Status", "QueueAdd", "QueuePause", "QueueRemove")
STRANGERS = frozenset({"calleridnum", "calleridname", "connectedlinenum", "connectedlinename"})
"""Headers with what people wrote, or are called by."""
NAP_S, STILL_S = 0.5, 1.0  # who sleeps so long and wakes so much later was not let run
LAST_WORD = "Shutdown"  # the client's own concern
ASTERISK_NOW = "STRFTIME(,UTC,%s.%3q)"


class Node:
    """ports.Switch for the calls of one Asterisk. `post` puts events into the inbox and says whether they fitted."""

    def __init__(
        self,
        settings: AmiSettings,
        endpoints: dict[str, AgentId],
        phones: Phones,
        clock: Clock,
        post: Callable[[Event], bool],
        *,
        default_region: str,
        language: str,
        fallback_queue: str,
        heartbeat_s: float,
        directory: Mapping[str, str],
        on_change: Callable[[NodeView], None],
        loaded: asyncio.Event,
        live: Callable[[str], Collection[CallId]],
        keep: Keep,
        on_mirrored: Callable[[AgentId], object],
    ) -> None:
        """`loaded`: what the records know has been posted, and the picture may follow it.

        `live`: the calls of a node of this name that are open in our books; `keep`: see `aftermath`; `on_mirrored`: see
        `Mirror`.
        """
        self.name = settings.name
        self._phones = phones
        self._clock = clock
        self._post = post
        self._region = default_region
        self._language = language
        self._heartbeat_s = heartbeat_s
        self._sweep_s = settings.sweep_s
        self._look_wanted = asyncio.Event()
        self._emptied: dict[str, str] = {}  # names that were in the directory and are not any more
        self._telling = asyncio.Lock()
        self._directory = directory
        self._on_change = on_change
        self._loaded = loaded
        self._looked = asyncio.Event()
        self._time = fields.AsteriskTime()
        self._registry = Registry(endpoints)
        self._key = secrets.token_hex(16)
        conceal([self._key])
        self._translator = Translator(self.name, self._registry, phones, self._time, default_region, self._key)
        wanted = (*self._translator.heard, LAST_WORD)
        self.client = AmiClient(
            replace(
                settings, required_actions=REQUIRED_ACTIONS, wanted_events=wanted, wanted_if=self._translator.heard_if
            )
        )
        self.mirror = Mirror(self.client, fallback_queue, on_mirrored)
        self._homecoming = Homecoming(self.client, fallback_queue)
        self._steering = Steering(self.client, self._registry, clock, post, language, self.mirror, self._time)
        self._live = live
        self._notes = Notes(self.client, self._registry, self._time, default_region)
        self._aftermath = Aftermath(self.name, self._notes, self._registry, clock, keep)
        self._reading = asyncio.Lock()
        self._last_boot: tuple[str, str] | None = None
        self._began_at: float | None = None
        self._in_service = False
        self._since = clock.now()
        self._problem = "not connected yet"
        self._keepers: tuple[asyncio.Task[None], ...] = ()

    @property
    def refused(self) -> Mapping[str, int]:
        """Calls to the town that the dialplan would not have, by reason."""
        return self._translator.refused

    def carry_out(self, command: SwitchCommand) -> None:
        """As ports.Switch. Of phones that are somebody else's now, the next picture tells; it is taken at once."""
        if isinstance(command, Look):
            self._look(command)
            return
        self._steering.carry_out(command)
        if isinstance(command, AssignPhones):
            self._look_wanted.set()

    def _look(self, look: Look) -> None:
        if look.node != self.name:
            return
        if look.unless_dialled is None or not self._registry.is_dialled(look.unless_dialled):
            self._look_wanted.set()

    def reconfigure(self, directory: Mapping[str, str], language: str) -> None:
        """Other numbers for the dialplan to know, and another language for what is said from now on."""
        gone = {name: "" for name in self._directory if name not in directory}
        news = {name: value for name, value in directory.items() if self._directory.get(name) != value}
        self._directory = directory
        self._emptied = {name: "" for name in (*self._emptied, *gone) if name not in directory}
        self._language = language
        self._steering.speak(language)
        if self.client.connected and (gone or news):
            tasks.spawn(self._tell_news(gone | news), f"directory {self.name}")

    async def _tell_all(self) -> None:
        await self._tell({**self._emptied, **self._directory})

    async def _tell_news(self, variables: Mapping[str, str]) -> None:
        """A link that is lost over it is told all when it is back."""
        try:
            await self._tell(variables)
        except AmiError as error:
            log.warning("the directory was not told", node=self.name, problem=str(error))

    async def _tell(self, variables: Mapping[str, str]) -> None:
        """One after the other, so that what is told last is what is so."""
        async with self._telling:
            for names, values in batches(variables):
                await self.client.action("Setvar", ("Variable", names), ("Value", values))

    def knows(self, call_id: str) -> bool:
        """Whether the caller's channel is on this Asterisk."""
        return call_id in self._registry.callers

    def view(self) -> NodeView:
        """In service means: linked, read back, being heard."""
        return NodeView(self.name, self._in_service, self._since, None if self._in_service else self._reason())

    def _reason(self) -> str:
        """The link's own words while there is none; else what we found on it."""
        said = None if self.client.connected else self.client.status().last_error
        return said or self._problem

    async def first_look(self) -> None:
        """Returns when this Asterisk's picture has been posted, or it cannot be had for now."""
        signs = [tasks.spawn(sign.wait(), f"first look {self.name}") for sign in (self._looked, self.client.failed)]
        try:
            await asyncio.wait(signs, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await tasks.stop(*signs)

    async def run(self) -> None:
        """Serve until cancelled."""
        link = tasks.spawn(self.client.run(), f"ami {self.name}")
        try:
            while True:
                item = await self.client.next()
                async with self._reading:
                    await self._take(item)
        finally:
            await tasks.stop(*self._keepers, link)

    async def _take(self, item: LinkUp | LinkDown | Message) -> None:
        match item:
            case LinkUp():
                await self._linked(item)
            case LinkDown(reason=reason):
                await self._out_of_service(reason)
            case Message():
                self._heard(item)

    def _heard(self, message: Message) -> None:
        """A message we cannot understand must not end the service: the fault is logged, the next one goes on."""
        try:
            events = self._translator.translate(message, self._clock.now())
        except Exception:
            hide = [value for name, value in message.headers if name.lower() in STRANGERS]
            log.exception("message not understood", node=self.name, message=message.name, hide=hide)
            return
        self._steering.drop_late()
        for event in events:
            if isinstance(event, CallAway):
                self._homecoming.fell()
            if not self._post(event):
                self.client.abort("our own inbox is full")
                return
            if isinstance(event, Connected):
                self._steering.bridged(event)

    # -- into service and out of it ---------------------------------------------------------------------------

    async def _linked(self, link: LinkUp) -> None:
        if link.generation != self.client.generation:
            return  # it is gone already; its LinkDown is next
        self._began_at = None if link.uptime_s is None else self._clock.now() - link.uptime_s
        try:
            await self._check_version()
            boot = await self._boot()
            restarted = self._last_boot is not None and boot != self._last_boot
            await self._hear_time()
            await self._check_echo()
            await self.client.action("Setvar", ("Variable", "ACD_KEY"), ("Value", self._key))
            await self._tell_all()
            await self._send_heartbeat(late=True)
            await self._loaded.wait()
            await self.mirror.read(self._registry.endpoints)
            await self._homecoming.begin()  # whom app_queue rings by now, the picture shows
            found = await self._read(restarted, sweep=False)
            unheard = await self._ended_unheard(found)
            await self._send_heartbeat()
        except AmiError as error:
            if str(error) != self._problem:
                log.warning("node not in service", node=self.name, problem=str(error))
            self._problem = str(error)
            self._looked.set()
            (self.client.refuse if isinstance(error, AmiRefused) else self.client.abort)(self._problem)
            return
        self._last_boot = boot
        self._post_all(*unheard, found)
        self._looked.set()
        self._enter_service(len(found.calls), restarted)

    async def _check_version(self) -> None:
        settings = await self.client.action("CoreSettings")
        version = settings.get("AsteriskVersion", "")
        major = re.match(r"[0-9]+", version)
        if major is not None and int(major[0]) < OLDEST_ASTERISK:
            raise AmiRefused(f"Asterisk {version} is too old: {OLDEST_ASTERISK} or newer is needed")

    async def _check_echo(self) -> None:
        """Before the picture is read: what is heard meanwhile is part of it."""
        heard = await echo.require(self.client, self._language)
        if heard.missing:
            log.warning("prompts missing, they will be skipped", node=self.name, prompts=list(heard.missing))

    async def _boot(self) -> tuple[str, str]:
        """When this Asterisk process started, in its own words: another one has others, a network blip changes nothing.

        Its uptime would have to be reckoned with, in whole seconds: a second start within seconds went unnoticed.
        """
        status = await self.client.action("CoreStatus")
        return status.get("CoreStartupDate", ""), status.get("CoreStartupTime", "")

    def _enter_service(self, callers: int, restarted: bool) -> None:
        self._in_service = True
        self._since = self._clock.now()
        self._keepers = (
            tasks.spawn(self._keep_beating(), f"heartbeat {self.name}"),
            tasks.spawn(self._keep_sweeping(), f"sweep {self.name}"),
            tasks.spawn(self._keep_awake(), f"awake {self.name}"),
            tasks.spawn(self._aftermath.run(), f"notes {self.name}"),
        )
        log.info("node in service", node=self.name, callers=callers, restarted=restarted)
        self._on_change(self.view())

    async def _out_of_service(self, reason: str) -> None:
        await tasks.stop(*self._keepers)
        self._keepers = ()
        self.mirror.lost()
        if not self._in_service:
            return  # why, was said when it did not get into service
        self._problem = reason
        self._in_service = False
        self._since = self._clock.now()
        self._phones.lost(self.name)
        self._post(NodeLost(self._clock.now(), self.name))
        self._on_change(self.view())

    # -- the picture and the heartbeat ------------------------------------------------------------------------

    async def _read(self, restarted: bool, sweep: bool) -> NodeRead:
        asked_at = self._clock.now()
        seen = await read_picture(self.client, self._registry, self.name, self._time, self._region, asked_at, sweep)
        reachable, own = self._phones.read(self.name, seen.reachable, seen.own)
        settled_at, now = asked_at - SETTLE_S if sweep else asked_at, self._clock.now()
        more = (settled_at, seen.unsure, self._began_at)
        return NodeRead(now, self.name, restarted, seen.calls, reachable, own, *more)

    async def _ended_unheard(self, found: NodeRead) -> tuple[CallsNoted, ...]:
        """What the dialplan noted of calls that are open in our books and not in the picture."""
        gone = set(self._live(self.name)) - {call.call_id for call in found.calls} - found.unsure
        try:
            noted = await self._notes.of(gone, found.at) if gone else []
        except AmiRefused:
            return ()  # may not be read: the aftermath says so
        return (CallsNoted(found.at, self.name, tuple(noted)),) if noted else ()

    def _post_all(self, *events: Event) -> None:
        for event in events:
            self._post(event)

    async def _keep_sweeping(self) -> None:
        """Every so often, when somebody asks for it, and once more for callers whom only one of us knows."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._sweep_s):
                    await self._look_wanted.wait()
            self._look_wanted.clear()
            await self._sweep()
            await asyncio.sleep(AGAIN_S)
            if self._registry.doubtful:
                self._look_wanted.set()

    async def _keep_awake(self) -> None:
        """When the daemon itself stood still, look: Asterisk drops events for who does not take them."""
        loop = asyncio.get_running_loop()
        while True:
            asleep_at = loop.time()
            await asyncio.sleep(NAP_S)
            still_s = loop.time() - asleep_at - NAP_S
            if still_s > STILL_S:
                log.warning("the daemon stood still, Asterisk is looked at", node=self.name, seconds=round(still_s, 1))
                self._look_wanted.set()

    async def _sweep(self) -> None:
        async with self._reading:
            try:
                if self.mirror.in_doubt:
                    await self.mirror.read(self._registry.endpoints)
                found = await self._read(restarted=False, sweep=True)
                self._post_all(*await self._ended_unheard(found), found)
            except AmiError as error:
                log.warning("sweep failed", node=self.name, error=str(error))

    async def _keep_beating(self) -> None:
        """The dialplan looks at the heartbeat; one that fails is not waited for longer than until the next."""
        while True:
            await asyncio.sleep(self._heartbeat_s)
            try:
                await self._hear_time()
                await self._send_heartbeat()
                await self._homecoming.after_a_heartbeat()
            except AmiError as error:
                log.warning("heartbeat failed", node=self.name, error=str(error))

    async def _hear_time(self) -> None:
        answer = await self.client.action("Getvar", ("Variable", ASTERISK_NOW), timeout_s=self._heartbeat_s)
        self._time.heard(answer.get("Value", ""), self._clock.now())

    async def _send_heartbeat(self, late: bool = False) -> None:
        """In Asterisk's own time, so that two machines' clocks need not agree.

        A late one, while the picture is not whole: good enough for callers to wait for us, and not for the dialplan
        to leave it to us to note who goes.
        """
        epoch = str(int(self._time.theirs(self._clock.now()) - (LATE_S if late else 0.0)))
        headers = (("Variable", "ACD_HEARTBEAT"), ("Value", epoch))
        await self.client.action("Setvar", *headers, timeout_s=self._heartbeat_s)
