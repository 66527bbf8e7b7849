"""Whether an agent is one for a queue at all, before the call is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.queues.possible import some_call
from acd.queues.requirements import parse


@pytest.mark.parametrize(
    ("expression", "can"),
    [
        ("anyone", True),
        ("not anyone", False),
        ("en >= 5", True),
        ("en >= 6", False),
        ("ru", False),
        ("not ru", True),
        ('language == "en" and en', True),
        ('language == "en" and ru', False),
        ('language == "en" or ru', True),
        ('not language == "en" and en', True),
        ('not (language == "en" or en)', False),
    ],
)
def test_for_one_who_speaks_english(expression: str, can: bool) -> None:
    assert some_call(parse(expression), {"en": 5}) is can


LEAVES = st.sampled_from(["a", "b >= 2", "not a", 'x == "1"', 'not y == "2"', "anyone"])
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda one, word, two: f"({one}) {word} not ({two})", inner, st.sampled_from(["and", "or"]), inner
    ),
    max_leaves=8,
)


@given(EXPRESSIONS, st.dictionaries(st.sampled_from("ab"), st.integers(0, 3)))
def test_nobody_is_ruled_out_who_satisfies_it_for_some_call(expression: str, skills: dict[str, int]) -> None:
    requirement = parse(expression)
    calls = ({"x": x, "y": y} for x in "123" for y in "123")
    if any(requirement.satisfied_by(skills, call) for call in calls):
        assert some_call(requirement, skills)
