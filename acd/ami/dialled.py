"""How a dialling ended: from Asterisk's words for it to the brain's four causes."""

from __future__ import annotations

import re

from acd.ami.fields import finite
from acd.ami.messages import Message
from acd.queues.model import OfferResult

BY_HAND_MS = 300.0  # a machine says no within some tens of milliseconds, a person does not
_DECLINED = frozenset({600, 603, 607})
_BUSY = frozenset({480, 486})
_SIP_ANSWER = re.compile(r"SIP ([0-9]{3})")


def offer_result(message: Message) -> OfferResult:
    """Why the dialling came to nothing, from `AcdDial`'s Status, Cause (Q.850), Tech (the SIP answer) and RingMs.

    A phone that rang and then said no was told to by its agent: 603, but many phones send 486 or 480 for it. One that
    says so at once does it by itself (busy, do not disturb). One that never answered the INVITE at all is not there.
    """
    status, tech = message.get("Status", ""), _sip_code(message.get("Tech", ""))
    if message.get("Cause") == "21" or tech in _DECLINED:
        return OfferResult.REFUSED
    if tech in _BUSY or status == "BUSY":
        by_hand = finite(message.get("RingMs", ""), 0.0) >= BY_HAND_MS
        return OfferResult.REFUSED if by_hand else OfferResult.BUSY
    match status:
        case "NOANSWER":
            return OfferResult.NO_ANSWER if tech else OfferResult.UNREACHABLE
        case "CHANUNAVAIL" | "CONGESTION":
            return OfferResult.UNREACHABLE
        case "CANCEL":
            return OfferResult.CALLER_LEFT
        case _:
            return OfferResult.ERROR


def _sip_code(tech: str) -> int:
    """The number in `SIP 486 Busy Here`; 0 when the phone sent no answer."""
    found = _SIP_ANSWER.match(tech)
    return int(found[1]) if found else 0
