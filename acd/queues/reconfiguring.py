"""Another plan while calls live: who follows which rules from then on. Whole, in one event.

- Who waits, or whose call rings at a phone, follows the new plan at once and keeps the place; the phone rings on.
- A conversation, and the survey after it, goes by the queue as it was (`Call.rules`) until the caller waits again.
- Who waits in a queue that is gone goes where the plan now sends the number that was dialled, else where that queue
  let its calls overflow to, else hears the goodbye: `limits.removed`, `overflow`.
- An agent who is gone is logged out: a phone that rings is silenced and the caller keeps the place, a conversation is
  finished first (`Desk`). A new one with `login: start` is logged in; whose phone it is, is in `handsets`.

What follows from the plan alone (pools, lanes, orders of the ready) is built anew, and everything is matched once. So
decisions afterwards are those of a daemon that had been started with this plan; with the plan there was, nothing comes
of it.
"""

from __future__ import annotations

from acd.queues import about
from acd.queues.bits import Renumbering
from acd.queues.calls import Calls
from acd.queues.events import Reconfigured
from acd.queues.journey import Fact, JourneyEvent
from acd.queues.model import IN_LINE, Call, CallPhase, Plan, QueueSpec
from acd.queues.offers import Offers
from acd.queues.overflow import Overflows
from acd.queues.shop import Shop

BY_THE_PLAN = "the configuration"
"""Who gave a call its points; no token has a name with a space."""
UNDER_WAY = (CallPhase.CONNECTING, CallPhase.TALKING, CallPhase.AFTER)
"""Phases in which a call goes on by the rules it was answered by."""


class Reconfiguring:
    """Changes the plan on the shop floor; the engine then builds what looks at it anew."""

    def __init__(self, shop: Shop, calls: Calls, offers: Offers, overflows: Overflows) -> None:
        self._shop = shop
        self._calls = calls
        self._offers = offers
        self._overflows = overflows

    def carry_out(self, event: Reconfigured) -> Renumbering:
        """From now on by the event's plan, and with these numbers for its agents."""
        shop, plan, at = self._shop, event.plan, event.at
        before = shop.plan
        self._send_home(plan, at)
        affected = [call for call in shop.calls.values() if self._has_other_rules(call, plan)]
        for call in affected:
            self._leave_rules(call)
        renumbered = shop.reconfigure(plan, at)
        shop.book.figures.reconfigure(
            {queue.name: queue.service_level_s for queue in plan.queues.values()}, shop.book.live()
        )
        for call in shop.calls.values():
            self._introduce(call, before, at)
        for call in affected:
            self._follow(call, at)
        self._calls.reconfigure(at)
        if plan.agents != before.agents:
            self._overflows.somebody_left()
        return renumbered

    def _send_home(self, plan: Plan, at: float) -> None:
        """Agents whom the plan does not have any more; those of an earlier one have been told."""
        desk = self._shop.desk
        for agent_id in [agent_id for agent_id in self._shop.plan.agents if agent_id not in plan.agents]:
            desk.logout(desk.agents[agent_id])
            self._offers.withdraw_from(desk.agents[agent_id], at)

    def _has_other_rules(self, call: Call, plan: Plan) -> bool:
        before = self._shop.queue_of(call)
        if before is None or call.rules is not None:
            return False
        was_gone = before.name not in self._shop.plan.queues
        return plan.queues.get(before.name) != (None if was_gone else before)

    def _leave_rules(self, call: Call) -> None:
        if call.phase in UNDER_WAY:
            call.rules = self._shop.queue_of(call)
        if call.phase in IN_LINE:
            self._offers.cancel_queue_deadlines(call)

    def _follow(self, call: Call, at: float) -> None:
        """Deadlines by the new plan, those that have passed at once."""
        queue: QueueSpec | None = self._shop.plan.queues.get(call.queue) if call.queue is not None else None
        if call.phase not in IN_LINE:
            return
        if queue is not None:
            self._calls.set_deadlines(call, queue, at)
        self._overflows.due(call.id)

    def _introduce(self, call: Call, before: Plan, at: float) -> None:
        """What the plan says of the number dialled and of the caller now; points that somebody ordered stay."""
        plan, record = self._shop.plan, self._shop.book.get(call.id)
        call.attributes = about.attributes(call, plan)
        points = about.points(call, plan)
        ordered = record is not None and any(is_order(event) for event in record.events)
        if points == about.points(call, before) or ordered or call.leaving:
            return
        call.priority = points
        self._shop.note(call, at, Fact.PRIORITY, priority=points, by=BY_THE_PLAN)


def is_order(event: JourneyEvent) -> bool:
    """Whether somebody gave the call these points, and not the plan."""
    return event.fact is Fact.PRIORITY and event.data.get("by") != BY_THE_PLAN
