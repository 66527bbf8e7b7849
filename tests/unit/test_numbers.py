"""One form for telephone numbers."""

from __future__ import annotations

import pytest

from acd.numbers import MAX_LENGTH, normalise


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("+74951234567", "+74951234567"),
        ("84951234567", "+74951234567"),
        ("74951234567", "+74951234567"),
        ("4951234567", "+74951234567"),
        ("8 (916) 123-45-67", "+79161234567"),
        ("810493012345678", "+493012345678"),
        ("998901234567", "+998901234567"),  # foreign, the plus left off by the trunk
        ("+1 650 253 0000", "+16502530000"),
        ("1001", "1001"),
        ("112", "112"),
        ("*8 55", "*855"),
        ("1800FLOWERS", "1800FLOWERS"),
        ("anna@example.com", "anna@example.com"),
        ("99999999999999999999", "99999999999999999999"),
        ("Action: Originate\r\n", "ActionOriginate"),
        ("", ""),
        ("anonymous", ""),
        ("Anonymous@anonymous.invalid", ""),
        ("<unknown>", ""),
        ("restricted", ""),
        ("Ёж\0", ""),
    ],
)
def test_a_number_in_russia(written: str, meant: str) -> None:
    assert normalise(written, "RU") == meant


def test_the_region_decides_what_a_short_form_means() -> None:
    assert normalise("030 12345678", "DE") == "+493012345678"


def test_normalising_again_changes_nothing() -> None:
    for number in ("84951234567", "1001", "998901234567"):
        assert normalise(normalise(number, "RU"), "RU") == normalise(number, "RU")


def test_no_number_is_too_long() -> None:
    assert len(normalise("7" * 10_000, "RU")) == MAX_LENGTH
