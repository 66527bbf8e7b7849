"""Places in the list of calls: live ones first, then recorded ones, each newest first.

A live place is the call's (entered_at, id), so a page boundary survives calls that come and go; a recorded place is the
store's own cursor. A call that ends between two pages may be seen twice, and is never missed.
"""

from __future__ import annotations

import base64
import binascii
import math
from dataclasses import dataclass

from acd.api.refusals import BadCursor


@dataclass(frozen=True, slots=True)
class LivePlace:
    """Go on below the live call that entered at `entered_at` (seconds since 1970) with this id."""

    entered_at: float
    call_id: str


@dataclass(frozen=True, slots=True)
class StorePlace:
    """Go on in the store: from its beginning when `cursor` is None."""

    cursor: str | None


def write(place: LivePlace | StorePlace) -> str:
    """The place as an opaque, address-safe text."""
    match place:
        case LivePlace():
            text = f"live {place.entered_at!r} {place.call_id}"
        case StorePlace():
            text = f"store {place.cursor or ''}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(cursor: str) -> LivePlace | StorePlace:
    """The place that `write` wrote; BadCursor for anything else."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        kind, _, rest = base64.b64decode(padded, altchars=b"-_", validate=True).decode().partition(" ")
        match kind:
            case "live":
                entered_at, _, call_id = rest.partition(" ")
                if math.isfinite(float(entered_at)):
                    return LivePlace(float(entered_at), call_id)
            case "store":
                return StorePlace(rest or None)
    except (ValueError, binascii.Error):
        pass
    raise BadCursor("Use `next` of the previous page as it came.")
