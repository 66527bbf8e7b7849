"""The pace of each queue as lately seen: what a call takes of an agent's time, and how soon callers give up.

Learnt from the records of ended calls, live and, at boot, of the day so far; nothing else is counted. Before there are
any, a guess counts as much as `GUESS_CALLS` calls would; each new call weighs no less than one in `MEMORY_CALLS`, so
that yesterday's pace is forgotten within some hundred calls (exponential smoothing).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from acd.queues.journey import CallRecord
from acd.queues.model import OfferResult, Outcome, Plan, QueueName, QueueSpec

GUESS_TALK_S = 180.0  # three minutes: the usual order of size in published call centre data
GUESS_CALLS = 5
MEMORY_CALLS = 200


@dataclass(slots=True)
class _Seen:
    handling_s: float  # mean: ringing + talk + wrap-up
    wrap_up_s: float
    calls: int = GUESS_CALLS
    gave_up: float = 0.0  # callers, and ...
    waited_s: float = 0.0  # ... all the time that callers waited, both fading alike


class Pace:
    """Every queue of the plan; one that the plan does not have (any more) is not learnt."""

    def __init__(self, plan: Plan) -> None:
        self._seen = {queue.name: _guess(queue) for queue in plan.queues.values()}
        self._learnt = False

    def reconfigure(self, plan: Plan) -> None:
        """Another plan: what was learnt of a queue stays true but for the wrap-up, which the plan gives."""
        seen = {queue.name: self._seen.get(queue.name) or _guess(queue) for queue in plan.queues.values()}
        for name, pace in seen.items():
            wrap_up_s = plan.queues[name].wrap_up_s
            if wrap_up_s != pace.wrap_up_s:
                pace.handling_s += wrap_up_s - pace.wrap_up_s
                pace.wrap_up_s = wrap_up_s
        self._seen = seen

    def begin(self, ended: Iterable[CallRecord]) -> None:
        """Learn from records of before; not when calls have been learnt from already, for they may be the same."""
        if not self._learnt:
            for record in ended:
                self.learn(record)

    def learn(self, record: CallRecord) -> None:
        """A call has ended."""
        seen = self._seen.get(QueueName(record.queue or ""))
        if seen is None or record.wait_s is None:
            return
        self._learnt = True
        kept = 1.0 - 1.0 / MEMORY_CALLS
        seen.gave_up = seen.gave_up * kept + (record.outcome is Outcome.ABANDONED)
        seen.waited_s = seen.waited_s * kept + record.wait_s
        if record.answered_at is not None and record.talk_s is not None:
            seen.calls = min(seen.calls + 1, MEMORY_CALLS)
            handling_s = _rang_s(record) + record.talk_s + seen.wrap_up_s
            seen.handling_s += (handling_s - seen.handling_s) / seen.calls

    def handling_s(self, queue: QueueName) -> float:
        """Mean seconds of an agent that one call of the queue takes: ringing, talk, and the wrap-up the plan gives."""
        return self._seen[queue].handling_s

    def leaving_per_s(self, queue: QueueName) -> float:
        """How many of the waiting give up, per waiting caller and second.

        Those who gave up divided by the time all have waited: the maximum-likelihood estimate for exponential
        patience that is cut short (censored) by an answer; Brown et al., "Statistical Analysis of a Telephone Call
        Center", JASA 100 (2005), section 5.
        """
        seen = self._seen[queue]
        return seen.gave_up / seen.waited_s if seen.waited_s > 0 else 0.0


def _guess(queue: QueueSpec) -> _Seen:
    return _Seen(GUESS_TALK_S + queue.wrap_up_s, queue.wrap_up_s)


def _rang_s(record: CallRecord) -> float:
    """How long it rang with the agent who took the call, who could take no other meanwhile."""
    rang = (offer.ring_s for offer in reversed(record.offers) if offer.result is OfferResult.ANSWERED)
    return next(rang, None) or 0.0
