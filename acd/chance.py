"""Chance that can be had again: the same seed draws the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from random import Random


def draws(seed: int) -> Callable[[int], int]:
    """Whole numbers from 0 to below the one given, each as likely as another."""
    return Random(seed).randrange  # noqa: S311 - who is rung first is no secret
