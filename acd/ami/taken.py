"""Whether an agent has taken the caller for whom a phone rang when we last heard: read from the caller's channel.

Asked of the channel alone, so it costs Asterisk one line. In a bridge they talk. DIALSTATUS says ANSWER from the moment
in which a phone is picked up, some milliseconds before there is a bridge; not so where a key is
asked for: who has picked up has not taken the call then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acd.ami import fields
from acd.ami.messages import Message
from acd.ami.registry import Registry, ring_of
from acd.queues.model import OfferId

FACTS = ("ACD_VERB", "ACD_OFFERED", "ACD_OFFERED_TO", "ACD_CONFIRM", "DIALSTATUS", "DIALEDPEERNAME",
         "ACD_DIALLED_MS", "ACD_SERVED")  # fmt: skip
ANSWERED = "ANSWER"


@dataclass(frozen=True, slots=True)
class Taken:
    """Which offer was answered. `dialled` and `over` are Asterisk's stamps, of a conversation that is over already."""

    offer_id: OfferId
    dialled: str | None = None
    over: str | None = None


def read_taken(channel: Message, dials: OfferId, registry: Registry) -> Taken | None:
    """Who has taken the call that was offered by this order to dial; None: nobody."""
    facts = channel.variables
    if facts.get("ACD_OFFERED") != dials:
        return None  # the order has not been begun
    answered = facts.get("DIALSTATUS") == ANSWERED
    match facts.get("ACD_VERB"):
        case "connect" if channel.get("BridgeID", "") or (answered and not facts.get("ACD_CONFIRM")):
            return Taken(_offer(facts, registry))
        case "after" if answered:
            dialled = fields.stamp_ms(facts.get("ACD_DIALLED_MS", ""))
            return Taken(_offer(facts, registry), dialled, fields.stamp(facts.get("ACD_SERVED", "")))
    return None


def talks_elsewhere(channel: Message) -> bool:
    """Whether the fallback queue has found somebody for the caller since."""
    return channel.variables.get("ACD_VERB") == "fallback" and bool(channel.get("BridgeID", ""))


def _offer(facts: Mapping[str, str], registry: Registry) -> OfferId:
    """Of several whose phones rang, the one whose channel Dial says it was."""
    ordered = ring_of(facts.get("ACD_OFFERED", ""), facts.get("ACD_OFFERED_TO", ""))
    peer = registry.agent_of_channel(facts.get("DIALEDPEERNAME", ""))
    return next((offer_id for agent_id, offer_id in ordered if agent_id == peer), ordered[0][1])
