"""Telephone numbers in one form, so that a caller is found again however the trunk wrote the number that day."""

from __future__ import annotations

import re

from phonenumbers import phonenumberutil as phonenumbers
from phonenumbers.phonenumberutil import NumberParseException, PhoneNumberFormat

MAX_LENGTH = 64
"""Longer than any number or SIP user part worth keeping; the rest is cut off."""

_CACHED_NUMBERS = 4096  # parsing takes some 100 us, and one call is written a dozen times
_known: dict[tuple[str, str], str] = {}
_UNWANTED = re.compile(r"[^0-9A-Za-z+*#._@-]")
_SHORTEST_WITHOUT_PLUS = 11  # shorter ones are more likely extensions than foreign numbers that lost their plus
_WITHHELD = frozenset({"anonymous", "unknown", "restricted", "unavailable", "private", "withheld", "asterisk"})


def normalise(number: str, default_region: str) -> str:
    """The number in E.164 (`+74951234567`), read as dialled in `default_region` (ISO 3166, such as `RU`).

    What is no valid number anywhere (an extension, a SIP name) comes back without spaces and signs that numbers do
    not have; a withheld number comes back empty.
    """
    found = _known.get((number, default_region))
    if found is None:
        if len(_known) >= _CACHED_NUMBERS:
            _known.clear()
        found = _known[number, default_region] = _normalised(number, default_region)
        _known[found, default_region] = found  # the form it is asked for next, by whoever stores it
    return found


def _normalised(number: str, default_region: str) -> str:
    kept = _UNWANTED.sub("", number)[:MAX_LENGTH]
    if kept.partition("@")[0].lower() in _WITHHELD:
        return ""
    found = _valid(kept, default_region)
    if found is None and kept.isdecimal() and len(kept) >= _SHORTEST_WITHOUT_PLUS:
        found = _valid("+" + kept, default_region)  # many trunks leave the plus off
    return kept if found is None else found


def warm_up(default_region: str) -> None:
    """Load what is known of the region's numbers now: the first caller must not wait for it (some 100 ms)."""
    example = phonenumbers.example_number(default_region)
    if example is not None:
        normalise(phonenumbers.format_number(example, PhoneNumberFormat.NATIONAL), default_region)


def _valid(number: str, region: str) -> str | None:
    if any(letter.isalpha() for letter in number):
        return None  # `1800FLOWERS` is a name here, not a number spelt in letters
    try:
        parsed = phonenumbers.parse(number, region)
    except NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
