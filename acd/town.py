"""What agents may call at the house's cost, as the dialplan is told of it (`acd-town`, which enforces it by itself).

Global variables of Asterisk: extended regular expressions over the dialled digits, and of each rate what one call
takes from its bucket, in ms. A bucket of N calls a minute holds N, and is full again a minute after it was empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from phonenumbers.phonemetadata import PhoneMetadata

from acd.config.outbound import Outbound

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
NOTHING: Final = "^$"
EVERYTHING: Final = "^."


def town(outbound: Outbound, country: str) -> dict[str, str]:
    """Global variable -> its value; no value holds a comma."""
    abroad, home = [], EVERYTHING
    if not outbound.international:
        abroad, home = _abroad(country), _beginning(_home(country))
    return {
        "ACD_OUT_EMERGENCY": f"^({'|'.join(map(_exactly, outbound.emergency))})$" if outbound.emergency else NOTHING,
        "ACD_OUT_ALLOW": _beginning(outbound.allow),
        "ACD_OUT_DENY": _beginning([*outbound.deny, *abroad]),
        "ACD_OUT_HOME": home,
        "ACD_OUT_AT_ONCE": str(outbound.at_once),
        "ACD_OUT_BY_AT_ONCE": str(outbound.agent_at_once),
        "ACD_OUT_BY_MIN_MS": _takes(MINUTE_MS, outbound.agent_per_min),
        "ACD_OUT_BY_HOUR_MS": _takes(HOUR_MS, outbound.agent_per_hour),
        "ACD_OUT_MIN_MS": _takes(MINUTE_MS, outbound.per_min),
        "ACD_OUT_HOUR_MS": _takes(HOUR_MS, outbound.per_hour),
    }


def _takes(window_ms: int, calls: int) -> str:
    """More than there is, when no call is allowed."""
    return str(window_ms // calls if calls else window_ms + 1)


def _abroad(country: str) -> list[str]:
    """What is dialled before a country's code there."""
    metadata = PhoneMetadata.metadata_for_region(country)
    dialled = re.match(r"[0-9]+", (metadata.international_prefix if metadata else "") or "")
    return ["00", *([dialled[0]] if dialled else [])]


def _home(country: str) -> list[str]:
    """How a number of the country itself may begin when it is long."""
    metadata = PhoneMetadata.metadata_for_region(country)
    if metadata is None:
        return []
    code = str(metadata.country_code)
    return [f"+{code}", code, *([metadata.national_prefix] if metadata.national_prefix else [])]


def _beginning(prefixes: Iterable[str]) -> str:
    found = [_exactly(prefix) for prefix in dict.fromkeys(prefixes)]
    return f"^({'|'.join(found)})" if found else NOTHING


def _exactly(digits: str) -> str:
    return digits.replace("+", "[+]")
