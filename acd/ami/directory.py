"""What the dialplan must know to carry out what agents dial without asking us: whose number is whose.

Kept in Asterisk's global variables, so that agents reach each other and the queues while no daemon runs:
`ACD_PHONE_<agent id>` is what to dial, `ACD_LINE_<number>` names the queue. Only ids of digits can be dialled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from acd.queues.model import Plan

MAX_DIGITS = 20  # as many as the dialplan's patterns take
BATCH_BYTES = 900  # of one header's value; Asterisk reads lines of 1,024


def directory(plan: Plan) -> dict[str, str]:
    """Global variable -> its value."""
    phones = {f"ACD_PHONE_{agent.id}": agent.endpoint for agent in plan.agents.values() if _can_be_dialled(agent.id)}
    lines = {f"ACD_LINE_{did.lstrip('+')}": queue.name for queue in plan.queues.values() for did in queue.dids}
    return {**phones, **lines}


def batches(variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """`Variable` and `Value` headers of the Setvar actions that set them all; no value holds a comma."""
    for batch in _batched(variables.items()):
        yield f"ARRAY({','.join(name for name, _ in batch)})", ",".join(value for _, value in batch)


def _batched(items: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    batch: list[tuple[str, str]] = []
    size = 0
    for name, value in items:
        longer = max(len(name), len(value)) + 1
        if batch and size + longer > BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append((name, value))
        size += longer
    if batch:
        yield batch


def _can_be_dialled(agent_id: str) -> bool:
    return agent_id.isascii() and agent_id.isdecimal() and len(agent_id) <= MAX_DIGITS
