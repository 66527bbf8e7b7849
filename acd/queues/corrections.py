"""What a look at an Asterisk may find to be otherwise than we believed: an event that never came, or came to nobody.

Every correction is in the call's journey (`reconciled`), in the log, and counted (`acd_corrections_total{what=...}`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from acd.queues.model import AgentId, Call, CallPhase


class Correction(StrEnum):
    """What was put right; the words are labels of a metric."""

    ENTERED = "entered"
    ENDED = "ended"
    NOTED = "noted"
    CUT = "cut"
    OFFER_ENDED = "offer_ended"
    OFFER_FOUND = "offer_found"
    ANSWERED = "answered"
    TALK_ENDED = "talk_ended"
    HANDED_OVER = "handed_over"
    SURVEY = "survey"
    AWAY = "away"
    HOME = "home"
    STILL_HERE = "still_here"
    NOT_MOVED = "not_moved"
    TOO_LATE = "too_late"
    PHONE = "phone"
    OWN_CALL = "own_call"


SENTENCES: Mapping[Correction, str] = {
    Correction.ENTERED: "found in Asterisk",
    Correction.ENDED: "the call ended while nobody was listening",
    Correction.NOTED: "noted by Asterisk while nobody was listening",
    Correction.CUT: "Asterisk was restarted",
    Correction.OFFER_ENDED: "no phone rings for the caller any more",
    Correction.OFFER_FOUND: "a phone rings for the caller",
    Correction.ANSWERED: "the caller is talking",
    Correction.TALK_ENDED: "the conversation is over",
    Correction.HANDED_OVER: "the caller is with somebody else",
    Correction.SURVEY: "the caller waits for what follows the conversation",
    Correction.AWAY: "the caller is in Asterisk's own queue",
    Correction.HOME: "the caller is home from Asterisk's own queue",
    Correction.STILL_HERE: "the caller seemed to hang up and is still here",
    Correction.NOT_MOVED: "the caller is not where we sent them",
    Correction.TOO_LATE: "an agent had taken the call before an order came to take it away",
    Correction.PHONE: "an agent's phone has come or gone",
    Correction.OWN_CALL: "an agent's own call has begun or ended",
}
"""What stands in the journey; of a phone, which has none, in the log."""


@dataclass(frozen=True, slots=True)
class Belief:
    """What was believed of a call, to be held against what is believed after a look."""

    phase: CallPhase
    agent_id: AgentId | None
    offers: frozenset[str]
    at_home: bool
    hung_up: bool

    @classmethod
    def of(cls, call: Call) -> Belief:
        """As it is now."""
        ids = frozenset(() if call.offer_id is None else (call.offer_id, *call.beside))
        return cls(call.phase, call.agent_id, ids, call.at_home, call.hung_up is not None)

    def corrected(self, now: Belief, heard: bool) -> Correction | None:
        """What has been put right. `heard`: its Asterisk was being listened to, so where it is was known as well."""
        live = (CallPhase.OFFERED, CallPhase.CONNECTING)
        talking = CallPhase.TALKING
        if now.phase is talking:
            if self.phase is not talking:
                return Correction.ANSWERED
            return Correction.HANDED_OVER if self.agent_id != now.agent_id else None
        if self.phase is talking:
            return Correction.TALK_ENDED
        if now.phase in live:
            if self.phase not in live:
                return Correction.OFFER_FOUND
            return Correction.OFFER_ENDED if self.offers - now.offers else None
        if self.phase in live:
            return Correction.OFFER_ENDED
        if self.phase is not now.phase:
            return Correction.NOT_MOVED
        if heard and self.at_home is not now.at_home:
            return Correction.HOME if now.at_home else Correction.AWAY
        return Correction.STILL_HERE if self.hung_up and not now.hung_up else None
