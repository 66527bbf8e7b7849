"""Moving a caller from verb to verb: not out of a conversation, and not in vain.

An order is given on what was heard until then, and the agent whose phone rings may have picked up meanwhile: events and
orders pass each other on the link, for seconds if it is slow. So a caller for whom a phone rings, as far as we know, is
asked for first (`acd.ami.taken`), and moved only when nobody has taken the call. Whatever else is ordered about the
caller waits behind the question. A caller for whom nothing is dialled is moved at once.

Asterisk refuses a Redirect while the channel is still on its way out of what the one before ended ("channel not up": to
it a pending move looks like a hang-up). Dial takes some milliseconds to let go of a phone, so a call that is withdrawn
from one agent and offered to another in the same breath met that in one of ten cases. What was refused has not
happened, so it is asked again, unless something newer has been ordered or the caller is gone.

A move whose answer is lost with the link may have been carried out or not. It is neither failed nor asked again: the
picture that is read when the link is back shows where the caller is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from acd.ami.messages import Message
from acd.ami.registry import Caller, Registry
from acd.ami.taken import FACTS, Taken, read_taken, talks_elsewhere
from acd.errors import AmiDown, AmiError, AmiRefused
from acd.queues.model import CallId, OfferId

log = structlog.get_logger(__name__)

PAUSES_S = (0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16)
"""Before each further attempt; a channel that is not free after all of them is hung up or stuck."""
NOT_FREE_YET = "channel not up"
GONE = ("No such channel", "Channel does not exist")
"""Asterisk's words for a caller who has hung up: Setvar has the first, Redirect the other."""

Failed = Callable[[], None] | None
Step = Callable[[], None]
MOVE = "move"


class Link(Protocol):
    """What is needed of `AmiClient`."""

    def order(
        self, name: str, *headers: tuple[str, str], failed: Callable[[AmiError], None], at_once: bool = False
    ) -> None: ...

    def ask(
        self,
        name: str,
        *headers: tuple[str, str],
        answered: Callable[[Sequence[Message]], None],
        failed: Callable[[AmiError], None],
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class _Move:
    caller: Caller
    number: int  # of all moves of this caller
    context: str
    prepare: Step  # sends what the verb needs
    failed: Failed


@dataclass(slots=True)
class _Question:
    """Whether an agent has taken the call, and what is to be done if not: of each kind the newest."""

    caller: Caller
    dials: OfferId
    steps: dict[str, _Move | Step] = field(default_factory=dict)


class Redirects:
    """The moves of one Asterisk's callers. `taken` is told who was not moved, for they talk or have talked."""

    def __init__(self, link: Link, registry: Registry, taken: Callable[[Caller, Taken], None]) -> None:
        self._link = link
        self._registry = registry
        self._taken = taken
        self._questions: dict[CallId, _Question] = {}

    def move(self, caller: Caller, context: str, prepare: Step, failed: Failed) -> None:
        """Send the caller to the verb; `prepare` is called just before, to send what the verb needs.

        `failed` is called when Asterisk does not do it, or something newer has been ordered.
        """
        caller.moves += 1
        self.unless_taken(caller, MOVE, _Move(caller, caller.moves, context, prepare, failed))

    def unless_taken(self, caller: Caller, kind: str, step: _Move | Step) -> None:
        """Do it when no agent has taken the call; at once when no phone rings for it. The newest of a kind is done."""
        question = self._question(caller)
        if question is not None:
            self._put(question, kind, step)
        elif caller.dials is None:
            self._do(step)
        else:
            self._ask(_Question(caller, caller.dials, {kind: step}))

    def behind(self, caller: Caller, kind: str, step: Step) -> None:
        """Do it now, or after what waits for an answer."""
        question = self._question(caller)
        if question is None:
            step()
        else:
            self._put(question, kind, step)

    def bridged(self, caller: Caller, offer_id: OfferId) -> None:
        """Caller and agent are in a bridge: that answers the question, if there is one."""
        question = self._question(caller)
        if question is not None and offer_id in caller.ring:
            self._close(question)
            self._taken(caller, Taken(offer_id))

    def _question(self, caller: Caller) -> _Question | None:
        question = self._questions.get(caller.call_id)
        return question if question is not None and question.caller is caller else None

    @staticmethod
    def _put(question: _Question, kind: str, step: _Move | Step) -> None:
        before = question.steps.pop(kind, None)
        question.steps[kind] = step
        if isinstance(before, _Move) and before.failed is not None:
            before.failed()

    # -- asking -------------------------------------------------------------------------------------------------

    def _ask(self, question: _Question) -> None:
        caller = question.caller
        self._questions[caller.call_id] = question
        try:
            self._link.ask(
                "Status",
                ("Channel", caller.channel),
                ("AllVariables", "false"),
                ("Variables", ",".join(FACTS)),
                answered=lambda channels: self._answered(question, channels),
                failed=lambda error: self._unanswered(question, error),
            )
        except AmiError as error:
            self._close(question)
            self._give_up_all(question, error)

    def _answered(self, question: _Question, channels: Sequence[Message]) -> None:
        if not self._close(question):
            return
        caller = question.caller
        taken = read_taken(channels[0], question.dials, self._registry) if channels else None
        if channels and talks_elsewhere(channels[0]):
            self._give_up_all(question, AmiRefused("the caller talks through the fallback queue"))
        elif taken is None:
            for step in question.steps.values():
                self._do(step)
        else:
            self._taken(caller, taken)

    def _unanswered(self, question: _Question, error: AmiError) -> None:
        if self._close(question) and not isinstance(error, AmiDown):
            self._give_up_all(question, error)

    def _give_up_all(self, question: _Question, error: AmiError) -> None:
        for step in question.steps.values():
            if isinstance(step, _Move):
                self._give_up(step, error)

    def _close(self, question: _Question) -> bool:
        """False: it was answered already, by what was heard."""
        if self._questions.get(question.caller.call_id) is not question:
            return False
        del self._questions[question.caller.call_id]
        return True

    # -- moving -------------------------------------------------------------------------------------------------

    def _do(self, step: _Move | Step) -> None:
        if not isinstance(step, _Move):
            step()
            return
        if not self._matters(step):
            if step.failed is not None:
                step.failed()
            return
        step.caller.dials = None  # the order ends that; one to dial begins anew
        step.prepare()
        self._try(step, 0)

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
