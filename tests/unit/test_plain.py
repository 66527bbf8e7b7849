"""The brain's values as plain data: exact both ways, for every event there is, and strict about what is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, NewType, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acd.errors import Unreadable
from acd.ivr.core import Recipe
from acd.queues import events as ev
from acd.queues import plain
from acd.queues.model import Plan, Relaxation
from acd.queues.requirements import Requirement, parse
from tests.playbooks.words import SALES, agent, plan, queue

EVENTS = get_args(ev.Event)

SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=8),
    int: st.integers(-5, 5),
    float: st.sampled_from([0, 0.0, 1.5, 1_700_000_000.123456, -3, 1e-9]),
    bool: st.booleans(),
    type(None): st.none(),
    Requirement: st.sampled_from(["sales >= 1", "not ru", 'language == "ru" or anyone']).map(parse),
}


@cache
def values(kind: Any) -> st.SearchStrategy[Any]:
    """Small values of an annotated type."""
    origin, parts = get_origin(kind), get_args(kind)
    if isinstance(kind, NewType):
        return values(kind.__supertype__)
    if kind in SCALARS:
        return SCALARS[kind]
    if origin is tuple:
        return st.lists(values(parts[0]), max_size=2).map(tuple) if ... in parts else st.tuples(*map(values, parts))
    if origin is frozenset:
        return st.frozensets(values(parts[0]), max_size=2)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return st.dictionaries(values(parts[0]), values(parts[1]), max_size=2)
    if parts:
        return st.one_of(*map(values, parts))
    if issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    hints = get_type_hints(kind)
    return st.builds(kind, **{field.name: values(hints[field.name]) for field in fields(kind) if field.init})


def through_json(value: Any) -> Any:
    return plain.read(type(value), json.loads(json.dumps(plain.write(value), allow_nan=False)))


def every_kind(kind: Any, seen: set[type]) -> set[type]:
    """The dataclasses that a dataclass is made of, itself included."""
    if is_dataclass(kind) and isinstance(kind, type) and kind not in seen:
        seen.add(kind)
        for hint in get_type_hints(kind).values():
            every_kind(hint, seen)
    for part in get_args(kind):
        every_kind(part, seen)
    return seen


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_every_event_is_read_back_as_it_was(kind: type) -> None:
    @settings(max_examples=25, deadline=None)
    @given(values(kind))
    def exact(event: Any) -> None:
        assert through_json(event) == event

    exact()


def test_every_event_class_is_in_the_union_of_events() -> None:
    """One that is not could neither be handled nor replayed."""
    parts = set().union(*(every_kind(kind, set()) for kind in EVENTS))
    defined = {kind for kind in vars(ev).values() if isinstance(kind, type) and kind.__module__ == ev.__name__}
    assert defined <= parts


@settings(max_examples=25, deadline=None)
@given(values(Recipe))
def test_a_recipe_is_read_back_as_it_was(recipe: Recipe) -> None:
    assert through_json(recipe) == recipe


def test_what_is_at_its_default_is_left_out() -> None:
    step = Relaxation(30, parse("sales >= 1"))
    assert plain.write(step) == {"after_s": 30, "require": "sales >= 1"}
    written = plain.write(plan([agent("1001", sales=5)], [queue("sales", "sales >= 1", SALES)]))
    assert written["queues"]["sales"] == {"name": "sales", "require": "sales >= 1", "dids": [SALES]}


def test_a_number_keeps_its_kind() -> None:
    """1 and 1.0 are equal and are not the same command."""
    for at in (5, 5.0):
        assert type(through_json(ev.Stopping(at)).at) is type(at)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ([], "a list where an object belongs"),
        ({}, "CallerLeft lacks at"),
        ({"at": 1.0, "call_id": 7}, "call_id: 7 where text belongs"),
        ({"at": "1", "call_id": "c"}, "at: '1' where a number belongs"),
        ({"at": True, "call_id": "c"}, "at: True where a number belongs"),
        ({"at": float("inf"), "call_id": "c"}, "at: a number without end"),
        ({"at": 1.0, "call_id": "c", "reconciled": 1}, "reconciled: 1 where true or false belongs"),
        ({"at": 1.0, "call_id": "c", "x\n": 1}, r"CallerLeft has no 'x\\n'"),
    ],
)
def test_what_is_no_event_is_said_with_its_place(data: Any, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        plain.read(ev.CallerLeft, data)


def test_a_fault_deep_inside_is_found() -> None:
    good = plain.write(plan([agent("1001", sales=5)], [queue("sales", "sales >= 1", SALES, relax={30: "ru"})]))
    good["queues"]["sales"]["relax"][0]["require"] = "sales >="
    with pytest.raises(Unreadable, match=r"^queues.sales.relax\[0\].require: 'sales >=' is no skill expression"):
        plain.read(Plan, good)
    with pytest.raises(Unreadable, match="where a list of 2 belongs"):
        plain.read(
            ev.NodeRead,
            {"at": 1, "node": "", "restarted": False, "calls": [], "reachable": [], "own_channels": [["a"]]},
        )
    with pytest.raises(Unreadable, match="is no Side"):
        plain.read(ev.PartyHungUp, {"at": 1, "call_id": "c", "side": {}})


def test_what_is_no_value_of_the_brain_is_refused() -> None:
    @dataclass(frozen=True)
    class Odd:
        what: object

    with pytest.raises(TypeError):
        plain.write(object())
    with pytest.raises(TypeError):
        plain.read(Odd, {"what": 1})
