"""The place in the line: what keeps it, and who gets it back.

`Call.joined_at` is the place: it decides the order and the relaxations, and never grows while the call lives, whatever
happens to it (a failed offer, a transfer that came to nothing, an overflow and the way back).

Who abandons, or is lost, and calls the same queue again within its `resume_place_s` gets the old place. The wait in the
record is the new call's own: nobody was on the line in between. A place is resumed once; who leaves again leaves the
place of the own entry. A withheld number is nobody's, so it resumes nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from acd.queues.journey import CallRecord, Fact
from acd.queues.model import Call, CallId, Outcome, QueueSpec

REMEMBERED = 10_000  # places at most: five minutes of two thousand abandoned calls a minute
LEFT = (Outcome.ABANDONED, Outcome.LOST)


@dataclass(slots=True)
class Place:
    """A place that was left. `taken`: somebody has it again; one call may have left it in several queues."""

    call_id: CallId
    joined_at: float
    left_at: float
    taken: bool = False


class Places:
    """The places left not long ago, by number and queue; at most `limit`, the oldest go first."""

    def __init__(self, longest_s: float, limit: int = REMEMBERED) -> None:
        """`longest_s`: the longest that any queue remembers a place."""
        self._longest_s = longest_s
        self._limit = limit
        self._places: OrderedDict[tuple[str, str], Place] = OrderedDict()

    def reach(self, longest_s: float) -> None:
        """From now on the longest is another one; what was forgotten by the old one stays so."""
        self._longest_s = longest_s

    def __len__(self) -> int:
        return len(self._places)

    def left(self, record: CallRecord) -> None:
        """A call has ended: keep its place, if it left one."""
        if record.ended_at is None or record.outcome not in LEFT or not record.number or record.queued_at is None:
            return
        if record.from_agent is not None:
            return  # a question: the next one is another
        place = Place(record.id, record.queued_at, record.ended_at)
        for queue in _queues(record):
            known = self._places.get((record.number, queue))
            if known is None or known.left_at < place.left_at:
                self._places[record.number, queue] = place
                self._places.move_to_end((record.number, queue))
        self._forget(record.ended_at)

    def take(self, call: Call, queue: QueueSpec) -> Place | None:
        """The place the call's number left in this queue, if it is still kept; it is then taken."""
        place = self._places.pop((call.number, queue.name), None) if call.number else None
        if place is None or place.taken or call.entered_at - place.left_at > queue.resume_place_s:
            return None
        place.taken = True
        return place

    def _forget(self, at: float) -> None:
        while self._places:
            oldest = next(iter(self._places.values()))
            if len(self._places) <= self._limit and oldest.left_at >= at - self._longest_s:
                return
            self._places.popitem(last=False)


def _queues(record: CallRecord) -> dict[str, None]:
    """Every queue the call was in, in order: who calls again dials the first one."""
    named = [str(event.data.get("queue")) for event in record.events if event.fact is Fact.QUEUED]
    return dict.fromkeys([*named, *([record.queue] if record.queue else [])])


def waits_since(call: Call) -> float:
    """Since when the caller has been on the line for it: a resumed place is older than that."""
    return max(call.joined_at, call.entered_at)


def place_of(record: CallRecord) -> float:
    """The place of a call that was live when the last daemon stopped."""
    moments = [event.data.get("joined_at") for event in record.events if event.fact is Fact.RESUMED]
    resumed = [float(moment) for moment in moments if isinstance(moment, int | float)]
    return min([record.queued_at or record.entered_at, *resumed])


def dialled(record: CallRecord) -> str:
    """The number it counts as having dialled: the caller's own, or the one it overflowed to."""
    dids = [event.data.get("did") for event in record.events if event.fact is Fact.OVERFLOWED]
    return str(next((did for did in reversed(dids) if did), record.did))


def queued_at(record: CallRecord) -> float:
    """When it was queued in the queue it is in now."""
    moments = [event.at for event in record.events if event.fact is Fact.QUEUED]
    return moments[-1] if len(moments) > 1 else record.queued_at or record.entered_at
