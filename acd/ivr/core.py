"""The whole pure core as one machine: the engine and the IVR behind a single `handle(event) -> [command]`."""

from __future__ import annotations

from acd.ivr.session import SurveyDesk
from acd.ivr.survey import SurveyScript
from acd.queues.book import Book
from acd.queues.commands import Command, Journal, Served
from acd.queues.engine import Engine
from acd.queues.events import CallerLeft, DayBegan, Event, PartyHungUp, VerbDone
from acd.queues.figures import DayFigures
from acd.queues.journey import Fact
from acd.queues.matcher import Draw, always_the_first
from acd.queues.model import Backoff, Plan, Side


class Core:
    """Engine, surveys and their common book."""

    def __init__(
        self,
        plan: Plan,
        script: SurveyScript | None = None,
        ask_again_after_days: float = 30.0,
        backoff: Backoff | None = None,
        draw: Draw = always_the_first,
    ) -> None:
        figures = DayFigures({queue.name: queue.service_level_s for queue in plan.queues.values()})
        self.book = Book(figures)
        self.engine = Engine(plan, self.book, backoff, draw)
        self.surveys = SurveyDesk(self.book, script or SurveyScript(), ask_again_after_days)

    def handle(self, event: Event) -> list[Command]:
        """Decide on one event. Nobody outside sees a `Served`: it is answered here."""
        commands = self._ivr_first(event)
        for command in self.engine.handle(event):
            match command:
                case Served():
                    commands.extend(self.surveys.served(command))
                case Journal(event=fact) if fact.fact is Fact.ENDED:
                    self.surveys.call_ended(fact.call_id)
                    commands.append(command)
                case _:
                    commands.append(command)
        return commands

    def _ivr_first(self, event: Event) -> list[Command]:
        match event:
            case CallerLeft():
                return self.surveys.caller_left(event)
            case PartyHungUp(side=Side.CALLER):
                self.surveys.caller_hangs_up(event.call_id)
            case VerbDone():
                return self.surveys.verb_done(event)
            case DayBegan():
                self.surveys.forget_old(event.at)
        return []
