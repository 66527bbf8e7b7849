"""What is allowed and probably not meant, or not yet carried out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from acd.config.schema import DEFAULT_SECRET, Agent, Queue, Settings
from acd.config.shape import nearest
from acd.numbers import normalise
from acd.queues.about import ATTRIBUTES
from acd.queues.possible import some_call
from acd.queues.requirements import AllOf, AnyOf, Attribute, Not, Requirement

NOT_YET: Final = ("agents.*.language",)
"""Keys that are accepted and checked, and that this version does not carry out."""

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


def warnings(settings: Settings) -> list[str]:
    """Everything worth a second look, a sentence each."""
    return [*_safety(settings), *_not_yet(settings), *_unlikely(settings), *_never_true(settings), *_starving(settings)]


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
    return frozenset[str]().union(*(wanted.skills() for wanted in _wanted(queue)))


def _wanted(queue: Queue) -> list[Requirement]:
    return [queue.require, *(step.require for step in queue.relax)]


def _never_true(settings: Settings) -> Iterator[str]:
    """Comparisons with what no call is."""
    known = [*settings.numbers.values(), *settings.callers.values()]
    languages = {settings.language, *(about.language for about in known if about.language is not None)}
    for name, queue in settings.queues.items():
        for asked in dict.fromkeys(one for wanted in _wanted(queue) for one in _asked(wanted)):
            problem = _never(asked, languages, settings)
            if problem:
                yield f"queues.{name}: {asked}: {problem}"


def _asked(requirement: Requirement) -> Iterator[Attribute]:
    """The comparisons with what is known of the call."""
    match requirement:
        case Attribute():
            yield requirement
        case Not(inner):
            yield from _asked(inner)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from _asked(part)


def _never(asked: Attribute, languages: set[str], settings: Settings) -> str:
    """Why no call can be what is asked; empty when one can, or a CRM may say so."""
    region, known = settings.default_country, (*ATTRIBUTES, *settings.crm.attributes)
    match asked.name:
        case "did" if asked.text.startswith("+"):
            return "dialled numbers are compared without the +; leave it out"
        case "number" if normalise(asked.text, region) != asked.text:
            return f"callers' numbers are compared as {normalise(asked.text, region)}; write that"
        case "language" if asked.text not in languages and settings.crm.url is None:
            return (
                f"no call's language is that; say so under numbers or callers (known: {', '.join(sorted(languages))})"
            )
        case name if name not in known:
            hint = nearest(name, known)
            meant = f"did you mean {hint}?" if hint else f"known are {', '.join(known)}"
            return f"a call has no {name}; {meant}"
    return ""


def _starving(settings: Settings) -> Iterator[str]:
    """Queues whose calls never grow older, beside others that go first and share their agents."""
    known = max([0, *(about.priority for about in (*settings.numbers.values(), *settings.callers.values()))])
    for name, queue in settings.queues.items():
        if queue.ageing_per_min > 0:
            continue
        others = [
            rival for rival, other in settings.queues.items() if rival != name and _goes_first(settings, other, queue)
        ]
        if others or known > 0:
            before = f"those of {', '.join(others[:5])}" if others else "those of numbers and callers with priority"
            yield (
                f"queues.{name}.ageing_per_min: 0, so its calls wait for as long as there are {before}; "
                "write 1 or more, so that nobody starves"
            )


def _goes_first(settings: Settings, other: Queue, queue: Queue) -> bool:
    """Whether calls of `other` come before those of `queue`, sooner or later, at an agent who serves both."""
    if other.priority <= queue.priority and other.ageing_per_min == 0:
        return False
    return any(_serves(agent, other) and _serves(agent, queue) for agent in settings.agents.values())


def _serves(agent: Agent, queue: Queue) -> bool:
    return any(some_call(wanted, agent.skills) for wanted in _wanted(queue))


def _is_overflow(settings: Settings, name: str) -> bool:
    return any(q.overflow is not None and q.overflow.queue == name for q in settings.queues.values())
