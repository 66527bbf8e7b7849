"""Single values out of messages, checked at the door: whatever a caller, a phone or a broken clock wrote into them.

Ids are known by their pattern, numbers and stamps are finite, names are cleaned of control characters and cut.
"""

from __future__ import annotations

import math
import re

from acd.queues.model import CallId

NAME_LIMIT = 80
DID_LIMIT = 32
LIVE_STAMP_S = 30.0  # a caller's entry is heard within this, or its stamp is not believed
OLD_STAMP_S = 86_400.0  # nobody has been on the line for longer

WAV_HEADER_BYTES = 44
WAV_BYTES_PER_S = 16_000

_FILE_SIZE = re.compile(r"[0-9]{1,12}")
_CALL_ID = re.compile(r"[0-9]{14}-[0-9]{6,20}")
_STAMP = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")
_ORDER_NUMBER = re.compile(r"[0-9]{1,9}")
_NAMELESS = frozenset({"<unknown>", "<none>"})  # Asterisk's words for nothing


def call_id(text: str) -> CallId | None:
    """Our id of a call, as the dialplan makes it; None for anything else."""
    return CallId(text) if _CALL_ID.fullmatch(text) else None


def order_number(text: str) -> int | None:
    """The number of an order of ours; None for anything else."""
    return int(text) if _ORDER_NUMBER.fullmatch(text) else None


def dialled(text: str) -> str:
    """A dialled number: digits and plus, at most 32."""
    return re.sub(r"[^0-9+]", "", text)[:DID_LIMIT]


def stamp(text: str) -> str:
    """A moment in Asterisk's words, such as `1700000000.123`; empty for anything else."""
    return text if _STAMP.fullmatch(text) else ""


def stamp_ms(text: str) -> str:
    """A moment in Asterisk's milliseconds as a stamp; empty for anything else."""
    return stamp(f"{text[:-3]}.{text[-3:]}")


def taken(text: str) -> tuple[str, str]:
    """Who took a call from the fallback queue, `<moment>@<endpoint>`: the stamp and the endpoint, empty if not so."""
    moment, _, endpoint = text.partition("@")
    return stamp(moment), endpoint


def keys(text: str) -> str:
    """What was pressed on a telephone, at most 8 keys."""
    return re.sub(r"[^0-9*#]", "", text)[:8]


def recorded_s(text: str) -> float | None:
    """Length of a recording of so many bytes; None when there is none.

    Asterisk's `wav` is 8,000 samples of two bytes a second behind a header of 44 bytes (RIFF).
    """
    if not _FILE_SIZE.fullmatch(text) or int(text) <= WAV_HEADER_BYTES:
        return None
    return (int(text) - WAV_HEADER_BYTES) / WAV_BYTES_PER_S


def name(text: str) -> str:
    """A caller's name, fit to be shown and stored: no control characters, at most 80 letters.

    The backslashes of a quoted SIP display name (RFC 3261, quoted-pair) are undone by the dialplan, at the door.
    """
    if text in _NAMELESS:
        return ""
    return "".join(letter for letter in text if letter.isprintable())[:NAME_LIMIT].strip()


def finite(text: str, default: float) -> float:
    """A number; `default` for what is none, or none one can reckon with."""
    try:
        value = float(text)
    except ValueError:
        return default
    return value if math.isfinite(value) else default


class AsteriskTime:
    """Asterisk's wall clock against ours, read with every heartbeat: its stamps in our time.

    The two need not agree, and Asterisk's may be set while callers wait.
    """

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def heard(self, stamp: str, at: float) -> None:
        """Asterisk says that it is `stamp` (seconds since 1970) when it is `at` here."""
        self._ahead_s = finite(stamp, at + self._ahead_s) - at

    def theirs(self, at: float) -> float:
        """Asterisk's time when it is `at` here."""
        return at + self._ahead_s

    def past(self, stamp: str, at: float, oldest_s: float) -> float | None:
        """The moment of a stamp; None when it is unreadable or older than `oldest_s`. One to come is now."""
        moment = finite(stamp, math.nan) - self._ahead_s
        return min(moment, at) if moment >= at - oldest_s else None

    def ours(self, stamp: str, at: float, oldest_s: float) -> float:
        """The moment of a stamp; `at` when the stamp cannot be: unreadable, to come, older than `oldest_s`."""
        moment = finite(stamp, at + self._ahead_s) - self._ahead_s
        return moment if at - oldest_s <= moment <= at else at
