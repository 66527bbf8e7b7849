"""What no key can tell alone: rules between queues, agents and tokens.

The rules read the raw text, not the models, so that they speak in the same run as the schema does; whatever
the schema refuses anyway they pass over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from acd.config.schema import Settings
from acd.config.shape import nearest
from acd.config.source import Path, Source, dotted, shown
from acd.errors import RequirementError
from acd.numbers import normalise
from acd.queues.possible import some_call
from acd.queues.requirements import Requirement, parse

Rule = Callable[[Source], Iterator[str]]


def broken_rules(source: Source) -> list[str]:
    """Every rule that the configuration breaks, a sentence each."""
    return [problem for rule in RULES for problem in rule(source)]


def _texts(source: Source, section: str, key: str) -> Iterator[tuple[Path, str]]:
    """`key` of every element of `section`, where it is text."""
    for path, element in source.entries(section):
        if isinstance(element, dict) and isinstance(element.get(key), str):
            yield (*path, key), element[key]


def _repeated(
    source: Source,
    values: Iterator[tuple[Path, str]],
    what: str,
    fix: str,
    same: Callable[[str], str] = str,
) -> Iterator[str]:
    """Values that occur again; two are the same when `same` makes them equal."""
    first: dict[str, Path] = {}
    for path, text in values:
        earlier = first.setdefault(same(text), path)
        if earlier == path:
            continue
        where = f"{dotted(earlier)} ({source.origin(earlier)})"
        given = what if path[-1] == "sha256" else f"{what} {shown(text)}"
        yield source.problem(path, f"{given} is already at {where}; {fix}")


def _dids_once(source: Source) -> Iterator[str]:
    dids = (
        (path, text)
        for queue, _ in source.entries("queues")
        for path, text in source.entries(*queue, "dids")
        if isinstance(text, str)
    )
    # Trunks deliver a number with the + or without; to routing it is one number.
    yield from _repeated(source, dids, "number", "keep it in one queue, once", lambda did: did.lstrip("+"))


def _numbers_are_dialled(source: Source) -> Iterator[str]:
    """What is said of a number that no queue has would never be heard."""
    dids = [text for queue, _ in source.entries("queues") for _, text in source.entries(*queue, "dids")]
    known = {text.lstrip("+"): text for text in dids if isinstance(text, str)}
    for path, _ in source.entries("numbers"):
        number = str(path[-1])
        if number.lstrip("+") not in known:
            what = f"no queue has this number among its dids{_meant(number, list(known.values()))}"
            yield source.problem(path, f"{what}; add it to a queue, or leave this out")


def _known_numbers_once(source: Source) -> Iterator[str]:
    region = source.at("default_country")
    region = region if isinstance(region, str) else str(Settings.model_fields["default_country"].default)
    numbers = ((path, str(path[-1])) for path, _ in source.entries("numbers"))
    yield from _repeated(source, numbers, "number", "say it once", lambda number: number.lstrip("+"))
    callers = ((path, str(path[-1])) for path, _ in source.entries("callers"))
    yield from _repeated(source, callers, "caller", "say it once", lambda number: normalise(number, region))


def _endpoints_once(source: Source) -> Iterator[str]:
    endpoints = _texts(source, "agents", "endpoint")
    yield from _repeated(source, endpoints, "endpoint", "give each agent a phone of their own")


def _names_once(source: Source) -> Iterator[str]:
    for section in ("asterisk", "tokens"):
        yield from _repeated(source, _texts(source, section, "name"), "name", "give each a name of its own")
    yield from _repeated(source, _texts(source, "tokens", "sha256"), "this token", "create a token for each")


def _bound_agents_exist(source: Source) -> Iterator[str]:
    agents = [str(path[-1]) for path, _ in source.entries("agents")]
    for path, agent in _texts(source, "tokens", "agent"):
        if agent not in agents:
            yield source.problem(path, f"no agent {shown(agent)}{_meant(agent, agents)}")


def _overflow_leads_somewhere(source: Source) -> Iterator[str]:
    queues = [str(path[-1]) for path, _ in source.entries("queues")]
    next_queue: dict[str, str] = {}
    for path, _ in source.entries("queues"):
        name, target = str(path[-1]), source.at(*path, "overflow", "queue")
        if target is None:
            did = source.at(*path, "overflow", "did")
            target = next((str(q[-1]) for q, _ in source.entries("queues") if _has_did(source, q, did)), None)
            if target is None and isinstance(did, str):
                what = f"no queue has the number {shown(did)}; write it among a queue's dids, or name the queue"
                yield source.problem((*path, "overflow", "did"), what)
        if not isinstance(target, str):
            continue
        if target in queues:
            next_queue[name] = target
        else:
            what = f"no queue {shown(target)}{_meant(target, queues)}"
            yield source.problem((*path, "overflow", "queue"), what)
    for cycle in _cycles(next_queue):
        way = " -> ".join((*cycle, cycle[0]))
        yield source.problem(
            ("queues", cycle[0], "overflow"),
            f"calls would go round for ever ({way}); let one of these end otherwise",
        )


def _has_did(source: Source, queue: Path, did: Any) -> bool:
    return isinstance(did, str) and any(_same_did(text, did) for _, text in source.entries(*queue, "dids"))


def _same_did(one: Any, other: str) -> bool:
    return isinstance(one, str) and one.lstrip("+") == other.lstrip("+")


def _cycles(following: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """Each cycle once, from its first member in the order of the file."""
    seen: set[str] = set()
    for start in following:
        way: list[str] = []
        name: str | None = start
        while name is not None and name not in seen:
            seen.add(name)
            way.append(name)
            name = following.get(name)
        if name in way:
            yield tuple(way[way.index(name) :])


def _every_queue_can_be_served(source: Source) -> Iterator[str]:
    everyone = _everyones_skills(source)
    if everyone is None:
        return
    for path, queue in source.entries("queues"):
        wanted = _requirements(source, path) if isinstance(queue, dict) else None
        if not wanted or any(some_call(step, skills) for step in wanted for skills in everyone):
            continue
        yield source.problem((*path, "require"), _unserved(wanted, everyone))


def _everyones_skills(source: Source) -> list[dict[str, int]] | None:
    """Skill levels of every agent; None when some are not fit to be read."""
    everyone = []
    for _, agent in source.entries("agents"):
        skills = agent.get("skills") if isinstance(agent, dict) else None
        if not isinstance(agent, dict) or not isinstance(skills, dict | None):
            return None
        try:
            everyone.append({name: int(level) for name, level in (skills or {}).items()})
        except (TypeError, ValueError):
            return None
    return everyone


def _requirements(source: Source, queue: Path) -> list[Requirement] | None:
    """The queue's `require` and those of its relax steps; None when one is not fit to be read."""
    texts = [source.at(*queue, "require")]
    texts += [source.at(*path, "require") for path, _ in source.entries(*queue, "relax")]
    try:
        return [parse(text) if isinstance(text, str) else parse("") for text in texts]
    except RequirementError:
        return None


def _unserved(wanted: list[Requirement], everyone: list[dict[str, int]]) -> str:
    if not everyone:
        return "nobody can serve this queue, for there are no agents; write some under `agents`"
    known = sorted(set().union(*everyone))
    lacking = sorted(set().union(*(step.skills() for step in wanted)) - set(known))
    hints = [f"no agent has {name}{_meant(name, known)}" for name in lacking]
    said = "; ".join([f"nobody can serve this queue: no agent satisfies {' nor '.join(map(str, wanted))}", *hints])
    return f"{said}; give an agent the skills, or ask for less"


def _meant(word: str, known: list[str]) -> str:
    hint = nearest(word, known)
    if hint is not None:
        return f"; did you mean {shown(hint)}?"
    return f"; known: {', '.join(known[:20])}" if known else ""


RULES: Final[tuple[Rule, ...]] = (
    _dids_once,
    _numbers_are_dialled,
    _known_numbers_once,
    _endpoints_once,
    _names_once,
    _bound_agents_exist,
    _overflow_leads_somewhere,
    _every_queue_can_be_served,
)
