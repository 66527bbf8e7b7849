"""The brain against a toy Asterisk and everything that people, phones, timers and links do to it, in any order.

After every step the invariants of `tests.rules` hold. At the end of every run comes a quiet minute in which nothing is
lost any more: whatever was lost before, the brain knows of every caller and agent what is true by then. Then all
callers go, heard or unheard, and after another minute no call is left and nobody is busy; after an hour nothing at all
is, every call has exactly one outcome, and the same events, read back from an event log, give the same commands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from acd.chance import draws
from acd.ivr.core import Core, Recipe
from acd.ivr.eventlog import Header, digest, event_line, header_line, read_event, read_header
from acd.queues import asked
from acd.queues import commands as cmd
from acd.queues import events as ev
from acd.queues.about import CallerKnown
from acd.queues.journey import Fact, JourneyEvent, fold
from acd.queues.limits import deadline
from acd.queues.model import (
    AgentId,
    AgentSpec,
    AgentState,
    CallId,
    CallPhase,
    Nobody,
    OfferResult,
    Overflow,
    Plan,
    QueueName,
    QueueSpec,
    Relaxation,
    SurveyKind,
)
from acd.queues.places import LEFT
from acd.queues.requirements import parse
from acd.queues.states import agent_state
from tests import rules
from tests.properties.asterisk_model import NODE, Asterisk, Caller
from tests.properties.promises import Promises

START = 1_700_000_000.0
HOUR_S = 3600.0
MINUTE_S = 60.0
SWEEP_S = 25.0  # as the node sweeps: after so long ...
AGAIN_S = 1.0  # ... and no sooner than this ...
SEEN_WITHIN_S = 4.0  # past the ring timeout, before the withdrawal: two looks
SETTLE_S = 1.0  # ... believing nothing about what changed so short a time before
FAILURES = (
    OfferResult.REFUSED,
    OfferResult.BUSY,
    OfferResult.NO_ANSWER,
    OfferResult.UNREACHABLE,
    OfferResult.ERROR,
)


_LIMITS = {
    "max_waiting": st.sampled_from([1, 2, 50]),
    "max_wait_s": st.sampled_from([10.0, 40.0, 600.0]),
    "nobody": st.sampled_from(Nobody),
    "divert_above_s": st.sampled_from([0.0, 0.0, 100.0]),
    "sticky_s": st.sampled_from([0.0, 20.0]),
    "resume_place_s": st.sampled_from([0.0, 5.0, 300.0]),
}
_WAYS = st.sampled_from(
    [
        Overflow(),
        Overflow(voicemail=True),
        Overflow(QueueName("support")),
        Overflow(QueueName("sales")),
        Overflow(did="2"),
    ]
)
_limits = st.fixed_dictionaries({**_LIMITS, "overflow": _WAYS})
"""Any limits and any way out, circles too: the configuration refuses those, the brain survives them."""

Limits = dict[str, object]
SWEEP = "sweep"


PLANS = ("first", "no support", "sales is called shop", "others", "nobody new", "first")
"""What the configuration may say; `_plan` has them."""


def _plan(limits: tuple[Limits, Limits], which: str = "first") -> Plan:
    of_sales, of_support = limits
    sales = QueueSpec(
        QueueName("sales"),
        parse("sales >= 3 and not (segment == 'vip' and sales < 5)"),
        frozenset({"1"}),
        (Relaxation(30, parse("sales >= 1")), Relaxation(60, parse("anyone"))),
        missed_limit=2,
        strategy="ring_all",
        **of_sales,  # type: ignore[arg-type]
    )
    support = QueueSpec(
        QueueName("support"),
        parse("support >= 1"),
        frozenset({"2"}),
        priority=5,
        wrap_up_s=0,
        **of_support,  # type: ignore[arg-type]
    )
    skills = {"a": {"sales": 5}, "b": {"sales": 1, "support": 3}, "c": {"support": 9}, "d": {"sales": 4, "support": 1}}
    agents = [
        AgentSpec(AgentId(name), name, f"PJSIP/{name}", levels, confirm=name == "d") for name, levels in skills.items()
    ]
    queues = [sales, support]
    match which:
        case "no support":
            queues = [replace(sales, dids=frozenset({"1", "2"}), relax=(Relaxation(20, parse("anyone")),), wrap_up_s=3)]
        case "sales is called shop":
            queues = [support, replace(sales, name=QueueName("shop"), strategy="round_robin", require=parse("anyone"))]
        case "others":
            queues = [replace(sales, survey=SurveyKind.NONE, ring_timeout_s=5), replace(support, max_wait_s=20)]
            agents = [agents[2], replace(agents[1], skills={"support": 9}), replace(agents[3], confirm=False)]
            agents.append(AgentSpec(AgentId("e"), "e", "PJSIP/a", {"sales": 9}, login_at_start=True))
        case "nobody new":
            agents = [replace(agents[0], endpoint="PJSIP/b"), replace(agents[1], endpoint="PJSIP/a")]
    return Plan({one.name: one for one in queues}, {one.id: one for one in agents})


class BrainMachine(RuleBasedStateMachine):
    """One run. `log` and `told` are of the present daemon only; `journal` outlives it, as a database does."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.asterisk = Asterisk(reachable={AgentId(name): True for name in "abcde"}, own={})
        self.timers: dict[str, float] = {}
        self.journal: dict[CallId, list[JourneyEvent]] = {}
        self.joined: dict[CallId, float] = {}
        self.lagging = False  # events wait for the rules that deliver them, else they come at once
        self.blurred = False  # events were lost or mixed: the brain cannot know all for now
        self.calls_made = 0
        self.limits: tuple[Limits, Limits] = ({}, {})
        self.heard_to_go = True
        self.plan = "first"
        self._new_daemon()

    def _new_daemon(self) -> None:
        self.began_with = _plan(self.limits, self.plan)
        self.core = Core(self.began_with)
        self.log: list[ev.Event] = []
        self.told: list[list[cmd.Command]] = []
        self.promises = Promises()
        self.timers.clear()
        self.swept_at = self.now
        self.look_wanted = False
        self.doubtful: set[CallId] = set()  # only one of brain and toy knew of them at the last sweep

    def tell(self, event: ev.Event) -> None:
        """One event to the brain, stamped when it comes as the daemon does, and its commands to the toy."""
        self.tell_as_it_is(replace(event, at=self.now))

    def tell_as_it_is(self, event: ev.Event) -> None:
        came = self.core.handle(event)
        self.log.append(event)
        self.told.append(came)
        for command in came:
            match command:
                case cmd.SetTimer(name, due_at):
                    self.timers[name] = due_at
                case cmd.CancelTimer(name):
                    self.timers.pop(name, None)
                case cmd.Look():
                    self.look_wanted = True
                case cmd.Journal(fact):
                    self.journal.setdefault(fact.call_id, []).append(fact)
                case cmd.Withdraw(call_id=call) if isinstance(event, ev.TimerDue):
                    self._nobody_is_cut_off(call)
                    self.asterisk.obey(command, self.now)
                case cmd.Ring(legs=legs) if not self.blurred:
                    self._nobody_is_with_another(command.call_id, legs)
                    self.asterisk.obey(command, self.now)
                case _:
                    self.asterisk.obey(command, self.now)
        rules.check(self.core, self.now)

    def _nobody_is_cut_off(self, call: CallId) -> None:
        """Time alone takes nobody out of a conversation, whatever was lost: who has talked for a while was seen."""
        caller = self.asterisk.callers.get(call)
        talks = caller is not None and caller.leg == "bridged" and caller.bridged_at < self.now - SEEN_WITHIN_S
        assert not (talks and self.asterisk.linked), f"{call} is taken out of a conversation"

    def _nobody_is_with_another(self, call: CallId, legs: tuple[cmd.Leg, ...]) -> None:
        if any(isinstance(event, ev.TakenAfterAll) for event in self.asterisk.events):
            return  # the brain does not know who talks
        rung = {leg.agent_id for leg in legs}
        for caller in self.asterisk.callers.values():
            busy = rung.intersection(caller.legs().values()) if caller.call != call else None
            assert not busy, f"{busy} are rung for {call} while with {caller.call}"

    def events_follow(self) -> None:
        """What people did is told at once, unless the link lags."""
        if not self.lagging:
            self.deliver_all()

    def deliver_all(self) -> None:
        """Everything the toy has to say, in order."""
        while self.asterisk.events:
            self.tell(self.asterisk.events.pop(0))

    def _in(self, *verbs: str, leg: tuple[str, ...] = ("", "dialled", "answered", "bridged")) -> list[Caller]:
        return [one for one in self.asterisk.callers.values() if one.verb in verbs and one.leg in leg]

    # -- people -------------------------------------------------------------------------------------------------

    @initialize(
        who=st.sets(st.sampled_from("abcd"), min_size=2),
        limits=st.tuples(_limits, _limits) | st.none(),
        heard_to_go=st.booleans(),
    )
    def some_are_there(self, who: set[str], limits: tuple[Limits, Limits] | None, heard_to_go: bool) -> None:
        self.heard_to_go = heard_to_go
        if limits is not None:
            self.limits = limits
            self._new_daemon()
        for name in sorted(who):
            self.tell(ev.AgentLogin(self.now, AgentId(name)))

    @rule(did=st.sampled_from(["1", "1", "1", "2", "2", "2", "9"]), ago=st.sampled_from([0.0, 0.0, 7.0, 45.0, -3.0]))
    def a_caller_comes(self, did: str, ago: float) -> None:
        self.calls_made += 1
        number = f"7916000000{self.calls_made % 3}"
        self.asterisk.enter(CallId(f"call{self.calls_made}"), did, number, ago, self.now)
        self.events_follow()

    @precondition(lambda self: len(self.asterisk.callers) > 2)
    @rule(data=st.data())
    def a_caller_hangs_up(self, data: st.DataObject) -> None:
        caller = self.asterisk.callers[data.draw(st.sampled_from(sorted(self.asterisk.callers)))]
        self.asterisk.hang_up(caller, self.now)
        self.events_follow()

    @precondition(lambda self: self._in("connect", leg=("dialled",)))
    @rule(data=st.data(), result=st.sampled_from(FAILURES))
    def a_phone_fails(self, data: st.DataObject, result: OfferResult) -> None:
        caller = self._one(data, "connect", leg=("dialled",))
        self.asterisk.fail(caller, data.draw(st.sampled_from(sorted(caller.legs()))), result, self.now)
        self.events_follow()

    @precondition(lambda self: self._in("connect", leg=("dialled",)))
    @rule(data=st.data())
    def nobody_picks_up(self, data: st.DataObject) -> None:
        self.asterisk.ring_out(self._one(data, "connect", leg=("dialled",)), self.now)
        self.events_follow()

    @precondition(lambda self: self._in("connect", leg=("dialled",)))
    @rule(data=st.data(), bridge=st.sampled_from([True, True, True, False]))
    def an_agent_picks_up(self, data: st.DataObject, bridge: bool) -> None:
        caller = self._one(data, "connect", leg=("dialled",))
        self.asterisk.answer(caller, data.draw(st.sampled_from(sorted(caller.legs()))), self.now)
        if bridge:
            self.asterisk.bridge(caller, self.now)
        self.events_follow()

    @precondition(lambda self: self._in("connect", leg=("dialled",)) and self.asterisk.linked)
    @rule(data=st.data(), what=st.sampled_from(["pause", "out", "sales", "support", "a", "b", "c"]))
    def an_order_crosses_a_pick_up(self, data: st.DataObject, what: str) -> None:
        """Before anything is heard of the pick-up, somebody orders what would take the caller away."""
        caller = self._one(data, "connect", leg=("dialled",))
        offer, lagged, self.lagging = data.draw(st.sampled_from(sorted(caller.legs()))), self.lagging, True
        self.asterisk.answer(caller, offer, self.now)
        self.asterisk.bridge(caller, self.now)
        assert caller.agent is not None
        match what:
            case "pause":
                self.tell(ev.AgentPause(self.now, caller.agent, "tea"))
            case "out":
                self.tell(ev.AgentLogout(self.now, caller.agent))
            case "a" | "b" | "c":
                self.tell(asked.CallPulled(self.now, caller.call, AgentId(what), "olga"))
            case _:
                self.tell(asked.CallMoved(self.now, caller.call, QueueName(what), "olga"))
        self.lagging = lagged
        self.events_follow()
        assert caller.leg == "bridged", "they talk on"
        if not lagged and not self.blurred:
            assert self.core.engine.calls[caller.call].agent_id == caller.agent

    @precondition(lambda self: self._in("connect", leg=("answered",)))
    @rule(data=st.data())
    def the_bridge_comes(self, data: st.DataObject) -> None:
        self.asterisk.bridge(self._one(data, "connect", leg=("answered",)), self.now)
        self.events_follow()

    @precondition(lambda self: self._in("connect", leg=("answered", "bridged")))
    @rule(data=st.data())
    def an_agent_hangs_up(self, data: st.DataObject) -> None:
        self.asterisk.agent_hangs_up(self._one(data, "connect", leg=("answered", "bridged")), self.now)
        self.events_follow()

    @precondition(lambda self: self._in("connect", leg=("bridged",)))
    @rule(data=st.data(), to=st.sampled_from(["1", "2", "9", "a", "b", "c"]))
    def an_agent_sends_a_caller_on(self, data: st.DataObject, to: str) -> None:
        self.asterisk.send_on(self._one(data, "connect", leg=("bridged",)), to, self.now)
        self.events_follow()

    @precondition(lambda self: self._in("connect", leg=("bridged",)))
    @rule(data=st.data(), did=st.sampled_from(["1", "2"]), until=st.sampled_from(["asked", "bridged", "over", "over"]))
    def an_agent_asks_a_queue(self, data: st.DataObject, did: str, until: str) -> None:
        """So far at once; what is left undone, other rules do."""
        caller = self._one(data, "connect", leg=("bridged",))
        assert caller.agent is not None
        self.calls_made += 1
        call = CallId(f"call{self.calls_made}")
        self.asterisk.ask(caller.agent, call, did, self.now)
        self.events_follow()
        question = self.asterisk.callers[call]
        if until != "asked" and question.leg == "dialled":
            self.asterisk.answer(question, data.draw(st.sampled_from(sorted(question.legs()))), self.now)
            self.asterisk.bridge(question, self.now)
            self.events_follow()
        if until == "over" and (caller, question) in self._askers():
            self.asterisk.complete(caller, question, self.now)
            self.events_follow()

    @precondition(lambda self: self._askers())
    @rule(data=st.data())
    def an_agent_hands_a_caller_over(self, data: st.DataObject) -> None:
        caller, question = data.draw(st.sampled_from(self._askers()))
        self.asterisk.complete(caller, question, self.now)
        self.events_follow()

    def _askers(self) -> list[tuple[Caller, Caller]]:
        """Callers who talk with an agent, and that agent's own calls to a queue; early ones only if orders come in."""
        talking = self._in("connect", leg=("bridged",))
        return [
            (caller, question)
            for caller in talking
            for question in self.asterisk.callers.values()
            if question.from_agent == caller.agent
            and question is not caller
            and (question.leg == "bridged" or (self.asterisk.linked and not self.lagging))
        ]

    @precondition(lambda self: self._in("collect"))
    @rule(data=st.data(), digits=st.sampled_from(["", "0", "9", "10", "15", "*"]))
    def a_caller_presses(self, data: st.DataObject, digits: str) -> None:
        self.asterisk.press(self._one(data, "collect"), digits, self.now)
        self.events_follow()

    @precondition(lambda self: self._in("record"))
    @rule(data=st.data())
    def a_message_ends(self, data: st.DataObject) -> None:
        self.asterisk.end_tape(self._one(data, "record"), self.now)
        self.events_follow()

    @rule(
        name=st.sampled_from("abcd"),
        what=st.sampled_from(["in", "in", "out", "pause", "ready", "own", "own ends", "phone goes", "phone comes"]),
    )
    def an_agent_does(self, name: str, what: str) -> None:
        agent, at = AgentId(name), self.now
        match what:
            case "in":
                self.tell(ev.AgentLogin(at, agent))
            case "out":
                self.tell(ev.AgentLogout(at, agent))
            case "pause":
                self.tell(ev.AgentPause(at, agent, "lunch"))
            case "ready":
                self.tell(ev.AgentReady(at, agent))
            case "own":
                self.asterisk.own.setdefault(agent, set()).add("x")
                self.asterisk.tell(ev.OwnCallStarted(at, agent, "x"))
            case "own ends":
                self.asterisk.own.get(agent, set()).discard("x")
                self.asterisk.tell(ev.OwnCallEnded(at, agent, "x"))
            case _:
                self.asterisk.reachable[agent] = what == "phone comes"
                self.asterisk.tell(ev.PhoneReachable(at, agent, what == "phone comes"))
        self.events_follow()

    @precondition(lambda self: self.core.engine.calls)
    @rule(data=st.data(), points=st.integers(-20, 20), segment=st.sampled_from([{}, {"segment": "vip"}]))
    def a_caller_is_known(self, data: st.DataObject, points: int, segment: dict[str, str]) -> None:
        call_id = data.draw(st.sampled_from(sorted(self.core.engine.calls)))
        self.tell(CallerKnown(self.now, call_id, "Ольга", points, segment))
        self.events_follow()

    @precondition(lambda self: self.core.engine.calls)
    @rule(data=st.data(), what=st.sampled_from(["points", "sales", "support", "nowhere", "a", "b", "c"]))
    def a_supervisor_orders(self, data: st.DataObject, what: str) -> None:
        engine = self.core.engine
        call_id = data.draw(st.sampled_from(sorted(engine.calls)))
        order: asked.CallPriority | asked.CallMoved | asked.CallPulled
        match what:
            case "points":
                order = asked.CallPriority(self.now, call_id, data.draw(st.integers(-20, 20)), "olga")
            case "a" | "b" | "c":
                order = asked.CallPulled(self.now, call_id, AgentId(what), "olga")
            case _:
                order = asked.CallMoved(self.now, call_id, QueueName(what), "olga")
        refused = engine.refusal(order)
        before = replace(engine.calls[call_id])
        self.tell(order)
        after = engine.calls[call_id]
        match order:
            case _ if refused is not None:
                assert after == before, f"{order} was refused and changed the call"
            case asked.CallPriority(priority=priority):
                assert after.priority == priority
            case asked.CallMoved(queue=queue):
                assert after.queue == queue
            case asked.CallPulled(agent_id=agent_id):
                assert after.offer_id is not None and engine.offers[after.offer_id].agent_id == agent_id
        self.events_follow()

    def _one(self, data: st.DataObject, *verbs: str, **more: tuple[str, ...]) -> Caller:
        return data.draw(st.sampled_from(sorted(self._in(*verbs, **more), key=lambda one: one.call)))

    # -- time ---------------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.5, 2.0, 6.0, 11.0, 26.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        """Timers fire in their order, each at its time, and Asterisk is looked at as the node does."""
        until = self.now + seconds
        while (due := self.next_due())[0] <= until:
            due_at, name = due
            self.now = max(self.now, due_at)
            if name == SWEEP:
                self.asterisk_is_swept()
                continue
            del self.timers[name]
            self.tell(ev.TimerDue(self.now, name))
        self.now = until
        self.asterisk.pass_time(self.now)
        self.events_follow()

    def next_due(self) -> tuple[float, str]:
        sweep_at = self.swept_at + (AGAIN_S if self.look_wanted else SWEEP_S)
        return min([(sweep_at, SWEEP), *((due_at, name) for name, due_at in self.timers.items())])

    def asterisk_is_swept(self) -> None:
        """A look among events: a caller whom only one side knows is left for the next one."""
        self.swept_at, self.look_wanted = self.now, False
        if not self.asterisk.linked:
            return
        self.asterisk.pass_time(self.now)
        self.events_follow()
        seen = self.asterisk.picture(self.now)
        known, there = set(self.core.engine.calls), set(self.asterisk.callers)
        one_sided = (known ^ there) - self.doubtful
        calls = tuple(call for call in seen.calls if call.call_id not in one_sided)
        unsure = frozenset(one_sided & known)
        self.doubtful, self.look_wanted = one_sided, bool(one_sided)
        self.tell_as_it_is(replace(seen, calls=calls, asked_at=self.now - SETTLE_S, unsure=unsure))

    @precondition(lambda self: self.timers)
    @rule(data=st.data())
    def a_timer_fires_early_and_a_dead_one_late(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.timers)))
        del self.timers[name]
        self.tell(ev.TimerDue(self.now, name))
        self.tell(ev.TimerDue(self.now, "ring:of-nobody"))

    # -- the link -----------------------------------------------------------------------------------------------

    @rule()
    def the_link_lags_or_catches_up(self) -> None:
        self.lagging = not self.lagging
        self.events_follow()

    @precondition(lambda self: self.asterisk.events)
    @rule(how_many=st.integers(1, 8))
    def events_arrive(self, how_many: int) -> None:
        for _ in range(min(how_many, len(self.asterisk.events))):
            self.tell(self.asterisk.events.pop(0))

    @precondition(lambda self: self.asterisk.events)
    @rule()
    def an_event_arrives_twice(self) -> None:
        event = self.asterisk.events.pop(0)
        self.tell(event)
        self.tell(event)

    @precondition(lambda self: len(self.asterisk.events) > 1)
    @rule(data=st.data())
    def events_arrive_mixed(self, data: st.DataObject) -> None:
        self.blurred = True
        some, self.asterisk.events = self.asterisk.events[:4], self.asterisk.events[4:]
        for event in data.draw(st.permutations(some)):
            self.tell(event)

    @precondition(lambda self: self.asterisk.events)
    @rule()
    def an_event_is_lost(self) -> None:
        self.blurred = True
        self.asterisk.events.pop(0)

    @rule(what=st.sampled_from(["breaks", "breaks", "is read", "is read", "restarts", "daemon is killed", "fallback"]))
    def trouble(self, what: str) -> None:
        match what:
            case "breaks":
                self.the_link_breaks()
            case "is read":
                self.asterisk_is_read()
            case "restarts":
                self.asterisk.restart()
                self.asterisk_is_read(restarted=True)
            case "daemon is killed":
                self.the_daemon_is_killed_and_starts_again()
            case _:
                self.callers_fall_back()

    @rule(which=st.sampled_from(PLANS))
    def the_configuration_is_read_again(self, which: str) -> None:
        """And Asterisk is looked at, as the daemon does. What was already so changes nothing."""
        self.tell(ev.Reconfigured(self.now, _plan(self.limits, which)))
        if which == self.plan:
            assert self.told[-1] == [], f"the same plan again: {self.told[-1]}"
        self.plan = which
        if self.asterisk.linked:
            self.asterisk_is_read()

    def the_link_breaks(self) -> None:
        """Events and orders are lost from now on."""
        if self.asterisk.linked:
            self.blurred = True
            self.asterisk.linked = False
            self.asterisk.events.clear()
            self.tell(ev.NodeLost(self.now, NODE))

    def callers_fall_back(self) -> None:
        """The dialplan takes all who are on hold to the native queue."""
        for caller in self._in("hold"):
            self.asterisk.fall_back(caller, self.now)
        self.events_follow()

    def asterisk_is_read(self, restarted: bool = False) -> None:
        """By a daemon whose link is back, or that only looks: unheard of beforehand is then what came since."""
        if self.asterisk.linked and not restarted:
            self.asterisk_is_swept()
            return
        self.asterisk.begin()
        self.swept_at = self.now
        self.tell(self.asterisk.picture(self.now, restarted))

    def the_daemon_is_killed_and_starts_again(self) -> None:
        """Nothing is left to the new one but the records and what Asterisk shows."""
        self.blurred = True
        records = tuple(
            fold(facts) for facts in self.journal.values() if not any(one.fact is Fact.ENDED for one in facts)
        )
        folded = [fold(facts) for facts in self.journal.values()]
        left = sorted((one for one in folded if one.outcome in LEFT), key=lambda one: one.ended_at or 0.0)
        here = [agent.spec.id for agent in self.core.engine.desk.agents.values() if agent.logged_in]
        self.asterisk.events.clear()
        self._new_daemon()
        self.tell(ev.Restored(self.now, records, tuple(left)))
        for agent in here:
            self.tell(ev.AgentLogin(self.now, agent))
        self.asterisk.linked = False
        self.asterisk_is_read()

    # -- what must hold -----------------------------------------------------------------------------------------

    @invariant()
    def join_times_never_change(self) -> None:
        for call in self.core.engine.calls.values():
            if call.queue is not None:
                assert self.joined.setdefault(call.id, call.joined_at) == call.joined_at
                assert call.joined_at <= call.entered_at

    @invariant()
    def nobody_is_past_the_limit_for_no_reason(self) -> None:
        """Who has waited too long is at somebody's phone, out of reach, or its timer is about to come."""
        engine = self.core.engine
        for call in engine.calls.values():
            spec = engine.plan.queues.get(call.queue) if call.queue else None
            if spec is None or call.phase is not CallPhase.WAITING or not call.at_home or call.hung_up is not None:
                continue
            assert deadline(call, spec) > self.log_at() or f"limit:{call.id}" in self.timers

    @invariant()
    def nobody_waits_in_a_queue_that_is_gone(self) -> None:
        """But who cannot be moved."""
        engine = self.core.engine
        for call in engine.calls.values():
            if call.phase is CallPhase.WAITING and call.queue is not None and call.queue not in engine.plan.queues:
                assert not call.at_home or call.hung_up is not None, f"{call.id} waits in {call.queue}"

    @invariant()
    def who_is_gone_is_only_finishing_a_call(self) -> None:
        engine = self.core.engine
        for agent in engine.desk.agents.values():
            if agent.spec.id not in engine.plan.agents:
                assert not agent.logged_in and (agent.call_id or agent.offer_id), f"{agent.spec.id} is still here"
        assert set(engine.plan.agents) <= set(engine.desk.agents)

    @invariant()
    def what_a_caller_was_told_grows_only_with_a_cause(self) -> None:
        self.promises.keep(self.core, self.log_at())

    @invariant()
    def the_journal_is_the_book(self) -> None:
        for record in self.core.book.live():
            assert list(record.events) == self.journal[record.id]

    @invariant()
    def a_wrap_up_has_a_timer(self) -> None:
        for agent in self.core.engine.desk.agents.values():
            assert (agent.wrap_until is not None) == (f"wrap:{agent.spec.id}" in self.timers)

    @invariant()
    def every_state_has_its_timers(self) -> None:
        rules.every_state_has_its_timers(self.core, self.log_at(), self.timers)

    @invariant()
    def the_ready_are_known(self) -> None:
        desk = self.core.engine.desk
        ready = {one.spec.id for one in desk.agents.values() if agent_state(one, self.log_at()) is AgentState.READY}
        assert set(desk.ready) == ready

    @invariant()
    def timers_are_about_something_that_lives(self) -> None:
        engine = self.core.engine
        for name in self.timers:
            kind, _, rest = name.partition(":")
            alive: dict[str, Callable[[], bool]] = {
                "ring": lambda rest=rest: rest in engine.offers,
                "wrap": lambda rest=rest: engine.desk.agents[AgentId(rest)].wrap_until is not None,
                "rest": lambda rest=rest: rest in engine.desk.agents,
                "doubt": lambda rest=rest: rest == NODE,
            }
            of_call = rest.partition(":")[0] in engine.calls
            assert alive.get(kind, lambda of_call=of_call: of_call)(), f"{name} outlived its reason"

    def log_at(self) -> float:
        """When the brain last heard anything."""
        return self.log[-1].at if self.log else self.now

    def minute(self) -> None:
        """In steps, so that what the dialplan does by itself comes at its time."""
        for _ in range(20):
            self.pass_time(MINUTE_S / 20)

    def the_brain_knows_what_is(self) -> None:
        """Of every caller and every agent, a minute after the last loss."""
        engine, there = self.core.engine, self.asterisk.callers
        assert set(engine.calls) == set(there)
        for caller in there.values():
            call = engine.calls[caller.call]
            match caller.verb, caller.leg:
                case "connect", "bridged":
                    assert call.phase is CallPhase.TALKING, f"{call.id} talks and is {call.phase}"
                case "connect", "dialled" if engine.desk.agents.keys().isdisjoint(caller.legs().values()):
                    # rung at an agent who has left the plan since: the dialplan says how that ends
                    assert call.phase in rules.IN_OFFER or not call.at_home
                case "connect", "dialled" | "answered":
                    assert call.phase in rules.IN_OFFER, f"{call.id} is dialled for and is {call.phase}"
                    assert {one.id for one in engine.shop.offers_of(call)} == set(caller.legs())
                case "hold" | "fallback", _:
                    assert call.phase is CallPhase.WAITING, f"{call.id} waits and is {call.phase}"
        for agent in engine.desk.agents.values():
            rung = [one.call for one in there.values() if agent.spec.id in one.legs().values()]
            taken = [one for one in (agent.call_id, agent.offer_id and engine.offers[agent.offer_id].call_id) if one]
            assert taken == rung, f"{agent.spec.id} is with {taken}, and really with {rung}"
            assert agent.reachable is self.asterisk.reachable[agent.spec.id]
            assert agent.own_channels == self.asterisk.own.get(agent.spec.id, set())

    def teardown(self) -> None:
        """Everybody goes home, and nothing may be left."""
        self.lagging = False
        self.deliver_all()
        if not self.asterisk.linked:
            self.asterisk_is_read()
        self.minute()
        self.the_brain_knows_what_is()
        for caller in list(self.asterisk.callers.values()):
            self.asterisk.hang_up(caller, self.now)
        if not self.heard_to_go:
            self.asterisk.events.clear()
        self.deliver_all()
        self.minute()
        assert not self.core.engine.calls and not self.core.engine.offers
        self.pass_time(HOUR_S)
        engine = self.core.engine
        assert not engine.calls and not engine.offers and not self.timers
        for agent in engine.desk.agents.values():
            state = agent_state(agent, self.now)
            assert state not in (AgentState.OFFERED, AgentState.TALKING, AgentState.WRAP_UP), f"{agent.spec.id} {state}"
        for call, facts in self.journal.items():
            assert [one.fact for one in facts].count(Fact.ENDED) == 1, f"{call} has not exactly one outcome"
            assert all(offer.result is not None for offer in fold(facts).offers), f"{call} has an open offer"
        header = read_header(header_line(Header("run", 1, 1, Recipe(self.began_with))))
        again = Core.of(header.recipe, draws)
        told = zip(self.log, self.told, strict=True)
        for heard in [read_event(event_line(n, event, came)) for n, (event, came) in enumerate(told, 1)]:
            came = again.handle(heard.event)
            assert came == self.told[heard.n - 1] and digest(came) == heard.commands


TestBrain = BrainMachine.TestCase
TestBrain.settings = settings(
    max_examples=100,
    stateful_step_count=50,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to shrink a run of fifty steps takes minutes
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
