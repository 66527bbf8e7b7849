"""The tables of states, and the page that is made from them."""

from __future__ import annotations

import pytest

from acd.lab.consequences import consequence
from acd.lab.states import PAGE, page
from acd.queues import owners
from acd.queues.corrections import SENTENCES, Correction
from acd.queues.model import (
    Agent,
    AgentId,
    AgentSpec,
    AgentState,
    Backoff,
    Call,
    CallId,
    CallPhase,
    OfferId,
    OfferResult,
)
from acd.queues.states import AGENT_RULES, TRANSITIONS, IllegalMove, agent_state, move

AT = 1_800_000_000.0


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "docs/states.md is stale: run `make states`"


def test_the_page_shows_every_state_and_every_change() -> None:
    text = page()
    for source, targets in TRANSITIONS.items():
        for target, why in targets.items():
            assert f"| `{source}` | `{target}` | {why} |" in text
    assert all(f"`{state}`" in text for state in AgentState)


def test_every_state_has_an_owner() -> None:
    assert set(owners.CALLS) == set(CallPhase) - {CallPhase.ENDED}
    assert set(owners.AGENTS) == set(AgentState)
    rows = (*owners.CALLS.values(), *owners.AGENTS.values(), *owners.OFFERS, *owners.OTHERS)
    assert all(row.owner and row.until and row.freed for row in rows)
    assert all(phase == row.state for phase, row in owners.CALLS.items())
    assert all(state == row.state for state, row in owners.AGENTS.items())


def test_every_correction_is_told_in_words() -> None:
    assert set(SENTENCES) == set(Correction)


def test_every_phase_is_in_the_table_and_can_be_reached_and_left() -> None:
    assert set(TRANSITIONS) == set(CallPhase)
    reached = {target for targets in TRANSITIONS.values() for target in targets}
    assert reached == set(CallPhase)
    assert [phase for phase, targets in TRANSITIONS.items() if not targets] == [CallPhase.ENDED]


@pytest.mark.parametrize("source", CallPhase)
@pytest.mark.parametrize("target", CallPhase)
def test_a_call_moves_as_the_table_says_and_not_otherwise(source: CallPhase, target: CallPhase) -> None:
    call = Call(CallId("c1"), "main", "1", "2", "", AT, phase=source)
    if target in {source, *TRANSITIONS[source]}:
        move(call, target)
        assert call.phase is target
    else:
        with pytest.raises(IllegalMove):
            move(call, target)
        assert call.phase is source


def anna() -> Agent:
    return Agent(AgentSpec(AgentId("1001"), "Анна", "PJSIP/1001", {}), logged_in=True)


def test_an_agent_with_nothing_to_say_is_ready() -> None:
    assert agent_state(anna(), AT) is AgentState.READY


def test_the_first_rule_that_holds_wins() -> None:
    """Made true one after the other from the last rule up, each hides those below it."""
    agent = anna()
    seen = []
    for change in (
        {"rest_until": AT + 1},
        {"own_channels": {"PJSIP/1001-1"}},
        {"reachable": False},
        {"wrap_until": AT + 5},
        {"pause_reason": "lunch"},
        {"logged_in": False},
        {"offer_id": OfferId("c1.1")},
        {"call_id": CallId("c1")},
    ):
        for name, value in change.items():
            setattr(agent, name, value)
        seen.append(agent_state(agent, AT))
    assert seen == [rule.state for rule in reversed(AGENT_RULES)]


def test_a_rest_ends_by_itself() -> None:
    agent = anna()
    agent.rest_until = AT + 1
    assert (agent_state(agent, AT), agent_state(agent, AT + 1)) == (AgentState.BUSY, AgentState.READY)


def test_what_an_offer_leads_to_is_what_the_brain_does() -> None:
    refused, unanswered = consequence(OfferResult.REFUSED), consequence(OfferResult.NO_ANSWER)
    assert (refused.elsewhere_s, refused.again_s) == (0.0, Backoff().refused_pair_s)
    assert (refused.state, refused.missed) == (AgentState.READY, False)
    assert (unanswered.missed, unanswered.in_the_end) == (True, AgentState.PAUSED)
