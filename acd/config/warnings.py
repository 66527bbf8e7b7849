"""What is allowed and probably not meant, or not yet carried out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from acd.config.schema import DEFAULT_SECRET, Queue, Settings
from acd.config.shape import nearest

NOT_YET: Final = (
    "queues.*.strategy",
    "queues.*.overflow",
    "queues.*.max_waiting",
    "queues.*.max_wait_s",
    "queues.*.sticky_s",
    "queues.*.resume_place_s",
    "queues.*.prefer",
    "queues.*.divert_above_s",
    "queues.*.nobody",
    "numbers",
    "callers",
    "agents.*.language",
    "agents.*.confirm",
    "agents.*.soft_cap_calls",
    "records.retention_days",
)
"""Keys that are accepted and checked, and that this version does not carry out."""

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


def warnings(settings: Settings) -> list[str]:
    """Everything worth a second look, a sentence each."""
    return [*_safety(settings), *_not_yet(settings), *_unlikely(settings)]


def _safety(settings: Settings) -> Iterator[str]:
    for index, node in enumerate(settings.asterisk):
        if node.secret.get_secret_value() == DEFAULT_SECRET:
            yield (
                f"asterisk[{index}]: the secret is still the sample's {DEFAULT_SECRET}; "
                "choose one of your own in manager.conf and here"
            )
    if settings.http.host not in LOOPBACK:
        yield (
            f"http.host: {settings.http.host} can be reached from the network and the API speaks plain HTTP; "
            "put a TLS proxy in front"
        )
    if not settings.tokens:
        yield "tokens: none, so nobody can use the API; make one with `acd token create`"


def _not_yet(settings: Settings) -> Iterator[str]:
    for pattern in NOT_YET:
        for path in _changed(settings, pattern.split("."), ""):
            yield f"{path}: accepted, takes effect in a later version"


def _changed(section: Any, steps: list[str], path: str) -> Iterator[str]:
    """The paths that match `steps` and whose value is not the default."""
    step, *rest = steps
    if step == "*":
        for key, element in section.items():
            yield from _changed(element, rest, f"{path}.{key}")
        return
    value = getattr(section, step)
    here = f"{path}.{step}".lstrip(".")
    if rest:
        yield from _changed(value, rest, here)
    elif value != type(section).model_fields[step].get_default(call_default_factory=True):
        yield here


def _unlikely(settings: Settings) -> Iterator[str]:
    skills = {skill for agent in settings.agents.values() for skill in agent.skills}
    for name, queue in settings.queues.items():
        if not queue.dids and not _is_overflow(settings, name):
            yield f"queues.{name}.dids: none, so no call can come here; write the dialled numbers"
        for skill in sorted(_named(queue) - skills):
            hint = nearest(skill, skills)
            meant = f"; did you mean {hint}?" if hint else ""
            yield f"queues.{name}: no agent has the skill {skill}{meant}"


def _named(queue: Queue) -> frozenset[str]:
    return queue.require.skills().union(*(step.require.skills() for step in queue.relax))


def _is_overflow(settings: Settings, name: str) -> bool:
    return any(q.overflow is not None and q.overflow.queue == name for q in settings.queues.values())
