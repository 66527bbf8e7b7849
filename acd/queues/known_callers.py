"""What somebody else has found out about a caller while the call was in the line already: a CRM's answer.

It adds points and attributes to those the plan gives (`about`), and the name. A supervisor's word about the points
stands. What is heard once is heard; what comes when the call is over is late, which is no error. It is a fact of the
journey, so a daemon that takes the call over knows it as well.
"""

from __future__ import annotations

from acd.queues import about
from acd.queues.about import DID, NUMBER, CallerKnown
from acd.queues.journey import CallRecord, Fact, Value
from acd.queues.model import Call
from acd.queues.reconfiguring import is_order
from acd.queues.shop import Shop

ABOUT = "about."
"""Before the name of an attribute, in the fact's data."""


def heard(shop: Shop, call: Call, event: CallerKnown) -> None:
    """Take it to heart."""
    record = shop.book.get(call.id)
    events = record.events if record is not None else ()
    if any(one.fact is Fact.KNOWN for one in events):
        return
    call.name = event.name or call.name
    call.known = {name: text for name, text in event.attributes.items() if name not in (DID, NUMBER)}
    call.known_points = event.priority
    call.attributes = about.attributes(call, shop.plan)
    told: dict[str, Value] = {"name": event.name} if event.name else {}
    if event.priority:
        told["points"] = event.priority
    if event.priority and not any(is_order(one) for one in events):
        call.priority += event.priority
        told["priority"] = call.priority
    shop.note(call, event.at, Fact.KNOWN, **told, **{f"{ABOUT}{name}": text for name, text in call.known.items()})
    shop.changed(call)


def recall(call: Call, record: CallRecord) -> None:
    """What its record tells of it; to be introduced afterwards."""
    for event in record.events:
        if event.fact is Fact.KNOWN:
            points = event.data.get("points")
            call.known_points = points if isinstance(points, int | float) else 0.0
            told = {key: str(text) for key, text in event.data.items() if key.startswith(ABOUT)}
            call.known = {key.removeprefix(ABOUT): text for key, text in told.items()}
