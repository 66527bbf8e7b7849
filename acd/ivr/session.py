"""The surveys in progress: who is asked, which answer belongs to which question, and what goes into the journey."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from acd.ivr.survey import Ask, Finish, Survey, score_of
from acd.queues.book import Book
from acd.queues.commands import Bye, Collect, Command, Served
from acd.queues.events import CallerLeft, CallsNoted, NodeRead, VerbDone
from acd.queues.found import FoundCall, Left, NotedCall
from acd.queues.journey import Fact
from acd.queues.model import CallId, SurveyKind, SurveyResult
from acd.queues.scripts import SurveyScript

DAY_S = 86_400.0
TWO_KEY_START = "1"


@dataclass(slots=True)
class _Session:
    """One caller's; by the script it was begun with, whatever is configured meanwhile."""

    survey: Survey
    script: SurveyScript
    seq: int = 0  # of the order whose answer is awaited
    hanging_up: bool = False


class SurveyDesk:
    """All surveys. `asked_at`: number -> when it was last asked (seconds since 1970), as far back as it matters."""

    def __init__(self, book: Book, script: SurveyScript, ask_again_after_days: float) -> None:
        self._book = book
        self._script = script
        self._quiet_s = ask_again_after_days * DAY_S
        self._sessions: dict[CallId, _Session] = {}
        self._asked_at: dict[str, float] = {}

    def reconfigure(self, script: SurveyScript, ask_again_after_days: float) -> None:
        """From now on so; surveys that have begun go on as they began."""
        self._script = script
        self._quiet_s = ask_again_after_days * DAY_S

    def remember(self, asked_at: Mapping[str, float]) -> None:
        """Numbers that were asked before, as the records have it; what is known here is as new or newer."""
        for number, moment in asked_at.items():
            self._asked_at[number] = max(moment, self._asked_at.get(number, moment))

    def forget_old(self, at: float) -> None:
        """Drop numbers that may be asked again: the memory is bounded by those asked within the quiet time."""
        self._asked_at = {number: asked for number, asked in self._asked_at.items() if asked > at - self._quiet_s}

    def served(self, served: Served) -> list[Command]:
        """The caller's conversation is over and the line is open: ask, or let go."""
        if self._asked_in(served.call_id):
            return [Bye(served.call_id, 1, ())]
        reason = self._why_not(served)
        if reason is not None:
            note = self._book.note(
                served.call_id, served.at, Fact.SURVEY_ENDED, result=SurveyResult.NOT_OFFERED, reason=reason
            )
            return [note, Bye(served.call_id, 1, ())]
        if served.number:
            self._asked_at[served.number] = served.at
        session = _Session(Survey(self._script), self._script)
        self._sessions[served.call_id] = session
        note = self._book.note(served.call_id, served.at, Fact.SURVEY_ASKED, question=self._script.question)
        return [note, self._ask(served.call_id, session, session.survey.start())]

    def verb_done(self, event: VerbDone) -> list[Command]:
        """An answer; one to an order that is over, or to none of ours, means nothing."""
        session = self._sessions.get(event.call_id)
        if session is None or session.seq != event.seq or (session.hanging_up and not event.digits):
            return []
        match session.survey.answered(event.digits):
            case Ask() as ask:
                return [self._ask(event.call_id, session, ask)]
            case Finish(result, score, prompts):
                del self._sessions[event.call_id]
                note = self._book.note(event.call_id, event.at, Fact.SURVEY_ENDED, result=result, score=score)
                return [note, Bye(event.call_id, session.seq + 1, prompts)]

    def caller_left(self, event: CallerLeft) -> list[Command]:
        """The caller hung up; within a survey that is a result of its own."""
        if self._sessions.pop(event.call_id, None) is None:
            return []
        return [self._book.note(event.call_id, event.at, Fact.SURVEY_ENDED, result=SurveyResult.HUNG_UP)]

    def caller_hangs_up(self, call_id: CallId) -> None:
        """The channel goes in a moment; silence is now no answer of its own, a key pressed before is one."""
        session = self._sessions.get(call_id)
        if session is not None:
            session.hanging_up = True

    def call_ended(self, call_id: CallId) -> None:
        """The call is over, in whatever way we learnt of it: nothing is awaited from it any more."""
        self._sessions.pop(call_id, None)

    # -- what went on while nobody listened --------------------------------------------------------------------

    def resume(self, event: NodeRead, live: Iterable[CallId]) -> list[Command]:
        """Take over the surveys that another daemon began: a question being asked, or an answer that nobody heard."""
        there = frozenset(live)
        return [
            command
            for seen in event.calls
            if seen.call_id in there and seen.call_id not in self._sessions and self._is_asked(seen.call_id)
            for command in self._resume(seen, event.at)
        ]

    def _resume(self, seen: FoundCall, at: float) -> list[Command]:
        if seen.doing is None or seen.verb not in ("collect", "after"):
            return []
        self._sessions[seen.call_id] = _Session(Survey.resumed(self._script, seen.doing), self._script, seen.doing)
        if seen.verb == "collect":
            return []
        return self.verb_done(VerbDone(at, seen.call_id, seen.doing, "ok", seen.digits))

    def noted(self, event: CallsNoted) -> list[Command]:
        """Surveys that ended unheard: what was pressed counts; if nothing was, it matters who put an end to it."""
        return [self._end(seen, event.at) for seen in event.calls if self._is_asked(seen.call_id)]

    def _end(self, seen: NotedCall, at: float) -> Command:
        self._sessions.pop(seen.call_id, None)
        score = score_of(seen.digits)
        result = SurveyResult.INVALID if seen.digits else SurveyResult.NO_ANSWER
        if score is not None:
            result = SurveyResult.ANSWERED
        elif seen.ended_at is not None and seen.left is Left.CALLER:
            result = SurveyResult.HUNG_UP
        ended_at = at if seen.ended_at is None else min(seen.ended_at, at)
        return self._book.note(seen.call_id, ended_at, Fact.SURVEY_ENDED, result=result, score=score)

    def _is_asked(self, call_id: CallId) -> bool:
        """Whether the call has had its question and no result yet."""
        record = self._book.get(call_id)
        open_yet = record is not None and record.ended_at is None and record.survey_result is None
        return open_yet and self._asked_in(call_id)

    def _asked_in(self, call_id: CallId) -> bool:
        """Whether this call has had its question: a caller who came back to the line is asked once."""
        record = self._book.get(call_id)
        return record is not None and record.survey_asked_at is not None

    def _why_not(self, served: Served) -> str | None:
        if served.survey is SurveyKind.NONE:
            return "the queue has no survey"
        asked_at = self._asked_at.get(served.number)
        if asked_at is not None and asked_at > served.at - self._quiet_s:
            return "this number was asked not long ago"
        return None

    def _ask(self, call_id: CallId, session: _Session, ask: Ask) -> Command:
        session.seq += 1
        script = session.script
        return Collect(call_id, session.seq, ask.prompts, script.first_s, TWO_KEY_START, script.more_s)
