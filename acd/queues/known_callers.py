"""What somebody else has found out about a caller while the call was in the line already: a CRM's answer.

It adds points and attributes to those the plan gives (`about`), and the name. A supervisor's word about the points
stands. What is heard once is heard; what comes when the call is over is late, which is no error. It is a fact of the
journey, so a daemon that takes the call over knows it as well.
"""

from __future__ import annotations

from acd.queues import events as ev
from acd.queues.about import DID, NUMBER
from acd.queues.journey import CallRecord, Fact
from acd.queues.model import Call
from acd.queues.shop import Shop

ABOUT = "about."
"""Before the name of an attribute, in the fact's data."""


def heard(shop: Shop, call: Call, event: ev.CallerKnown) -> None:
    """Take it to heart."""
    record = shop.book.get(call.id)
    facts = {fact.fact for fact in record.events} if record is not None else set()
    if Fact.KNOWN in facts:
        return
    call.name = event.name or call.name
    given = {name: text for name, text in event.attributes.items() if name not in (DID, NUMBER)}
    call.attributes = {**call.attributes, **given}
    points: dict[str, float] = {}
    if event.priority and Fact.PRIORITY not in facts:
        call.priority += event.priority
        points["priority"] = call.priority
    told = {"name": event.name} if event.name else {}
    shop.note(call, event.at, Fact.KNOWN, **told, **points, **{f"{ABOUT}{name}": text for name, text in given.items()})
    shop.changed(call)


def recall(call: Call, record: CallRecord) -> None:
    """Give the call the attributes that its record tells of; the points are told by `journey.own_priority`."""
    for event in record.events:
        if event.fact is Fact.KNOWN:
            told = {key: str(text) for key, text in event.data.items() if key.startswith(ABOUT)}
            call.attributes = {**call.attributes, **{key.removeprefix(ABOUT): text for key, text in told.items()}}
