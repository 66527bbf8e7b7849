"""Whether a look at an Asterisk shows a call as we believe it to be, and how often it has not.

A look taken while events are on their way shows some of them before they are heard. So what contradicts us is doubted
at first and looked at once more a moment later; only when that shows it again, and nothing has been heard of the call
meanwhile, an event was lost and the look is followed. Who was never looked at before (at boot, after a lost link) is
followed at once: nothing was heard of those.
"""

from __future__ import annotations

from acd.queues.commands import Look
from acd.queues.found import FoundCall
from acd.queues.model import Call, CallId, CallPhase, OfferId
from acd.queues.shop import Shop

HOLDING = ("enter", "hold", "fallback")
"""Verbs in which a caller waits."""


class Doubts:
    """The calls of which a look has shown something else than we believe."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._since: dict[CallId, float] = {}  # call -> its last change, when it was doubted

    def confirmed(self, call: Call, seen: FoundCall, at: float) -> bool:
        """Whether this is the second look in a row that contradicts what we believe of the call."""
        if agrees(self._shop, call, seen):
            self._since.pop(call.id, None)
            return False
        if self._since.get(call.id) == call.touched_at:
            del self._since[call.id]
            return True
        self._since[call.id] = call.touched_at
        self._shop.alarms.set(f"doubt:{call.node}", at + self._shop.backoff.doubt_s)
        return False

    def forget(self, node: str) -> None:
        """What was doubted is known now, in one way or another."""
        calls = self._shop.calls
        self._since = {one: at for one, at in self._since.items() if one in calls and calls[one].node != node}
        self._shop.alarms.cancel(f"doubt:{node}")

    def due(self, node: str) -> None:
        """Look again, unless what was on its way has explained everything by now."""
        calls = self._shop.calls
        self._since = {one: at for one, at in self._since.items() if one in calls and calls[one].touched_at == at}
        if any(calls[one].node == node for one in self._since):
            self._shop.emit(Look(node))


def agrees(shop: Shop, call: Call, seen: FoundCall) -> bool:
    """Whether there is nothing to be put right about the call."""
    if call.leaving:
        return seen.verb not in HOLDING
    match call.phase:
        case CallPhase.WAITING:
            waits = seen.verb in HOLDING and not seen.bridged
            return waits and call.queue is not None and call.at_home is (seen.verb != "fallback")
        case CallPhase.OFFERED | CallPhase.CONNECTING:
            there = {OfferId(seen.offer_id), *(offer_id for offer_id, _ in seen.beside)}
            return seen.verb == "connect" and not seen.bridged and there == {one.id for one in shop.offers_of(call)}
        case CallPhase.TALKING if seen.verb == "fallback":
            return seen.bridged and call.offer_id == (OfferId(seen.offer_id) if seen.handed_over else None)
        case CallPhase.TALKING:
            return seen.verb == "connect" and seen.bridged and not seen.handed_over
        case _:
            return _is_over(shop, call, seen)


def _is_over(shop: Shop, call: Call, seen: FoundCall) -> bool:
    """After a conversation: on the way out, or in what follows."""
    if seen.verb == "after":
        return not awaits_survey(shop, call) and call.answered_at is not None
    return seen.verb not in HOLDING and not seen.handed_over


def awaits_survey(shop: Shop, call: Call) -> bool:
    """Whether a served caller has not been told how it goes on."""
    record = shop.book.get(call.id)
    served = call.phase is CallPhase.AFTER and call.answered_at is not None and not call.leaving
    return served and record is not None and record.survey_asked_at is None and record.survey_result is None
