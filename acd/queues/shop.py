"""The shop floor as it is: the plan, the living calls, offers and agents, and what is to be done about them.

The parts of the brain (offers, calls, recovery, engine) share one `Shop`. It decides nothing; it keeps what must agree:
the set of waiting calls with the phases, the offers with the calls, the facts with the book.
"""

from __future__ import annotations

from acd.queues import states
from acd.queues.alarms import Alarms
from acd.queues.bits import Renumbering
from acd.queues.book import Book
from acd.queues.commands import Command, Corrected, Hold
from acd.queues.corrections import SENTENCES, Correction
from acd.queues.desk import Desk
from acd.queues.duty import Able
from acd.queues.journey import Fact, Value
from acd.queues.lanes import Lanes
from acd.queues.lines import Lines
from acd.queues.model import Backoff, Call, CallId, CallPhase, Offer, OfferId, Plan, QueueName, QueueSpec
from acd.queues.pace import Pace
from acd.queues.pools import pools_of


class Shop:
    """All that lives. Calls by id; `waiting` holds those in phase WAITING."""

    def __init__(self, plan: Plan, book: Book, backoff: Backoff) -> None:
        self.plan = plan
        self.gone: dict[QueueName, QueueSpec] = {}  # queues that calls are in though the plan has them no more
        self.book = book
        self.backoff = backoff
        self.calls: dict[CallId, Call] = {}
        self.waiting: dict[CallId, Call] = {}
        self.fresh: dict[CallId, Call] = {}  # calls whose standing in the line may have changed since the last match
        self.lines = Lines()
        self.refused: dict[CallId, Call] = {}  # somebody has refused them
        self.offers: dict[OfferId, Offer] = {}
        self.alarms = Alarms(self.emit)
        self.desk = Desk(plan, self.alarms, self.emit)
        self.pace = Pace(plan)
        self._out: list[Command] = []
        self._homeless: dict[CallId, Call] = {}  # they wait in a queue that is gone
        self._compile()

    def _compile(self) -> None:
        """What follows from the plan alone; the desk's agents are the plan's, those who only finish a talk behind."""
        self.pools = pools_of(self.plan)
        self.lanes = Lanes(self.plan, self.pools, self.desk.duty.numbers)
        self.able = Able(self.plan, self.pools)

    def reconfigure(self, plan: Plan, at: float) -> Renumbering:
        """Another plan. Every call is news: where it stands, and for whom, is worked out anew."""
        here = {call.queue for call in self.calls.values()}
        before = self.gone | self.plan.queues
        self.gone = {
            name: queue
            for name, queue in before.items()
            if name not in plan.queues and (name in self.plan.queues or name in here)
        }
        self.plan = plan
        renumbered = self.desk.reconfigure(plan, at)
        self.pace.reconfigure(plan)
        self._compile()
        for call in self.calls.values():
            self.changed(call)
        return renumbered

    def emit(self, command: Command) -> None:
        """Add a command to those that the present event leads to."""
        self._out.append(command)

    def take_commands(self) -> list[Command]:
        """The commands since the last time, in their order."""
        out, self._out = self._out, []
        return out

    def take_homeless(self) -> dict[CallId, Call]:
        """The calls that have come to wait in a queue that the plan does not have any more, since the last time."""
        homeless, self._homeless = self._homeless, {}
        return homeless

    def take_fresh(self) -> dict[CallId, Call]:
        """The calls that have changed since the last time."""
        fresh, self.fresh = self.fresh, {}
        return fresh

    def changed(self, call: Call) -> None:
        """Who may have the waiting call, or when, may be another now: queue, priority, `only`, a back-off..."""
        self.fresh[call.id] = call
        self.lines.update(call)

    def note(self, call: Call, at: float, fact: Fact, **data: Value) -> None:
        """Enter a fact into the call's journey."""
        self.emit(self.book.note(call.id, at, fact, **data))
        record = self.book.get(call.id) if fact is Fact.ENDED else None
        if record is not None:
            self.pace.learn(record)

    def corrected(self, call: Call, at: float, what: Correction) -> None:
        """Enter into the call's journey that a look has put it right, and have that counted."""
        self.note(call, at, Fact.RECONCILED, what=SENTENCES[what])
        self.emit(Corrected(what, call.id))

    def expect(self, call: Call, at: float) -> None:
        """Something must be heard of the call before `at`; if not, a look tells (`Offers.look_due`)."""
        self.alarms.set(f"look:{call.id}", at)

    def add(self, call: Call) -> None:
        """A call is inside."""
        self.calls[call.id] = call
        self.changed(call)
        if call.phase is CallPhase.WAITING:
            self.waiting[call.id] = call

    def move(self, call: Call, to: CallPhase, at: float) -> None:
        """Change the call's phase; IllegalMove if the table does not allow it. An ended call is no longer inside."""
        states.move(call, to)
        call.touched_at = at
        self.changed(call)
        if to is CallPhase.TALKING:
            call.told = None  # that wait is over; another one would be foretold anew
        if to is CallPhase.WAITING:
            call.rules = None  # what the caller waits for is as the plan has it now
            self.waiting[call.id] = call
            if call.queue in self.gone:
                self._homeless[call.id] = call
        else:
            self.waiting.pop(call.id, None)
        if to is CallPhase.ENDED:
            del self.calls[call.id]
            self.refused.pop(call.id, None)

    def hold(self, call: Call, move: bool = True) -> None:
        """Have the caller wait in the queue's hold verb; nothing for a call that is in no queue of the plan."""
        queue = self.queue_of(call)
        if queue is not None:
            self.emit(Hold(call.id, queue.name, call.joined_at, move, queue.music))

    def queue_of(self, call: Call) -> QueueSpec | None:
        """The spec that is true of the call: of its queue, now or when its conversation began. None: it is in none."""
        if call.rules is not None or call.queue is None:
            return call.rules
        return self.spec(call.queue)

    def rules_of(self, call: Call) -> QueueSpec:
        """As `queue_of`, of a call that is in a queue; KeyError for one that is in none."""
        queue = self.queue_of(call)
        if queue is None:
            raise KeyError(call.id)
        return queue

    def spec(self, queue: QueueName) -> QueueSpec | None:
        """The queue as it is, or as it was last while there are calls in it."""
        return self.plan.queues.get(queue) or self.gone.get(queue)

    def offers_of(self, call: Call) -> list[Offer]:
        """All of the call's offers: more than one while several phones ring."""
        ids = [] if call.offer_id is None else [call.offer_id, *call.beside]
        return [self.offers[offer_id] for offer_id in ids if offer_id in self.offers]

    def keep_offer(self, call: Call, offer: Offer) -> None:
        """One more offer of the call's."""
        self.offers[offer.id] = offer
        if call.offer_id is None:
            call.offer_id = offer.id
        else:
            call.beside.append(offer.id)

    def put_first(self, call: Call, offer: Offer) -> None:
        """This is the one of the call's offers that counts."""
        if offer.id in call.beside and call.offer_id is not None:
            call.beside[call.beside.index(offer.id)] = call.offer_id
            call.offer_id = offer.id

    def drop_offer(self, call: Call, offer: Offer) -> None:
        """Whatever is still said about this one of the call's offers is late from now on."""
        self.offers.pop(offer.id, None)
        if offer.id in call.beside:
            call.beside.remove(offer.id)
        elif call.offer_id == offer.id:
            call.offer_id = call.beside.pop(0) if call.beside else None

    def forget_offer(self, call: Call) -> None:
        """Whatever is still said about the call's offers is late from now on."""
        for offer_id in (call.offer_id, *call.beside):
            if offer_id is not None:
                self.offers.pop(offer_id, None)
        call.offer_id = None
        call.beside.clear()
