"""The NPS question: one session per call, digits in, verbs out.

    start -> asks -> a score 0..10: thanks, end
                  -> nothing or rubbish: asks once more -> a score: thanks, end
                                                        -> nothing or rubbish: goodbye, end

The two-key 10: after a `1` the dialplan waits `more_s` for a second key. `15` is rubbish, not a 1 and a 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from acd.queues.model import SurveyResult
from acd.queues.scripts import SurveyScript

SCORES = {str(score): score for score in range(11)}


def score_of(digits: str) -> int | None:
    """The score that was pressed; None for nothing, and for rubbish."""
    return SCORES.get(digits)


@dataclass(frozen=True, slots=True)
class Ask:
    """Play these and read a score."""

    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finish:
    """The survey is over; play these and end the call."""

    result: SurveyResult
    score: int | None
    prompts: tuple[str, ...]


class Survey:
    """One caller's survey. `start`, then `answered` for each key entry, until it returns a Finish."""

    def __init__(self, script: SurveyScript) -> None:
        self._script = script
        self._asked = 0
        self._pressed_rubbish = False

    def start(self) -> Ask:
        """Ask for the first time."""
        self._asked = 1
        return Ask((self._script.question,))

    @classmethod
    def resumed(cls, script: SurveyScript, asked: int) -> Self:
        """A survey that another daemon began, after `asked` questions."""
        survey = cls(script)
        survey._asked = asked
        return survey

    def answered(self, digits: str) -> Ask | Finish:
        """What the caller pressed; the empty string is nothing at all."""
        script = self._script
        score = score_of(digits)
        if score is not None:
            return Finish(SurveyResult.ANSWERED, score, (script.thanks,))
        self._pressed_rubbish = self._pressed_rubbish or bool(digits)
        if self._asked < script.attempts:
            self._asked += 1
            return Ask((script.invalid if digits else script.nothing, script.question))
        result = SurveyResult.INVALID if self._pressed_rubbish else SurveyResult.NO_ANSWER
        return Finish(result, None, (script.goodbye,))
