"""What the callers' line and the agents' telephones saw: every INVITE, answer and BYE, and who sent it.

`Diary` is the witness of the phones while they live; `callers()` and `legs()` give plain values, for which `judge.py`
needs no telephone. Moments are in seconds since 1970 by the kernel's stamps of arrival.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from acd.lab.agents import VOICE as AGENT_VOICE
from acd.lab.call import Call, CallState
from acd.lab.incoming import IncomingCall
from acd.lab.people import CallerStory
from acd.lab.phone import Phone
from acd.lab.sip import Request, parse_address
from acd.lab.udp import Moment


@dataclass(frozen=True, slots=True)
class CallerSeen:
    """One caller's call. None: it did not come to that. `answered_at` is the hotline's music, `agent_voice` a human.

    `by_caller`: the caller ended it, not the hotline; `cut`: the end of Asterisk itself ended it. `score` is what the
    caller pressed; `status` the last SIP answer to the INVITE. The silence is the longest in which nothing was heard.
    """

    number: str
    did: str
    invited_at: float
    answered_at: float | None = None
    ended_at: float | None = None
    by_caller: bool = False
    status: int = 0
    agent_voice: bool = False
    longest_silence_s: float = 0.0
    score: int | None = None
    cut: bool = False


@dataclass(frozen=True, slots=True)
class LegSeen:
    """A call that came to an agent's telephone. `by_agent`: the agent refused it or hung up; the rest as `CallerSeen`.

    `turned_away`: the telephone had a call already and said busy by itself.
    """

    agent: str
    number: str
    invited_at: float
    answered_at: float | None = None
    ended_at: float | None = None
    by_agent: bool = False
    status: int = 0
    turned_away: bool = False
    cut: bool = False


class Diary:
    """Told of every call by the phones. `trunk` is the user name of the phone that the callers call from."""

    def __init__(self, trunk: str) -> None:
        self._trunk = trunk
        self._calls: list[tuple[str, Call]] = []
        self._turned_away: list[LegSeen] = []
        self._cut: set[int] = set()

    def call(self, phone: Phone, call: Call) -> None:
        """Keep it: what became of it is read in the end."""
        self._calls.append((phone.user, call))

    def turned_away(self, phone: Phone, invite: Request, arrived: Moment) -> None:
        """An INVITE to a telephone in use."""
        at = arrived.unix_s
        self._turned_away.append(LegSeen(phone.user, invite.sender.number, at, None, at, True, 486, True))

    def on_the_line(self) -> list[str]:
        """The numbers of the callers who have not hung up."""
        live = [call for user, call in self._calls if user == self._trunk and call.state is not CallState.ENDED]
        return [_number(call) for call in live]

    def cut(self) -> int:
        """Asterisk is about to end: whoever is connected is cut by that; how many callers are."""
        live = [(user, call) for user, call in self._calls if call.state is not CallState.ENDED]
        self._cut |= {id(call) for _, call in live}
        return sum(user == self._trunk for user, _ in live)

    def hang_up_the_cut(self) -> None:
        """Asterisk has ended: a telephone that was told nothing finds out by itself, here at once."""
        for _, call in self._calls:
            if id(call) in self._cut and call.state is not CallState.ENDED:
                call.abandon()

    def callers(self, stories: Iterable[CallerStory]) -> list[CallerSeen]:
        """All callers so far, in the order in which they called."""
        scores = {story.number: story.score for story in stories if story.survey == "scored"}
        return [self._caller(call, scores) for user, call in self._calls if user == self._trunk]

    def legs(self) -> list[LegSeen]:
        """All calls to agents' telephones so far, by the time of the INVITE."""
        seen = [self._leg(user, call) for user, call in self._calls if isinstance(call, IncomingCall)]
        return sorted([*seen, *self._turned_away], key=lambda leg: leg.invited_at)

    def _caller(self, call: Call, scores: dict[str, int | None]) -> CallerSeen:
        number = _number(call)
        return CallerSeen(
            number,
            call.dialled,
            call.times.invited_at.unix_s,
            _unix(call.times.answered_at),
            _unix(call.times.ended_at),
            call.ended_by == "us",
            call.status,
            call.media.voices[AGENT_VOICE] > 0,
            call.media.longest_silence_s,
            scores.get(number),
            id(call) in self._cut,
        )

    def _leg(self, user: str, call: Call) -> LegSeen:
        return LegSeen(
            user,
            call.remote_number,
            call.times.invited_at.unix_s,
            _unix(call.times.answered_at),
            _unix(call.times.ended_at),
            call.ended_by == "us",
            call.status,
            False,
            id(call) in self._cut,
        )


def _number(call: Call) -> str:
    """Whose call it is that the trunk made."""
    return parse_address(call.dialog.local).number


def _unix(moment: Moment | None) -> float | None:
    return None if moment is None else moment.unix_s
