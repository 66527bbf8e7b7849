"""Kinds of values that come in and go out, with the limits on what comes in."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)

ZONE: Final = "zone"
"""Key of the validation context: the tzinfo of times without an offset."""

_LOST_PLUS: Final = re.compile(r"(T[\d:.,]+) (\d\d(:?\d\d)?)$")
_EARLIEST: Final = 0.0
_LATEST: Final = 253_370_764_800.0  # the year 9999: every timezone can still show it


def moment(text: Any, zone: tzinfo) -> float:
    """Seconds since 1970 of an ISO 8601 time or date; without an offset it is in `zone`. ValueError.

    `+` in an address means a space, so a space where the offset's sign should be is read as `+`.
    """
    if not isinstance(text, str) or len(text) > 40:
        raise ValueError("an ISO 8601 time such as 2026-10-05T09:00:00+03:00 is expected")
    try:
        read = datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", text))
        seconds = (read if read.tzinfo else read.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError):
        raise ValueError("an ISO 8601 time such as 2026-10-05T09:00:00+03:00 is expected") from None
    if not _EARLIEST <= seconds <= _LATEST:
        raise ValueError("a time from 1970 on is expected")
    return seconds


def _moment(value: Any, info: ValidationInfo) -> float:
    context = info.context or {}
    return moment(value, context.get(ZONE, UTC))


def _plain(text: str) -> str:
    if not text.isprintable():
        raise ValueError("only printable characters are accepted")
    return text


def _lines(text: str) -> str:
    if not all(char.isprintable() or char in "\r\n\t" for char in text):
        raise ValueError("no control characters are accepted")
    return text


Moment = Annotated[
    float,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-10-05T09:00:00+03:00"]}),
]
"""A time that comes in, kept as seconds since 1970."""

Iso = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""A time that goes out."""

Word = Annotated[str, StringConstraints(min_length=1, max_length=80), AfterValidator(_plain)]
"""A name, an id, a reason, a number: one printable line."""

Note = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_lines)]
"""Text in lines."""


class Out(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)
