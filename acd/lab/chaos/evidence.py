"""What was seen in a run, in plain values, and what a broken promise is. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from acd.lab.chaos.diary import CallerSeen, LegSeen
from acd.lab.chaos.hammer import Order
from acd.lab.chaos.service import Service, Span

Record = Mapping[str, Any]

SAME_MOMENT_S: Final = 0.15
"""Two telephones' stamps of one decision: the end of one ringing and the beginning of the next."""
SAME_OFFER_S: Final = 1.0
"""Between the decision and the INVITE, on a busy machine."""
UNSAVED_S: Final = 2.0
"""What Asterisk writes into AstDB it saves about a second later."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was not kept, and for whom: `number` or `call_id`, where there is one."""

    promise: str
    what: str
    number: str = ""
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was seen. `deaf` and `unknown`: agent -> when the telephone was, or the configuration had no such agent.

    `left` are the numbers still on the line when everybody had had time to go.
    `orders` are those to agents, as they were answered; `today` is queue -> its figures of the day, in the end.
    """

    callers: Sequence[CallerSeen]
    legs: Sequence[LegSeen]
    records: Sequence[Record]
    service: Service
    asterisk_down: Sequence[Span] = ()
    deaf: Mapping[str, Sequence[Span]] = field(default_factory=dict)
    unknown: Mapping[str, Sequence[Span]] = field(default_factory=dict)
    left: Sequence[str] = ()
    orders: Sequence[Order] = ()
    today: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def entered(self) -> list[CallerSeen]:
        """Who was let in."""
        return [caller for caller in self.callers if caller.answered_at is not None]

    def unseen(self) -> list[CallerSeen]:
        """Who came while the daemon could not see, was cut by the end of Asterisk, and has no record."""
        known = {record["number"] for record in self.records}
        return [caller for caller in self.entered() if caller.number not in known and self.unwitnessed(caller)]

    def cut(self, caller: CallerSeen) -> bool:
        """The end of Asterisk itself cut the call, or what it had noted of its end a moment before."""
        ended_at = caller.ended_at if caller.ended_at is not None else float("inf")
        return caller.cut or any(0.0 <= began - ended_at < UNSAVED_S for began, _ in self.asterisk_down)

    def unwitnessed(self, caller: CallerSeen) -> bool:
        """From entry to end nobody could see or note the call: one outage, of the daemon or of its link, spans it all,
        and in the end Asterisk itself was gone.
        """
        if caller.answered_at is None or caller.ended_at is None or not self.cut(caller):
            return False
        came, went = caller.answered_at + SAME_MOMENT_S, caller.ended_at
        return any(began <= came and went <= over for began, over in self.service.outages)

    def by_asterisk_alone(self, leg: LegSeen) -> bool:
        """Whether Asterisk's own queue rang this telephone: the caller was in it, and we made no such offer."""
        known = any(abs(at - leg.invited_at) < SAME_OFFER_S for at in self.offered(leg))
        return not known and any(record["fallback"] for record in self.records_of(leg.number))

    def offered(self, leg: LegSeen) -> list[float]:
        """When this call was offered to the agent of this telephone, by the records."""
        offers = [offer for record in self.records_of(leg.number) for offer in record["offers"]]
        return [moment(offer["at"]) for offer in offers if offer["agent"] == leg.agent]

    def records_of(self, number: str) -> list[Record]:
        """Its records."""
        return [record for record in self.records if record["number"] == number]

    def legs_by_number(self) -> dict[str, list[LegSeen]]:
        """Whom each caller was brought to, in order of time."""
        found: dict[str, list[LegSeen]] = defaultdict(list)
        for leg in self.legs:
            found[leg.number].append(leg)
        return found

    def records_by_number(self) -> dict[str, list[Record]]:
        """The records of each number."""
        found: dict[str, list[Record]] = defaultdict(list)
        for record in self.records:
            found[record["number"]].append(record)
        return found


def talked_s(caller: CallerSeen, leg: LegSeen) -> float:
    """How long both were there."""
    if leg.answered_at is None or caller.ended_at is None:
        return 0.0
    return min(leg.ended_at or caller.ended_at, caller.ended_at) - leg.answered_at


def overlaps(span: Span, others: Iterable[Span]) -> bool:
    """Whether one of the others is, partly, at the same time."""
    return any(began <= span[1] and over >= span[0] for began, over in others)


def moment(text: str) -> float:
    """An ISO 8601 time of the API in seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()
