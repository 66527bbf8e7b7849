"""How a dialling ended: from Asterisk's words for it to the brain's four causes."""

from __future__ import annotations

import re

from acd.ami.fields import finite
from acd.ami.messages import Message
from acd.queues.model import OfferResult

BY_HAND_MS = 300.0  # a machine says no within some tens of milliseconds, a person does not
_DECLINED = frozenset({600, 603, 607})
_BUSY = frozenset({480, 486})
_REJECTED = "21"
_BUSY_CAUSES = frozenset({"17", "19"})  # 486, and 480: nobody who rings says "no answer" of himself
_SIP_ANSWER = re.compile(r"SIP ([0-9]{3})")


def offer_result(message: Message) -> OfferResult:
    """Why the dialling came to nothing, from `AcdDial`'s Status, Cause (Q.850), Tech (the SIP answer) and RingMs.

    A phone that rang and then said no was told to by its agent: 603, but many phones send 486 or 480 for it. One that
    says so at once does it by itself (busy, do not disturb). One that never answered the INVITE at all is not there.
    """
    status, tech = message.get("Status", ""), _sip_code(message.get("Tech", ""))
    if message.get("Cause") == _REJECTED or tech in _DECLINED:
        return OfferResult.REFUSED
    if tech in _BUSY or status == "BUSY":
        by_hand = finite(message.get("RingMs", ""), 0.0) >= BY_HAND_MS
        return OfferResult.REFUSED if by_hand else OfferResult.BUSY
    if unconfirmed(message):
        return OfferResult.NO_ANSWER
    match status:
        case "NOANSWER":
            return OfferResult.NO_ANSWER if tech else OfferResult.UNREACHABLE
        case "CHANUNAVAIL" | "CONGESTION":
            return OfferResult.UNREACHABLE
        case "CANCEL":
            return OfferResult.CALLER_LEFT
        case _:
            return OfferResult.ERROR


def unconfirmed(message: Message) -> bool:
    """Whether somebody picked up and did not take the call by its key: the leg was answered, the dialling was not."""
    return message.get("Status") == "CONGESTION" and 200 <= _sip_code(message.get("Tech", "")) < 300


def leg_result(status: str, cause: str, rang: bool, rang_ms: float) -> OfferResult:
    """Why one of several phones stopped to ring, from its DialEnd's status and the Q.850 number of its HangupRequest.

    A phone that rings until the time is over, or that never answered the INVITE, has no such number: we hung up.
    """
    if cause == _REJECTED:
        return OfferResult.REFUSED
    if cause in _BUSY_CAUSES or status == "BUSY":
        return OfferResult.REFUSED if rang_ms >= BY_HAND_MS else OfferResult.BUSY
    if status == "NOANSWER" and not cause:
        return OfferResult.NO_ANSWER if rang else OfferResult.UNREACHABLE
    return OfferResult.UNREACHABLE if status in ("CHANUNAVAIL", "CONGESTION") else OfferResult.ERROR


def _sip_code(tech: str) -> int:
    """The number in `SIP 486 Busy Here`; 0 when the phone sent no answer."""
    found = _SIP_ANSWER.match(tech)
    return int(found[1]) if found else 0
