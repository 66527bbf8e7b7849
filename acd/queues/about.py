"""What is known of a call from the start: the points and the attributes that its dialled number and its caller bring.

The caller's word goes before that of the dialled number, and that before the hotline's. A requirement asks of these by
name (`language == "en"`); what is not known is missing, so that its comparison is false.
"""

from __future__ import annotations

from acd.queues.model import About, Call, Plan

DID = "did"
LANGUAGE = "language"
NUMBER = "number"
ATTRIBUTES = (DID, LANGUAGE, NUMBER)
_NOTHING = About()


def introduce(call: Call, plan: Plan) -> None:
    """Give the call its own points, and its attributes: those of the plan, its `did` without the plus, its `number`."""
    did = call.did.lstrip("+")
    dialled = plan.numbers.get(did, _NOTHING)
    caller = plan.callers.get(call.number, _NOTHING)
    call.priority = dialled.priority + caller.priority
    number = {NUMBER: call.number} if call.number else {}  # a withheld one is no number
    call.attributes = {**plan.attributes, **dialled.attributes, **caller.attributes, DID: did, **number}
