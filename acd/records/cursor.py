"""The opaque mark of where a page of calls ended: the last call's time of entry and id, so new calls move nothing."""

from __future__ import annotations

import base64
import binascii
import json
import math

MAX_LENGTH = 512
"""Of a cursor handed in, in characters; ours are far shorter."""


def encode(entered_at: float, call_id: str) -> str:
    """The cursor after this call; the float survives to the last bit."""
    text = json.dumps([float(entered_at), call_id])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str) -> tuple[float, str]:
    """What `encode` was given. ValueError for anything it did not make."""
    if len(cursor) > MAX_LENGTH:
        raise ValueError("The cursor is not one of ours: it is too long.")
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        value = json.loads(base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True))
    except (binascii.Error, UnicodeError, ValueError, RecursionError):
        raise ValueError("The cursor is not one of ours.") from None
    match value:
        case [float() as entered_at, str() as call_id] if math.isfinite(entered_at) and call_id.isprintable():
            return entered_at, call_id
    raise ValueError("The cursor is not one of ours.")
