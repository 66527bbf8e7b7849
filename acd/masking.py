"""What a text must lose before it is fit for a log: people's numbers, secrets, and control characters.

A phone number is recognised by its shape, so what has such a shape and is none is named first and stays as it is: ids
of calls and channels, times, hashes. Secrets are recognised by what stands before them, and those that the program
knows (`conceal`) wherever they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

STRUCK_OUT: Final = "***"
SECRET_KEYS: Final = frozenset({"secret", "password", "token", "authorization", "sha256", "cookie"})
SHORTEST_SECRET: Final = 6
"""Characters. A shorter one is looked for only where secrets stand: as a word it would strike out half the log."""
MOST_SECRETS: Final = 10_000
"""Values that are known to be secret; there are a handful of them and one more with each link."""

MOST_PEOPLE: Final = 1_000
"""Callers whose names are looked for in one line: a picture of an Asterisk holds that many at most, in practice."""
_PLAIN: Final = re.compile(r"[a-z_]{0,64}")
# A word of these is left alone although it holds a run of digits.
_KEPT: Final = "|".join(
    (
        r"(?<!\w)[0-9]{14}-[0-9]{12}(?!\w)",  # a call of ours
        r"(?<![0-9])1[0-9]{9}\.[0-9]{1,9}(?![0-9.])",  # a Uniqueid, or seconds since 1970
        r"(?<![0-9])20[0-9]{2}-[0-9]{2}-[0-9]{2}(?![0-9])(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?)?",
        r"(?<=-)0[0-9a-f]{7}(?![0-9A-Za-z])",  # a channel's number: PJSIP/trunk-00000012
        r"(?<!\w)(?=[0-9]{0,63}[a-f])[0-9a-f]{8,64}(?!\w)",  # a hash
        r"(?<!\w)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?!\w)",  # a UUID
    )
)
# Seven digits or more in one piece; after a plus however they are grouped; ten and a country's as people group them.
_NUMBER: Final = (
    r"(?:\+|%2[Bb])[0-9](?:(?:[ ()-]|%20){0,2}[0-9]){6,19}"
    r"|(?<![0-9])(?:[0-9]{1,3}[ -]?)?\(?[0-9]{3}\)?[ -]?[0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{2}(?![0-9])"
    r"|[0-9]{7,}"
)
_FOUND: Final = re.compile(f"(?P<kept>{_KEPT})|(?P<number>{_NUMBER})")
_SECRETS: Final = (
    re.compile(r"(?P<keep>://[^/\s:@]{0,256}:)\S{1,256}(?=@)"),
    re.compile(r"(?P<keep>\b(?:Bearer|Basic)\s+)[^\s\"',]+", re.IGNORECASE),
    re.compile(
        r"(?P<keep>\b(?:secret|password|passwd|token|ACD_KEY|acd_events)['\"]?\s*[:=]\s*['\"]?)[^\s'\",;&]+",
        re.IGNORECASE,
    ),
)
_known: dict[str, None] = {}
_known_pattern: re.Pattern[str] | None = None


def conceal(secrets: Iterable[str]) -> None:
    """Strike these out wherever they turn up from now on; those shorter than SHORTEST_SECRET are passed over."""
    global _known_pattern  # noqa: PLW0603 - the log is the process's, and so is what it must not hold
    fresh = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET and secret not in _known]
    if not fresh:
        return
    _known.update(dict.fromkeys(fresh))
    while len(_known) > MOST_SECRETS:
        del _known[next(iter(_known))]
    _known_pattern = re.compile("|".join(re.escape(one) for one in sorted(_known, key=len, reverse=True)))


def is_plain(text: str) -> bool:
    """Nothing to mask, strike out or escape: most keys, and many values."""
    return _PLAIN.fullmatch(text) is not None and (_known_pattern is None or _known_pattern.search(text) is None)


def mask(number: str) -> str:
    """A phone number fit to be shown: `+79161234567` is `+7916***4567`; up to six digits stay as they are."""
    sign, digits = ("+" if number.startswith(("+", "%2B", "%2b")) else ""), _digits(number)
    if len(digits) < 7:
        return number
    return f"{sign}{digits[: min(4, len(digits) - 7)]}{STRUCK_OUT}{digits[-4:]}"


def without_secrets(text: str) -> str:
    """Secrets struck out, numbers masked."""
    if _known_pattern is not None:
        text = _known_pattern.sub(STRUCK_OUT, text)
    for pattern in _SECRETS:
        text = pattern.sub(rf"\g<keep>{STRUCK_OUT}", text)
    return _FOUND.sub(_masked, text)


def without(text: str, hidden: Iterable[str]) -> str:
    """Struck out: these very words, such as the name of a caller, as they are or as `repr` writes them."""
    for value in hidden:
        for written in dict.fromkeys((value, repr(value)[1:-1], ascii(value)[1:-1])):
            if written.strip():
                text = re.sub(rf"(?<!\w){re.escape(written)}(?!\w)", STRUCK_OUT, text)
    return text


def personal(*things: object) -> list[str]:
    """Names and numbers of the callers that events and records hold, for `without`; the first MOST_PEOPLE of them."""
    found: dict[str, None] = {}
    for thing in things:
        callers = (thing, *(one for part in ("calls", "open_calls", "left") for one in getattr(thing, part, ())))
        for caller in callers[:MOST_PEOPLE]:
            words = (getattr(caller, part, None) for part in ("name", "number", "note"))
            found.update({word: None for word in words if isinstance(word, str) and word})
    return [*found]


def printable(text: str) -> str:
    """One line: what is not printable is escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _masked(found: re.Match[str]) -> str:
    return found["kept"] or mask(found["number"])


def _digits(number: str) -> str:
    return re.sub(r"[^0-9]", "", re.sub(r"%2[0Bb]", "", number))
