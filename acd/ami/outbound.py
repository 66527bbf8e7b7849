"""The brain's commands out as AMI actions: `Setvar` of a verb's arguments, then `Redirect` into it.

Both are written one behind the other without waiting: Asterisk runs the actions of a session in order. Where a phone
rings for the caller, all of it waits until it is known that nobody has picked up (`acd.ami.redirects`). A refusal comes
back later and becomes an event; nothing that may have been done is ever sent twice.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import assert_never

import structlog

from acd.ami import fields
from acd.ami.client import AmiClient
from acd.ami.mirror import Mirror
from acd.ami.redirects import Redirects
from acd.ami.registry import Caller, Registry
from acd.ami.taken import Taken
from acd.errors import AmiError
from acd.ports import Clock
from acd.queues.commands import (
    Adopt,
    AssignPhones,
    Bye,
    CallCommand,
    Collect,
    Drop,
    Hold,
    Mark,
    MirrorAgent,
    Reclaim,
    Record,
    Ring,
    Say,
    Withdraw,
)
from acd.queues.events import Connected, Event, OfferEnded, TakenAfterAll
from acd.queues.model import DEFAULT_MUSIC, OfferResult

log = structlog.get_logger(__name__)

NORMAL_CLEARING = "16"


class Steering:
    """Carries out what is for one Asterisk. `post` takes the events that failures lead to."""

    def __init__(
        self,
        client: AmiClient,
        registry: Registry,
        clock: Clock,
        post: Callable[[Event], object],
        language: str,
        mirror: Mirror,
        time: fields.AsteriskTime,
    ) -> None:
        self._client = client
        self._registry = registry
        self._clock = clock
        self._post = post
        self._language = language
        self._mirror = mirror
        self._time = time
        self._redirects = Redirects(client, registry, self._not_moved)

    def speak(self, language: str) -> None:
        """The language of what is said from now on."""
        self._language = language

    def carry_out(self, command: CallCommand | MirrorAgent | AssignPhones) -> None:
        """Send what the command means. A call whose channel is gone needs nothing: its end is on the way."""
        if isinstance(command, AssignPhones):
            self._registry.assign(command.phones)
            return
        if isinstance(command, MirrorAgent):
            self._mirror.want(command)
            return
        caller = self._registry.callers.get(command.call_id)
        if caller is not None:
            self._steer(caller, command)
        elif isinstance(command, Ring):
            self._ring_failed(command)

    def _steer(self, caller: Caller, command: CallCommand) -> None:
        match command:
            case Hold():
                self._hold(caller, command)
            case Ring():
                self._ring(caller, command)
            case Mark():
                caller.talks(command.offer_id)
                self._set(caller, ACD_TALKING=f"{command.offer_id}@{command.since:.3f}")
            case Adopt():
                self._adopt(caller, command)
            case Reclaim():
                self._set(caller, ACD_CALL=caller.call_id, ACD_DID=caller.did, ACD_ENTERED=caller.entered)
            case Drop():
                kind = f"drop:{command.offer_id}"
                self._redirects.behind(caller, kind, lambda: self._drop(caller, command))
            case Withdraw():
                self._redirects.move(caller, "acd-hold", _nothing, None)
            case Say():
                self._speak(caller, "acd-say", command)
            case Collect():
                self._speak(
                    caller,
                    "acd-collect",
                    command,
                    ACD_FIRST_S=f"{command.first_s:g}",
                    ACD_MORE=command.more_after,
                    ACD_MORE_S=f"{command.more_s:g}",
                )
            case Bye():
                self._speak(caller, "acd-bye", command)
            case Record():
                self._speak(caller, "acd-record", command, ACD_MAX_S=f"{command.max_s:g}")
            case _:
                assert_never(command)

    def _hold(self, caller: Caller, hold: Hold) -> None:
        def note() -> None:
            self._set(caller, ACD_QUEUE=hold.queue, ACD_QUEUED=f"{hold.joined_at:.3f}", ACD_MOH=hold.music)

        if hold.move or hold.music != DEFAULT_MUSIC:  # the default one is playing already
            self._redirects.move(caller, "acd-hold", note, None)
        else:
            self._redirects.behind(caller, "hold", note)

    def _ring(self, caller: Caller, ring: Ring) -> None:
        self._redirects.move(
            caller, "acd-connect", lambda: self._prepare_ring(caller, ring), lambda: self._ring_failed(ring)
        )

    def _prepare_ring(self, caller: Caller, ring: Ring) -> None:
        caller.ordered_all((leg.agent_id, leg.offer_id) for leg in ring.legs)
        whom = {
            "ACD_AGENT": "&".join(leg.agent_id for leg in ring.legs),
            "ACD_DIAL": "&".join(leg.endpoint for leg in ring.legs),
        }
        if caller.rings_several:  # each may fill a line
            for name, value in whom.items():
                self._set(caller, **{name: value})
            whom.clear()
        self._set(
            caller,
            ACD_QUEUE=ring.queue,
            ACD_QUEUED=f"{ring.joined_at:.3f}",
            ACD_MOH=ring.music,
            ACD_OFFER=ring.offer_id,
            **whom,
            ACD_CONFIRM=f"{ring.confirm_s:g}" if ring.confirm_s else "",
            ACD_RING_S=f"{ring.ring_timeout_s:g}",
        )

    def _drop(self, caller: Caller, drop: Drop) -> None:
        """A phone that is not seen dialled yet has no channel; it is hung up when it has (`drop_late`)."""
        leg = caller.ring.get(drop.offer_id)
        if leg is None:
            return
        leg.dropped = True
        if leg.channel:
            self._registry.unwanted.append((drop.offer_id, leg.channel))
            self.drop_late()

    def drop_late(self) -> None:
        """Hang up the legs that nobody wants any more, unless it is on them that the caller talks by now."""
        while self._registry.unwanted:
            offer_id, channel = self._registry.unwanted.pop()
            rung = self._registry.rung(offer_id)
            if rung is None:
                self._hang_up(channel)
            else:
                self._redirects.unless_taken(rung[0], f"leg:{offer_id}", partial(self._hang_up, channel))

    def _hang_up(self, channel: str) -> None:
        self._send("Hangup", ("Channel", channel), ("Cause", NORMAL_CLEARING))

    # -- who was not moved ------------------------------------------------------------------------------------

    def bridged(self, event: Connected) -> None:
        """Heard: the two are in a bridge. What waits to be done to the caller is not done then."""
        caller = self._registry.caller_of(event.offer_id)
        if caller is not None:
            self._redirects.bridged(caller, event.offer_id)

    def _not_moved(self, caller: Caller, taken: Taken) -> None:
        now = self._clock.now()
        since, over_at = (
            self._time.ours(stamp, now, fields.OLD_STAMP_S) if stamp is not None else None
            for stamp in (taken.dialled, taken.over)
        )
        self._post(TakenAfterAll(now, caller.call_id, taken.offer_id, since, over_at))

    def _adopt(self, caller: Caller, adopt: Adopt) -> None:
        """ACD_OFFERED and ACD_OFFERED_TO are what the dialplan will tell when this conversation is over."""
        caller.dials = None
        self._set(
            caller,
            ACD_QUEUE=adopt.queue or "",
            ACD_QUEUED=f"{adopt.joined_at:.3f}",
            ACD_OFFER=adopt.offer_id,
            ACD_OFFERED=adopt.offer_id,
            ACD_AGENT=adopt.agent_id,
            ACD_OFFERED_TO=adopt.agent_id,
            ACD_TALKING=f"{adopt.offer_id}@{adopt.since:.3f}",
        )

    def _speak(self, caller: Caller, context: str, command: Say | Collect | Bye | Record, **more: str) -> None:
        def prepare() -> None:
            if command.prompts:
                language = (("Channel", caller.channel), ("Variable", "CHANNEL(language)"), ("Value", self._language))
                self._send("Setvar", *language)
            self._set(caller, ACD_SEQ=str(command.seq), ACD_PROMPT="&".join(command.prompts), **more)

        self._redirects.move(caller, context, prepare, None)

    def _set(self, caller: Caller, **variables: str) -> None:
        """Several variables in one action; none of the values holds a comma (the configuration saw to it)."""
        names, values = ",".join(variables), ",".join(variables.values())
        self._send("Setvar", ("Channel", caller.channel), ("Variable", f"ARRAY({names})"), ("Value", values))

    def _ring_failed(self, ring: Ring) -> None:
        for leg in ring.legs:
            self._post(OfferEnded(self._clock.now(), leg.offer_id, OfferResult.ERROR))

    def _send(self, name: str, *headers: tuple[str, str]) -> None:
        def refused(error: AmiError) -> None:
            if not any(words in str(error) for words in _HARMLESS):
                log.warning("action failed", action=name, error=str(error))

        try:
            self._client.order(name, *headers, failed=refused)
        except AmiError as error:
            log.warning("action not sent", action=name, error=str(error))


def _nothing() -> None: ...


_HARMLESS = ("No such channel", "Channel does not exist")
