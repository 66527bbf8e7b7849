"""Where a call goes that its queue cannot keep: another queue, a dialled number, the voicemail, a goodbye.

    joins --limit--> overflow: queue --joins--> that queue's limits --> ... --> stays, leaves a message, is let go
    waits --its deadline, or the last agent logs out--> the same
    waits in a queue that is gone from the plan --> the queue that has the dialled number now, else the same

A call that overflows keeps its place, `joined_at`, and its wait goes on counting from the first queue; relaxations of
the new queue count from that place as well, since they are there for who has waited long. Only `max_wait_s` begins
anew.

Nobody is cut off: a call at somebody's phone rings out first, and one whose Asterisk cannot be steered is moved when it
is back. The configuration refuses circles; should there be one all the same, it ends with the goodbye.
"""

from __future__ import annotations

from acd.queues import limits
from acd.queues.about import introduce
from acd.queues.calls import Calls
from acd.queues.commands import TakeMessage
from acd.queues.journey import Fact, Value, own_priority
from acd.queues.limits import JOINING, STAYING, Limit, Overflowing, Reason
from acd.queues.model import IN_LINE, Call, CallId, CallPhase, Nobody, QueueName, QueueSpec
from acd.queues.shop import Shop

ALL_BUSY = "acd/all-busy"
CLOSED = "acd/closed"
GOODBYE = "acd/goodbye"
NOWHERE: frozenset[QueueName] = frozenset()


class Overflows:
    """Asks the limits, and carries out what they say."""

    def __init__(self, shop: Shop, calls: Calls) -> None:
        self._shop = shop
        self._calls = calls
        self._pending: dict[CallId, Call] = {}  # to be asked about: at the end of this event, and until they can move
        self._arrivals: dict[CallId, tuple[Call, frozenset[QueueName]]] = {}  # who has just joined, and has been where

    def due(self, call_id: CallId) -> None:
        """The call's time in its queue is over."""
        call = self._shop.calls.get(call_id)
        if call is not None:
            self._pending[call_id] = call

    def somebody_left(self) -> None:
        """An agent logged out: perhaps the last one."""
        for queue in self._shop.plan.queues.values():
            if queue.nobody is Nobody.OVERFLOW:
                self._pending.update({call.id: call for call in self._shop.lines.of(queue.name)})

    def settle(self, at: float) -> None:
        """Before the match: move the calls that must go, whoever is ready."""
        self._pending.update(self._shop.take_homeless())
        for call in list(self._pending.values()):
            del self._pending[call.id]
            self._ask(call, STAYING, at)
        self._arrivals.update({call.id: (call, NOWHERE) for call in self._calls.take_arrivals()})

    def turn_away(self, at: float) -> bool:
        """After the match: who has just joined a queue, found nobody and may not wait. False: nobody had to go.

        Who came last is asked first: of several who are one too many, that one goes.
        """
        arrivals, self._arrivals = self._arrivals, {}
        found_nobody = [came for came in reversed(arrivals.values()) if came[0].phase is CallPhase.WAITING]
        went = [self._ask(call, JOINING, at, been) for call, been in found_nobody]
        return any(went)

    def _ask(self, call: Call, asked: tuple[Limit, ...], at: float, been: frozenset[QueueName] = NOWHERE) -> bool:
        """Whether the call had to go, and went. By the rules of the line, also of one who may be back in it."""
        queue = self._shop.spec(call.queue) if call.queue is not None else None
        said = limits.verdict(asked, call, queue, self._shop, at) if queue and call.phase in IN_LINE else None
        if queue is None or said is None:
            return False
        if call.phase is not CallPhase.WAITING or not call.at_home or call.hung_up is not None:
            self._pending[call.id] = call
            return False
        self._overflow(call, queue, said, at, been | {queue.name})
        return True

    def _overflow(self, call: Call, queue: QueueSpec, said: Overflowing, at: float, been: frozenset[QueueName]) -> None:
        """To the next queue, where it is asked again; not to one in which it has `been` in this moment."""
        heir = self._shop.plan.queue_of_did(call.did) if said.reason is Reason.REMOVED else None
        target = heir or self._target(queue)
        if target is None or target.name in been:
            self._let_go(call, queue, said, at)
            return
        if target.name not in self._shop.plan.queues:  # gone as well: the way out of that one
            self._overflow(call, target, said, at, been | {target.name})
            return
        did = queue.overflow.did
        if did and heir is None:
            self._dial(call, did)
            self._note(call, queue, said, at, target.name, "did", did=did)
        else:
            self._note(call, queue, said, at, target.name, "queue")
        self._calls.join(call, target, at)
        self._arrivals[call.id] = (call, been)

    def _dial(self, call: Call, did: str) -> None:
        """As if this number had been dialled: what it says of its calls is true of this one, but for an order given."""
        call.did = did
        introduce(call, self._shop.plan)
        record = self._shop.book.get(call.id)
        ordered = own_priority(record) if record is not None else None
        call.priority = call.priority if ordered is None else ordered

    def _target(self, queue: QueueSpec) -> QueueSpec | None:
        overflow, plan = queue.overflow, self._shop.plan
        if overflow.did:
            return plan.queue_of_did(overflow.did)
        return self._shop.spec(overflow.queue) if overflow.queue else None

    def _let_go(self, call: Call, queue: QueueSpec, said: Overflowing, at: float) -> None:
        """The end of the wait: a message, or a goodbye."""
        call.final = limits.OUTCOMES[said.reason]
        word = CLOSED if said.reason is Reason.NOBODY else ALL_BUSY
        if queue.overflow.voicemail:
            self._note(call, queue, said, at, "voicemail", "voicemail")
            self._calls.show_out(call, TakeMessage(call.id, (word,)), at)
        else:
            self._note(call, queue, said, at, "goodbye", "goodbye")
            self._calls.dismiss(call, (word, GOODBYE), at)

    def _note(
        self, call: Call, queue: QueueSpec, said: Overflowing, at: float, to: str, via: str, **more: Value
    ) -> None:
        data: dict[str, Value] = {"from": queue.name, "to": to, "via": via, "reason": said.reason, **more}
        self._shop.note(call, at, Fact.OVERFLOWED, **data)
