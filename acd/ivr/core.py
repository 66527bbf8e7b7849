"""The whole pure core as one machine: the engine and the IVR behind a single `handle(event) -> [command]`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from acd.ivr.session import SurveyDesk
from acd.ivr.voicemail import MessageDesk
from acd.queues.book import Book
from acd.queues.commands import Command, Journal, Served, TakeMessage
from acd.queues.engine import Engine
from acd.queues.events import (
    CallerLeft,
    CallsNoted,
    DayBegan,
    Event,
    NodeRead,
    PartyHungUp,
    Reconfigured,
    Restored,
    TakenAfterAll,
    VerbDone,
)
from acd.queues.figures import DayFigures
from acd.queues.journey import Fact
from acd.queues.matcher import Draw, always_the_first
from acd.queues.model import Backoff, CallPhase, Plan, Side
from acd.queues.scripts import MessageScript, SurveyScript


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that a core is made of. Two cores of one recipe that hear the same events give the same commands.

    `seed` is for the chance that is brought along (`draw`), which must be drawn from it alone.
    """

    plan: Plan
    script: SurveyScript = field(default_factory=SurveyScript)
    ask_again_after_days: float = 30.0
    backoff: Backoff = field(default_factory=Backoff)
    message: MessageScript = field(default_factory=MessageScript)
    seed: int = 0


class Core:
    """Engine, surveys, messages and their common book."""

    def __init__(
        self,
        plan: Plan,
        script: SurveyScript | None = None,
        ask_again_after_days: float = 30.0,
        backoff: Backoff | None = None,
        draw: Draw = always_the_first,
        message: MessageScript | None = None,
    ) -> None:
        figures = DayFigures({queue.name: queue.service_level_s for queue in plan.queues.values()})
        self.book = Book(figures)
        self.engine = Engine(plan, self.book, backoff, draw)
        self.surveys = SurveyDesk(self.book, script or SurveyScript(), ask_again_after_days)
        self.messages = MessageDesk(self.book, message or MessageScript())

    @classmethod
    def of(cls, recipe: Recipe, chance: Callable[[int], Draw]) -> Self:
        """A core that has heard nothing yet; `chance` makes a `draw` of the recipe's seed."""
        draw = chance(recipe.seed)
        return cls(recipe.plan, recipe.script, recipe.ask_again_after_days, recipe.backoff, draw, recipe.message)

    def handle(self, event: Event) -> list[Command]:
        """Decide on one event. Nobody outside sees a `Served` or a `TakeMessage`: they are answered here."""
        commands = self._ivr_first(event)
        for command in self.engine.handle(event):
            match command:
                case Served():
                    commands.extend(self.surveys.served(command))
                case TakeMessage():
                    commands.append(self.messages.take(command))
                case Journal(event=fact) if fact.fact is Fact.ENDED:
                    self.surveys.call_ended(fact.call_id)
                    commands.append(command)
                    commands.extend(
                        self.messages.call_ends(fact.call_id, fact.at, isinstance(event, NodeRead | CallsNoted))
                    )
                case _:
                    commands.append(command)
        if isinstance(event, NodeRead):
            staying = (call.id for call in self.engine.calls.values() if call.phase is CallPhase.AFTER)
            commands.extend(self.surveys.resume(event, staying))
        return commands

    def _ivr_first(self, event: Event) -> list[Command]:
        match event:
            case CallerLeft():
                return self.surveys.caller_left(event)
            case PartyHungUp(side=Side.CALLER):
                self.surveys.caller_hangs_up(event.call_id)
            case VerbDone():
                return self.surveys.verb_done(event) or self.messages.verb_done(event)
            case TakenAfterAll():
                self.messages.called_back(event.call_id)
            case CallsNoted():
                return self.surveys.noted(event)
            case Restored():
                self.messages.restored(event)
                self.surveys.remember(event.asked_at)
            case DayBegan():
                self.surveys.forget_old(event.at)
            case Reconfigured():
                self.surveys.reconfigure(event.script, event.ask_again_after_days)
                self.messages.reconfigure(event.message)
        return []
