"""The index and the plain way: the same events lead to the same commands, whatever the plan and whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from random import Random
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from acd.queues import commands as cmd
from acd.queues import events as ev
from acd.queues import ladder, lanes, pools
from acd.queues.book import Book
from acd.queues.decisions import told
from acd.queues.engine import Engine
from acd.queues.figures import DayFigures
from acd.queues.journey import Fact
from acd.queues.model import (
    AgentId,
    AgentSpec,
    CallId,
    OfferResult,
    Plan,
    Prefer,
    QueueName,
    QueueSpec,
    Relaxation,
)
from acd.queues.pools import Pools, attributes_named
from acd.queues.requirements import Requirement, parse
from acd.queues.strategies import STRATEGIES
from tests import reference
from tests.properties.test_requirements import ATTRIBUTES, SKILLS, TREES

START = 1_700_000_000.0
REQUIREMENTS = st.sampled_from(
    [
        "anyone",
        "s >= 1",
        "s >= 3",
        "t >= 1",
        "s >= 1 or t >= 2",
        "not s >= 2",
        "s >= 1 and language == 'ru'",
        "language == 'en' or t >= 1",
        "language != 'ru' and t >= 1 and not s == 3",
    ]
).map(parse)
LEVELS = st.dictionaries(st.sampled_from("st"), st.integers(0, 4))


@st.composite
def queues(draw: st.DrawFn, name: str) -> QueueSpec:
    steps = draw(st.lists(REQUIREMENTS, max_size=2))
    return QueueSpec(
        QueueName(name),
        draw(REQUIREMENTS),
        frozenset({name}),
        tuple(Relaxation(5.0 * (number + 1), step) for number, step in enumerate(steps)),
        priority=draw(st.sampled_from([0, 0, 1, 2.5])),
        ageing_per_min=draw(st.sampled_from([1, 1, 0, 0.3, 7])),
        wrap_up_s=draw(st.sampled_from([0, 3])),
        missed_limit=0,
        strategy=draw(st.sampled_from(list(STRATEGIES))),
        prefer=draw(st.sampled_from(Prefer)),
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    lines = [draw(queues(name)) for name in "12"]
    agents = [
        AgentSpec(
            AgentId(name), name, f"PJSIP/{name}", draw(LEVELS), soft_cap_calls=draw(st.sampled_from([0, 1, 2, 100]))
        )
        for name in draw(st.lists(st.sampled_from("abcdef"), min_size=1, unique=True))
    ]
    return Plan({one.name: one for one in lines}, {one.id: one for one in agents})


@dataclass(frozen=True)
class Happens:
    """Something, to the `which`th of those it can happen to; `much` is what it takes."""

    what: str
    which: int
    much: float


WHATS = [
    *["enters"] * 6,
    *["is served"] * 6,
    *["ready", "fails", "time passes", "is tuned"] * 3,
    *["login", "connects", "talk ends", "logout", "pause", "leaves", "away", "held", "hangs up", "is held for"],
    *["link lost", "day begins"],
    *["another plan", "phone seen"] * 2,
]
HAPPENINGS = st.builds(
    Happens, st.sampled_from(WHATS), st.integers(0, 50), st.sampled_from([0.0, 0.3, 1.0, 2.0, 5.0, 10.0])
)
FAILURES = [OfferResult.REFUSED, OfferResult.REFUSED, OfferResult.NO_ANSWER, OfferResult.BUSY, OfferResult.ERROR]


class Twin:
    """One of two brains that are told the same."""

    def __init__(self, make: type[Engine], plans: list[Plan]) -> None:
        self.engine = make(plans[0], Book(DayFigures({})), draw=Random(7).randrange)
        self.plans = plans
        self.calls = 0

    def event(self, happens: Happens, at: float) -> ev.Event:
        engine, which, much = self.engine, happens.which, happens.much
        agent = list(engine.desk.agents)[which % len(engine.desk.agents)]
        call = list(engine.calls)[which % len(engine.calls)] if engine.calls else CallId("none")
        offer = list(engine.offers)[which % len(engine.offers)] if engine.offers else "none"
        match happens.what:
            case "enters":
                self.calls += 1
                did = "112"[which % 3]
                return ev.CallEntered(at, CallId(f"c{self.calls}"), "main", did, "7916", "Иван", at - much)
            case "login":
                return ev.AgentLogin(at, agent)
            case "logout":
                return ev.AgentLogout(at, agent)
            case "pause":
                return ev.AgentPause(at, agent, "lunch")
            case "ready":
                return ev.AgentReady(at, agent)
            case "fails":
                return ev.OfferEnded(at, offer, FAILURES[which % len(FAILURES)])  # type: ignore[arg-type]
            case "connects":
                return ev.Connected(at, offer)  # type: ignore[arg-type]
            case "talk ends":
                return ev.TalkEnded(at, offer)  # type: ignore[arg-type]
            case "leaves":
                return ev.CallerLeft(at, call)
            case "away":
                return ev.CallAway(at, call)
            case "held":
                return ev.CallHeld(at, call)
            case "hangs up":
                return ev.PartyHungUp(at, call, "caller")  # type: ignore[arg-type]
            case "link lost":
                return ev.NodeLost(at, "main")
            case "another plan":
                return ev.Reconfigured(at, self.plans[which % len(self.plans)])
            case "phone seen":
                return ev.PhoneReachable(at, agent, reachable=True)
            case "day begins":
                return ev.DayBegan(at, at - much)
            case _:
                self._tune(happens, agent, call, at)
                return ev.TimerDue(at, "retry:now")

    def _tune(self, happens: Happens, agent: AgentId, call_id: CallId, at: float) -> None:
        """What orders from outside will do to a call."""
        self.engine._shop.alarms.set("retry:now", at)
        call = self.engine.calls.get(call_id)
        if call is None:
            return
        if happens.what == "is tuned":
            call.priority = happens.much
            call.attributes = {"language": ["ru", "en"][happens.which % 2]}
        elif happens.what == "is held for":
            call.only = agent
            call.only_until = at + happens.much if happens.which % 2 else None
        self.engine._shop.changed(call)


def without_why(commands: list[cmd.Command]) -> list[cmd.Command]:
    """The commands, offers without what made them."""
    return [
        cmd.Journal(replace(fact, data={key: fact.data[key] for key in ("offer_id", "agent")}))
        if isinstance(command, cmd.Journal) and (fact := command.event).fact is Fact.OFFERED
        else command
        for command in commands
    ]


def decided(commands: list[cmd.Command]) -> list[tuple[str, int, list[str]]]:
    """What the decisions say: the call, how many could have had it, and in which order."""
    made = [told(command.event) for command in commands if isinstance(command, cmd.Journal)]
    return [(one.call_id, one.ready, [who.agent for who in one.candidates]) for one in made if one is not None]


def one_by_one(happenings: list[Happens]) -> Iterator[Happens]:
    """All agents log in, and what is made of more than one event is taken apart."""
    yield from (Happens("login", number, 0.0) for number in range(6))
    for happens in happenings:
        if happens.what == "is served":
            for what in ("connects", "time passes", "talk ends"):
                yield replace(happens, what=what)
        else:
            yield happens


@settings(max_examples=300, deadline=None)
@given(st.lists(plans(), min_size=1, max_size=3), st.lists(HAPPENINGS, min_size=15, max_size=80), st.booleans())
def test_the_index_offers_what_the_plain_way_offers(plans: list[Plan], happenings: list[Happens], tight: bool) -> None:
    """Also when all limits of the index are so low that it is cut and forgotten all the time."""
    with ExitStack() as low:
        for module, limit in ((lanes, "LANES_LIMIT"), (lanes, "BOUND_LIMIT"), (ladder, "RUNG"), (pools, "TIERS_LIMIT")):
            low.enter_context(patch.object(module, limit, 2 if tight else getattr(module, limit)))
        the_same_comes_of(plans, happenings)


def the_same_comes_of(plans: list[Plan], happenings: list[Happens]) -> None:
    ours, plain = Twin(Engine, plans), Twin(reference.PlainEngine, plans)
    assert isinstance(plain.engine, reference.PlainEngine)
    at = START
    for happens in one_by_one(happenings):
        if happens.what == "time passes":
            at += happens.much
            continue
        came = ours.engine.handle(ours.event(happens, at))
        plain.engine.decided.clear()
        assert without_why(came) == plain.engine.handle(plain.event(happens, at))
        assert decided(came) == plain.engine.decided
        in_order = [call.id for call in reference.line(ours.engine, at)]
        assert [call.id for call in ours.engine.matcher.line(at)] == in_order
        assert [ours.engine.matcher.position(call_id, at) for call_id in in_order] == list(range(1, len(in_order) + 1))


@given(TREES, st.lists(SKILLS, max_size=5), ATTRIBUTES)
def test_a_pool_holds_exactly_the_satisfied(
    tree: Requirement, skills: list[dict[str, int]], about: dict[str, str]
) -> None:
    agents = [AgentSpec(AgentId(str(number)), "", "", levels) for number, levels in enumerate(skills)]
    pool = Pools(agents).of(tree, about)
    assert [bool(pool >> number & 1) for number in range(len(agents))] == [
        tree.satisfied_by(levels, about) for levels in skills
    ]
    named = {name: value for name, value in about.items() if name in attributes_named(tree)}
    assert Pools(agents).of(tree, named) == pool
