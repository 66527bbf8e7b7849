"""What is known of a call from the start: the points and the attributes that its dialled number and its caller bring.

What a CRM says (`known_callers`) goes before the caller's word in the plan, that before the dialled number's, and that
before the hotline's. A requirement asks of these by
name (`language == "en"`); what is not known is missing, so that its comparison is false.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from acd.queues.model import About, Call, CallId, Plan

DID = "did"
LANGUAGE = "language"
NUMBER = "number"
ATTRIBUTES = (DID, LANGUAGE, NUMBER)
_NOTHING = About()


@dataclass(frozen=True, slots=True)
class CallerKnown:
    """What was found out about the caller: a name, points for the line, attributes that requirements may ask of."""

    at: float
    call_id: CallId
    name: str = ""
    priority: float = 0.0
    attributes: Mapping[str, str] = field(default_factory=dict)


def introduce(call: Call, plan: Plan) -> None:
    """Give the call its own points, and its attributes: those of the plan, its `did` without the plus, its `number`."""
    call.priority = points(call, plan)
    call.attributes = attributes(call, plan)


def points(call: Call, plan: Plan) -> float:
    """The points that the plan gives the call, and whoever knows the caller."""
    return call.known_points + sum(about.priority for about in _known(call, plan))


def attributes(call: Call, plan: Plan) -> dict[str, str]:
    """What a requirement may ask about the call."""
    dialled, caller = _known(call, plan)
    number = {NUMBER: call.number} if call.number else {}  # a withheld one is no number
    told = {**plan.attributes, **dialled.attributes, **caller.attributes, **call.known}
    return {**told, DID: call.did.lstrip("+"), **number}


def _known(call: Call, plan: Plan) -> tuple[About, About]:
    """What is said of the dialled number, and of the caller."""
    return plan.numbers.get(call.did.lstrip("+"), _NOTHING), plan.callers.get(call.number, _NOTHING)
