"""Everything that was promised, asked of the evidence. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from acd.lab.chaos import books, telephones
from acd.lab.chaos.evidence import Evidence, Violation

PROMISES = (
    telephones.let_in,
    telephones.served_or_let_go,
    telephones.not_broken_off,
    telephones.never_silent,
    telephones.one_offer_an_agent,
    telephones.one_phone_a_call,
    telephones.breaks,
    books.records,
    books.scores,
    books.figures,
)
"""Each yields what breaks it."""


def judge(evidence: Evidence) -> list[Violation]:
    """Everything that was not kept, promise by promise."""
    return [violation for promise in PROMISES for violation in promise(evidence)]


def lost(violations: Iterable[Violation]) -> int:
    """Callers who were not let in, hung up on, cut off or forgotten."""
    promises = {telephones.LET_IN, telephones.NOT_LOST}
    return len({violation.number for violation in violations if violation.promise in promises})


def double_offers(violations: Iterable[Violation]) -> int:
    """Two calls at one telephone, or one call at two."""
    promises = {telephones.ONE_OFFER, telephones.ONE_PHONE}
    return sum(violation.promise in promises for violation in violations)
