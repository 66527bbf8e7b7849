"""Simulated callers: they dial a hotline, wait as long as they can bear, talk, and perhaps leave a score.

The hotline answers at once and plays music, so an answered INVITE tells nothing: a caller knows by ear that
an agent is there (`rtp.recognise`), and by the agent's silence that the agent has gone and a survey is
asked.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

from acd.lab.agents import VOICE as AGENT_VOICE
from acd.lab.agents import stays
from acd.lab.call import Call, CallState
from acd.lab.phone import Phone
from acd.lab.sip import CallFailed, SipError, SipTimeout
from acd.lab.udp import Moment

Outcome = Literal["refused", "abandoned", "dropped", "answered"]
"""`refused`: never let in; `abandoned`: hung up before an agent came; `dropped`: the hotline hung up then."""

SurveyAct = Literal["none", "scored", "silent", "rubbish", "hung_up"]
"""What the caller did after the agent had gone; `none`: the call was over with the agent's."""


@dataclass(frozen=True, slots=True)
class CallerHabits:
    """How callers behave. Shares are of those who came to the survey, 0 to 1; the rest presses a score."""

    pick_up_limit_s: float = 10.0
    """How long the hotline may ring before the caller gives up."""
    patience_min_s: float = 5.0
    patience_mean_s: float = 60.0
    """How long one waits for an agent: the least plus an exponential part up to the mean."""
    talk_limit_s: float = 90.0
    """The caller hangs up when the agent has not done so by then."""
    agent_gone_s: float = 1.5
    """An agent not heard for so long has hung up; agents speak every 0.5 s at least."""
    question_limit_s: float = 0.0
    """So long one listens for the question when the agent has gone, and says nothing before it; 0: one does not."""
    reaction_min_s: float = 0.5
    reaction_max_s: float = 3.0
    """From noticing that the agent has gone to the first key."""
    survey_limit_s: float = 20.0
    """How long one stays for the goodbye."""
    survey_silent_share: float = 0.15
    survey_rubbish_share: float = 0.05
    survey_hang_up_share: float = 0.15
    score_weights: tuple[float, ...] = (2, 1, 1, 1, 2, 4, 4, 8, 14, 22, 30)
    """Relative frequency of the scores 0 to 10."""
    rubbish: tuple[str, ...] = ("*", "#", "**")
    tone_s: float = 0.1
    gap_s: float = 0.12


@dataclass(frozen=True, slots=True)
class CallerStory:
    """How one caller fared; times in seconds."""

    number: str
    did: str
    called_at: Moment
    outcome: Outcome
    wait_s: float
    talk_s: float = 0.0
    survey: SurveyAct = "none"
    score: int | None = None
    status: int = 0


class SimulatedCaller:
    """One caller and one call. `run` returns the story, and never fails because the hotline did."""

    def __init__(
        self, trunk: Phone, did: str, *, number: str, name: str, habits: CallerHabits, rng: random.Random
    ) -> None:
        self.did = did
        self.number = number
        self._trunk = trunk
        self._name = name
        self._habits = habits
        self._rng = rng

    async def run(self) -> CallerStory:
        """Call, and live through whatever comes. Raises SipError only when the trunk cannot call at all."""
        call = await self._trunk.call(self.did, number=self.number, name=self._name)
        try:
            return await self._live(call)
        finally:
            await call.hang_up()

    async def _live(self, call: Call) -> CallerStory:
        try:
            await call.wait_answered(self._habits.pick_up_limit_s)
        except (CallFailed, SipTimeout):
            return self._story(call, "refused", self._since_start(call))
        habits = self._habits
        spread_s = max(habits.patience_mean_s - habits.patience_min_s, 0.001)
        patience_s = habits.patience_min_s + self._rng.expovariate(1 / spread_s)
        heard = await call.media.wait_voice(AGENT_VOICE, patience_s)
        wait_s = self._since_start(call)
        if not heard:
            given_up = call.state is not CallState.ENDED
            return self._story(call, "abandoned" if given_up else "dropped", wait_s)
        await self._talk(call)
        talk_s = self._since_start(call) - wait_s
        survey, score = await self._survey(call)
        return self._story(call, "answered", wait_s, talk_s=talk_s, survey=survey, score=score)

    async def _talk(self, call: Call) -> None:
        """Until the agent is no longer heard, the call is over or it has been long enough."""
        until_s = Moment.now().loop_s + self._habits.talk_limit_s
        while True:
            now_s = Moment.now().loop_s
            silent_at_s = call.media.voice_heard_at_s[AGENT_VOICE] + self._habits.agent_gone_s
            if silent_at_s <= now_s:
                return
            if now_s >= until_s:
                await call.hang_up()
            if not await stays(call, min(silent_at_s, until_s) - now_s):
                return

    async def _survey(self, call: Call) -> tuple[SurveyAct, int | None]:
        habits, chance = self._habits, self._rng.random()
        act, keys, score = self._choose(chance)
        gone_at_s = Moment.now().loop_s
        if habits.question_limit_s and not await call.media.wait_until(
            lambda: call.media.other_heard_at_s > gone_at_s, habits.question_limit_s
        ):
            return "none", None
        if not await stays(call, self._rng.uniform(habits.reaction_min_s, habits.reaction_max_s)):
            return "none", None
        if act == "hung_up":
            await call.hang_up()
            return act, None
        try:
            await call.send_digits(keys, tone_s=habits.tone_s, gap_s=habits.gap_s)
        except SipError:
            return "none", None
        await stays(call, habits.survey_limit_s)
        return act, score

    def _choose(self, chance: float) -> tuple[SurveyAct, str, int | None]:
        habits = self._habits
        if chance < habits.survey_hang_up_share:
            return "hung_up", "", None
        chance -= habits.survey_hang_up_share
        if chance < habits.survey_silent_share:
            return "silent", "", None
        chance -= habits.survey_silent_share
        if chance < habits.survey_rubbish_share:
            return "rubbish", self._rng.choice(habits.rubbish), None
        score = self._rng.choices(range(len(habits.score_weights)), habits.score_weights)[0]
        return "scored", str(score), score

    def _since_start(self, call: Call) -> float:
        return Moment.now().loop_s - call.times.invited_at.loop_s

    def _story(
        self,
        call: Call,
        outcome: Outcome,
        wait_s: float,
        *,
        talk_s: float = 0.0,
        survey: SurveyAct = "none",
        score: int | None = None,
    ) -> CallerStory:
        return CallerStory(
            number=self.number,
            did=self.did,
            called_at=call.times.invited_at,
            outcome=outcome,
            wait_s=wait_s,
            talk_s=talk_s,
            survey=survey,
            score=score,
            status=call.status,
        )
