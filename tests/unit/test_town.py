"""What the dialplan is told of the town: who abroad is, and what a call takes from its bucket."""

from __future__ import annotations

import re

import pytest

from acd.ami.directory import BATCH_BYTES, batches
from acd.config.outbound import Outbound
from acd.town import town


def may(dialled: str, country: str = "RU", **keys: object) -> bool:
    """As the dialplan decides."""
    told = town(Outbound.model_validate(keys), country)
    assert all("," not in value and len(value) < BATCH_BYTES for value in told.values())
    assert list(batches(told))
    if re.search(told["ACD_OUT_EMERGENCY"], dialled) or re.search(told["ACD_OUT_ALLOW"], dialled):
        return True
    if re.search(told["ACD_OUT_DENY"], dialled):
        return False
    digits = dialled.replace("+", "")
    return (not dialled.startswith("+") and len(digits) < 11) or bool(re.search(told["ACD_OUT_HOME"], dialled))


@pytest.mark.parametrize(
    ("country", "dialled", "allowed"),
    [
        ("RU", "84951112233", True),
        ("RU", "+74951112233", True),
        ("RU", "74951112233", True),
        ("RU", "4951112233", True),
        ("RU", "112", True),
        ("RU", "810375291234567", False),
        ("RU", "00375291234567", False),
        ("RU", "+375291234567", False),
        ("RU", "375291234567", False),
        ("DE", "03012345678", True),
        ("DE", "+493012345678", True),
        ("DE", "0033123456789", False),
        ("US", "12125550100", True),
        ("US", "01133123456789", False),
        ("BR", "0021", False),
    ],
)
def test_abroad_is_not_called_unless_it_is_allowed(country: str, dialled: str, allowed: bool) -> None:
    assert may(dialled, country) is allowed
    assert may(dialled, country, international=True)


def test_beginnings_are_denied_and_excepted() -> None:
    assert not may("88091112233", deny=["8809"])
    assert may("88091112233", deny=["8809"], allow=["88091"])
    assert may("+375291234567", allow=["+375"])
    assert not may("+376291234567", allow=["+375"])
    assert may("112", deny=["1"])
    assert not may("112", deny=["1"], emergency=[])


def test_a_call_takes_its_part_and_none_is_more_than_there_is() -> None:
    told = town(Outbound(agent_per_min=6, per_min=0, per_hour=7), "RU")
    assert (told["ACD_OUT_BY_MIN_MS"], told["ACD_OUT_MIN_MS"], told["ACD_OUT_HOUR_MS"]) == ("10000", "60001", "514285")
