"""A caller's way through the house: entry, the line, the conversation and its end, and one outcome.

A conversation's end is told by up to four events in any order (a party hung up, the agent's leg is gone, the caller is
back in the dialplan, the caller's channel is gone); the first one ends it, and only "the caller is back" leads on to
the survey.
"""

from __future__ import annotations

from acd.queues import events as ev
from acd.queues import limits, refusals
from acd.queues.about import introduce
from acd.queues.commands import Bye, Served, TakeMessage
from acd.queues.corrections import Correction
from acd.queues.journey import Fact, Value
from acd.queues.model import Call, CallPhase, OfferResult, Outcome, Plan, QueueSpec, Side, SurveyKind
from acd.queues.offers import LIVE, Offers
from acd.queues.places import Places, waits_since
from acd.queues.shop import Shop
from acd.queues.sticky import Sticky

NOT_IN_SERVICE = ("ss-noservice",)


class Calls:
    """Everything about the caller's side."""

    def __init__(self, shop: Shop, offers: Offers) -> None:
        self._shop = shop
        self._offers = offers
        self.places = Places(_longest_s(shop.plan))
        self.sticky = Sticky(shop)
        self._arrivals: list[Call] = []
        self._unannounced: list[tuple[Call, bool]] = []  # and whether the music is another now

    def reconfigure(self, at: float) -> None:
        """The plan is another one."""
        self.places.reach(_longest_s(self._shop.plan))
        self.sticky.recheck(at)

    # -- in -------------------------------------------------------------------------------------------------

    def entered(self, event: ev.CallEntered) -> None:
        """A caller comes in; one we know already (or have just let go) does not come twice."""
        if self._shop.book.get(event.call_id) is not None:
            return
        call = self.open_books(event)
        self.place(call, self._shop.plan.queue_of_did(event.did), event.at)
        if call.queue is not None:
            self._arrivals.append(call)

    def open_books(self, event: ev.CallEntered) -> Call:
        """Begin the record of a call that is in our dialplan."""
        entered_at = min(event.entered_at, event.at)
        call = Call(event.call_id, event.node, event.did, event.number, event.name, entered_at)
        call.touched_at = event.at
        call.from_agent = event.from_agent
        introduce(call, self._shop.plan)
        self._shop.add(call)
        about: dict[str, Value] = {"node": call.node, "did": call.did, "number": call.number, "name": call.name}
        if call.priority:
            about["priority"] = call.priority
        if call.from_agent is not None:
            about["agent"] = call.from_agent
        self._shop.note(call, entered_at, Fact.ENTERED, **about)
        return call

    def place(self, call: Call, queue: QueueSpec | None, at: float) -> None:
        """Put the call into the queue's line, at the place its entry gives it; no queue: goodbye."""
        if queue is None:
            call.final = Outcome.CLOSED
            self.dismiss(call, NOT_IN_SERVICE, at)
            return
        call.joined_at = call.entered_at
        old = self.places.take(call, queue)
        if old is not None:
            call.joined_at = min(call.joined_at, old.joined_at)
            self._shop.note(call, at, Fact.RESUMED, earlier=old.call_id, joined_at=call.joined_at)
        self.join(call, queue, at)

    def join(self, call: Call, queue: QueueSpec, at: float) -> None:
        """Have the call wait in the queue's line, at the place its join time gives it; it leaves the line it was in."""
        self._offers.cancel_deadlines(call)
        self.sticky.release(call)
        before = self._shop.queue_of(call)
        call.queued_at = waits_since(call) if call.queue is None else at
        call.queue, call.rules = queue.name, None
        call.told = None  # other agents, another wait
        call.only = call.only_until = None
        self._shop.changed(call)
        self._shop.note(call, at, Fact.QUEUED, queue=queue.name, joined_at=waits_since(call))
        self._unannounced.append((call, before is not None and before.music != queue.music))
        self.set_deadlines(call, queue, at)
        self.sticky.hold(call, queue, at)

    def take_arrivals(self) -> list[Call]:
        """Those who came from outside since the last time, and are in a queue."""
        arrivals, self._arrivals = self._arrivals, []
        return arrivals

    def announce(self) -> None:
        """Note the queue on the channels of those who have just joined one and wait; an offer does it by itself."""
        for call, other_music in self._unannounced:
            if call.phase is CallPhase.WAITING:
                self._shop.hold(call, move=other_music)
        self._unannounced.clear()

    def set_deadlines(self, call: Call, queue: QueueSpec, at: float) -> None:
        """A later step opens, and the longest wait ends, even when nothing else happens at that moment."""
        self._shop.alarms.set(f"limit:{call.id}", limits.deadline(call, queue))
        call.steps = max(call.steps, len(queue.relax))
        for number, step in enumerate(queue.relax):
            due_at = call.joined_at + step.after_s
            if due_at > at:
                self._shop.alarms.set(f"relax:{call.id}:{number}", due_at)

    def back_in_line(self, call: Call, at: float) -> None:
        """The caller waits again, at the old place. One who was talked to has the whole `max_wait_s` anew."""
        if call.phase is not CallPhase.WAITING and call.answered_at is not None:
            call.queued_at = at
        self._shop.forget_offer(call)
        self._shop.alarms.cancel(f"look:{call.id}")
        self._shop.move(call, CallPhase.WAITING, at)
        refusals.waits_again(self._shop, call, at)
        queue = self._shop.queue_of(call)
        if queue is not None:
            self.set_deadlines(call, queue, at)

    # -- where the dialplan has the caller ------------------------------------------------------------------

    def held(self, call: Call, at: float) -> None:
        """The caller is in the hold verb. That is news only for a call of which we thought otherwise."""
        elsewhere, call.at_home = not call.at_home, True
        call.touched_at = at
        self._shop.changed(call)
        if call.leaving or call.hung_up is not None:
            return
        if call.phase is CallPhase.OFFERED and any(offer.rang for offer in self._shop.offers_of(call)):
            self._shop.expect(call, at + self._shop.backoff.look_s)  # it rang, and is over: how, must follow
        if call.phase is CallPhase.TALKING and (elsewhere or call.offer_id is None):  # through the fallback queue: over
            self.end_talk(call, at, Side.SYSTEM)
            self.back_in_line(call, at)
        elif call.phase is CallPhase.AFTER and (call.answered_at is None or call.offer_id is not None):
            self.back_in_line(call, at)  # the conversation broke without the dialplan's usual way out

    def dismiss(self, call: Call, prompts: tuple[str, ...], at: float) -> None:
        """Say goodbye and hang up."""
        self.show_out(call, Bye(call.id, 0, prompts), at)

    def show_out(self, call: Call, way: Bye | TakeMessage, at: float) -> None:
        """The caller waits no longer; what is still to be said or heard leads out of the house."""
        call.leaving = True
        call.message = isinstance(way, TakeMessage)
        self._offers.cancel_timers(call)
        self._shop.move(call, CallPhase.AFTER, at)
        self._shop.emit(way)

    # -- the conversation -----------------------------------------------------------------------------------

    def party_hung_up(self, call: Call, side: Side, at: float) -> None:
        """The first sign of a hang-up; a caller on the way out is offered to nobody.

        `Side.SYSTEM` is Asterisk's end: it cuts whoever is not served yet and has not been let go.
        """
        if side is not Side.AGENT:
            call.cut |= side is Side.SYSTEM and not call.leaving and call.phase is not CallPhase.AFTER
            call.hung_up = call.hung_up or side
            call.touched_at = at
            self._shop.changed(call)
            self._shop.expect(call, at + self._shop.backoff.look_s)
            self._offers.let_go(call)
        if call.phase is CallPhase.TALKING:
            self.end_talk(call, at, side)

    def agent_leg_gone(self, call: Call, at: float) -> None:
        """The agent's channel ended; the dialplan tells the rest."""
        if call.phase is CallPhase.TALKING:
            self.end_talk(call, at, Side.SYSTEM)

    def talk_ended(self, call: Call, at: float) -> None:
        """The agent is gone and the caller is still here: the survey's turn."""
        if call.phase in LIVE:
            self._offers.lost_before_bridge(call, at)
            return
        if call.phase is CallPhase.TALKING:
            self.end_talk(call, at, Side.AGENT)
        self._shop.forget_offer(call)
        self.hand_to_survey(call, at)

    def hand_to_survey(self, call: Call, at: float) -> None:
        """Tell the IVR that a served caller is on the line."""
        self._shop.alarms.cancel(f"look:{call.id}")
        queue = self._shop.queue_of(call)
        if queue is not None and call.hung_up is None:
            survey = queue.survey if call.from_agent is None else SurveyKind.NONE  # a colleague is not asked
            self._shop.emit(Served(call.id, at, call.number, survey))

    def end_talk(self, call: Call, at: float, by: Side) -> None:
        """The conversation is over; the agent's wrap-up begins. The caller may still be here."""
        call.talk_ended_at = at
        self._shop.move(call, CallPhase.AFTER, at)
        self._shop.expect(call, at + self._shop.backoff.look_s)
        agent = self._shop.desk.get(call.agent_id) if call.agent_id is not None else None
        if agent is not None and agent.call_id == call.id:
            self._shop.desk.talk_over(agent, self._shop.queue_of(call), at)
        self._shop.note(call, at, Fact.TALK_ENDED, agent=call.agent_id, by=call.hung_up or by)

    # -- out ------------------------------------------------------------------------------------------------

    def left(self, call: Call, event: ev.CallerLeft) -> None:
        """The caller's channel is gone."""
        if event.reconciled:
            self._shop.corrected(call, event.at, Correction.ENDED)
        self.finish(call, event.at, Side.CALLER)

    def finish(self, call: Call, at: float, by: Side) -> None:
        """The caller is gone: close whatever is open, and the record with exactly one outcome."""
        if call.phase in LIVE:
            self._offers.end_all(call, OfferResult.CALLER_LEFT, at)
        if call.phase is CallPhase.TALKING:
            self.end_talk(call, at, by)
        self._shop.forget_offer(call)
        self._offers.cancel_timers(call)
        self._shop.move(call, CallPhase.ENDED, at)
        ended_by = call.hung_up or (Side.SYSTEM if call.leaving else by)
        self._shop.note(call, at, Fact.ENDED, outcome=_outcome(call), by=ended_by)
        record = self._shop.book.get(call.id)
        if record is not None:
            self.places.left(record)


def _longest_s(plan: Plan) -> float:
    """The longest that any queue remembers a place."""
    return max((queue.resume_place_s for queue in plan.queues.values()), default=0.0)


def _outcome(call: Call) -> Outcome:
    if call.cut:
        return Outcome.LOST
    if call.answered_at is not None:
        return Outcome.ANSWERED
    return call.final or Outcome.ABANDONED
