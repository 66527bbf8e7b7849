"""Moving a caller from verb to verb, when Asterisk has not yet carried out the move before.

Asterisk refuses a Redirect while the channel is still on its way out of what the one before ended ("channel not up": to
it a pending move looks like a hang-up). Dial takes some milliseconds to let go of a phone, so a call that is withdrawn
from one agent and offered to another in the same breath met that in one of ten cases. What was refused has not
happened, so it is asked again, unless something newer has been ordered or the caller is gone.

A move whose answer is lost with the link may have been carried out or not. It is neither failed nor asked again: the
picture that is read when the link is back shows where the caller is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from acd.ami.registry import Caller, Registry
from acd.errors import AmiDown, AmiError

log = structlog.get_logger(__name__)

PAUSES_S = (0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16)
"""Before each further attempt; a channel that is not free after all of them is hung up or stuck."""
NOT_FREE_YET = "channel not up"
GONE = ("No such channel", "Channel does not exist")
"""Asterisk's words for a caller who has hung up: Setvar has the first, Redirect the other."""

Failed = Callable[[], None] | None


class Link(Protocol):
    """What is needed of `AmiClient`."""

    def order(
        self, name: str, *headers: tuple[str, str], failed: Callable[[AmiError], None], at_once: bool = False
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class _Move:
    caller: Caller
    number: int  # of all moves of this caller
    context: str
    failed: Failed


class Redirects:
    """The moves of one Asterisk's callers."""

    def __init__(self, link: Link, registry: Registry) -> None:
        self._link = link
        self._registry = registry

    def move(self, caller: Caller, context: str, failed: Failed) -> None:
        """Send the caller to the verb; `failed` is called when Asterisk does not do it."""
        caller.moves += 1
        self._try(_Move(caller, caller.moves, context, failed), 0)

    def _try(self, move: _Move, attempt: int) -> None:
        headers = (("Channel", move.caller.channel), ("Context", move.context), ("Exten", "s"), ("Priority", "1"))
        try:
            # Somebody waits for it; what it needs has been gathered before it.
            self._link.order(
                "Redirect", *headers, failed=lambda error: self._refused(error, move, attempt), at_once=True
            )
        except AmiError as error:
            self._give_up(move, error)

    def _refused(self, error: AmiError, move: _Move, attempt: int) -> None:
        if isinstance(error, AmiDown):
            return
        if NOT_FREE_YET in str(error) and attempt < len(PAUSES_S) and self._matters(move):
            loop = asyncio.get_running_loop()
            loop.call_later(PAUSES_S[attempt], self._again, error, move, attempt + 1)
        else:
            self._give_up(move, error)

    def _again(self, error: AmiError, move: _Move, attempt: int) -> None:
        if self._matters(move):
            self._try(move, attempt)
        else:
            self._give_up(move, error)

    def _matters(self, move: _Move) -> bool:
        return move.number == move.caller.moves and self._registry.callers.get(move.caller.call_id) is move.caller

    def _give_up(self, move: _Move, error: AmiError) -> None:
        if not _gone(error) and self._matters(move):
            log.warning("caller not moved", call=move.caller.call_id, to=move.context, error=str(error))
        if move.failed is not None:
            move.failed()


def _gone(error: AmiError) -> bool:
    return any(words in str(error) for words in GONE)
