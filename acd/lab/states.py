"""Draws docs/states.md from the tables of the brain, so that page and program cannot disagree.

`python -m acd.lab.states` (`make states`) writes the page; a test says when it is stale.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from acd.lab.consequences import FAILURES, IN_A_ROW, Consequence, consequence
from acd.queues import owners
from acd.queues.corrections import SENTENCES
from acd.queues.model import AgentState, CallPhase
from acd.queues.states import AGENT_RULES, TRANSITIONS

PAGE = Path(__file__).parents[2] / "docs" / "states.md"

_HEAD = """\
# States

Made by `make states` from the tables in [acd/queues/states.py](../acd/queues/states.py); do not edit this page.
"""

_CALLS = """\
## A call

Every call is in one of these phases, from its entry to its one outcome. In whatever way an offer fails, the call is
back in `waiting` with the join time it had, and so at its old place. A change that is not in this table is refused by
the program itself.
"""

_AGENTS = """\
## An agent

The state that a supervisor sees follows from what is known of the agent: the first of these rules that is true says it.
So there is nothing to get out of step, and a phone that comes back, a pause that ends or a call that is over shows what
was hidden behind it.
"""


_OFFERS = """\
## An offer that fails

Found by letting the brain live through each of these, with default settings: with a second agent who is free, and with
nobody else.
"""

_OWNERS = """\
## Who sees to it that it ends

Every state ends by a timer of ours, by an event of a channel in Asterisk, or by a person. Should the event be lost, a
look at Asterisk finds it: soon where something had to follow at once, else within `ami.sweep_s` (25 s) and two more.
The table is [acd/queues/owners.py](../acd/queues/owners.py); why so is in [decisions/0019](decisions/0019-looks.md).
"""

_CORRECTIONS = """\
## What a look puts right

Each is a fact `reconciled` in the call's journey, a line in the log, and counted: `acd_corrections_total{what="..."}`.
"""


def page() -> str:
    """The whole page."""
    calls = [_CALLS, *_call_diagram(), "", *_call_table(), ""]
    agents = [_AGENTS, *_agent_table(), ""]
    offers = [_OFFERS, *_offer_table(), ""]
    owned = [_OWNERS, *_owner_table(), ""]
    return "\n".join([_HEAD, *calls, *agents, *offers, *owned, _CORRECTIONS, *_correction_table(), ""])


def _call_diagram() -> Iterator[str]:
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {CallPhase.WAITING}: enters"
    for source, targets in TRANSITIONS.items():
        for target, why in targets.items():
            yield f"    {source} --> {target}: {_short(why)}"
        if not targets:
            yield f"    {source} --> [*]"
    yield "```"


def _short(why: str) -> str:
    """As much as has room on an arrow."""
    return why.partition(":")[0]


def _call_table() -> Iterator[str]:
    rows = ((source, target, why) for source, targets in TRANSITIONS.items() for target, why in targets.items())
    return _table(("from", "to", "when"), ((f"`{source}`", f"`{target}`", why) for source, target, why in rows))


def _agent_table() -> Iterator[str]:
    rules = [(f"the agent {rule.when}", f"`{rule.state}`") for rule in AGENT_RULES]
    return _numbered_table(("when", "state"), [*rules, ("none of these", f"`{AgentState.READY}`")])


def _offer_table() -> Iterator[str]:
    places = ("it rings at another", "or there again")
    head = ("the offer ends", "the agent is", *places, "a missed call", f"the agent after {IN_A_ROW} in a row")
    return _table(head, (_offer_row(consequence(result)) for result in FAILURES))


def _offer_row(seen: Consequence) -> tuple[str, ...]:
    places = (_when(seen.elsewhere_s), _when(seen.again_s))
    return f"`{seen.result}`", f"`{seen.state}`", *places, "yes" if seen.missed else "no", f"`{seen.in_the_end}`"


def _when(after_s: float | None) -> str:
    if after_s is None:
        return "when the agent is ready again"
    return f"after {after_s:g} s" if after_s else "at once"


def _owner_table() -> Iterator[str]:
    rows = [("a call that is", owner) for owner in owners.CALLS.values()]
    rows += [("an agent who is", owner) for owner in owners.AGENTS.values()]
    rows += [("", owner) for owner in (*owners.OFFERS, *owners.OTHERS)]
    return _table(("state", "owner", "until", "freed by", "timers"), (_owner_row(*row) for row in rows))


def _owner_row(of: str, owner: owners.Owner) -> tuple[str, ...]:
    state = f"{of} `{owner.state}`" if of else owner.state
    return state, owner.owner, owner.until, owner.freed, ", ".join(f"`{kind}`" for kind in owner.timers)


def _correction_table() -> Iterator[str]:
    return _table(("what", "it was found that"), ((f"`{what}`", sentence) for what, sentence in SENTENCES.items()))


def _numbered_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    return _table(("", *head), ((str(number), *row) for number, row in enumerate(rows, 1)))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield _row(head)
    yield "|" + "---|" * len(head)
    for row in rows:
        yield _row(row)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
