"""Skill expressions: what they accept, what they mean, what they say when they are wrong."""

from __future__ import annotations

import pytest

from acd.errors import RequirementError
from acd.queues.requirements import (
    MAX_DEPTH,
    MAX_LENGTH,
    AllOf,
    AnyOf,
    Anyone,
    Attribute,
    Not,
    Skill,
    is_name,
    parse,
)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("sales", Skill("sales", ">=", 1)),
        ("sales>=3", Skill("sales", ">=", 3)),
        ("anyone", Anyone()),
        ("ПРОДАЖИ and not b", AllOf((Skill("ПРОДАЖИ", ">=", 1), Not(Skill("b", ">=", 1))))),
        ("a or b and c", AnyOf((Skill("a", ">=", 1), AllOf((Skill("b", ">=", 1), Skill("c", ">=", 1)))))),
        ("(a OR b) And c", AllOf((AnyOf((Skill("a", ">=", 1), Skill("b", ">=", 1))), Skill("c", ">=", 1)))),
        ("language == 'ru'", Attribute("language", "==", "ru")),
        ('language != "ru"', Attribute("language", "!=", "ru")),
        ("a and (b and c)", AllOf((Skill("a", ">=", 1), Skill("b", ">=", 1), Skill("c", ">=", 1)))),
        ("not not a == 007", Not(Not(Skill("a", "==", 7)))),
    ],
)
def test_an_expression_is_read_as_written(text, tree):
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "skills", "satisfied"),
    [
        ("sales >= 3", {"sales": 3}, True),
        ("sales >= 3", {"sales": 2}, False),
        ("sales > 3", {"sales": 3}, False),
        ("sales < 3", {"sales": 2}, True),
        ("sales <= 3", {"sales": 4}, False),
        ("sales == 3", {"sales": 3}, True),
        ("sales != 3", {"sales": 3}, False),
        ("sales", {"sales": 0}, False),
        ("sales >= 3 and (ru >= 5 or en >= 8)", {"sales": 3, "en": 8}, True),
        ("sales >= 3 and (ru >= 5 or en >= 8)", {"sales": 3, "en": 7, "ru": 4}, False),
        ("anyone", {}, True),
    ],
)
def test_levels_decide(text, skills, satisfied):
    assert parse(text).satisfied_by(skills) is satisfied


@pytest.mark.parametrize("op", [">=", ">", "<=", "<", "==", "!="])
def test_a_missing_skill_fails_every_comparison_and_passes_its_negation(op):
    assert not parse(f"x {op} 3").satisfied_by({"y": 3})
    assert parse(f"not x {op} 3").satisfied_by({"y": 3})


def test_attributes_are_the_calls_and_a_missing_one_is_false():
    requirement = parse('language != "ru" and en')
    assert requirement.satisfied_by({"en": 1}, {"language": "de"})
    assert not requirement.satisfied_by({"en": 1}, {"language": "ru"})
    assert not requirement.satisfied_by({"en": 1})
    assert requirement.skills() == {"en"}


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 0, "anyone"),
        ("   ", 0, "anyone"),
        ("sales = 3", 6, "write =="),
        ("sales && en", 6, "write and"),
        ("sales >= ", 9, "the end"),
        ("sales >= high", 9, "number"),
        ("(sales", 6, "`)`"),
        ("sales)", 5, "the end"),
        ("sales en", 6, "`and`, `or`"),
        ("3 <= sales", 0, "a skill's name"),
        ("1 < sales < 3", 0, "a skill's name"),
        ("sales < 3 < 5", 10, "the end"),
        ('language >= "ru"', 9, "=="),
        ('language == "ru', 12, "partner"),
        ('a == "\x07"', 5, "printable"),
        ("sales >= 99999999", 9, "at most"),
        ("sales >= -1", 9, "means nothing"),
        ("__import__('os')", 10, "the end"),
        ("a;b", 1, "means nothing"),
        ("(" * 40 + "a" + ")" * 40, MAX_DEPTH, "nested"),
        ("not " * 40 + "a", 4 * MAX_DEPTH, "nested"),
        ("a or " * 300 + "a", MAX_LENGTH, "longer"),
    ],
)
def test_a_wrong_expression_names_the_place_and_the_way_out(text, position, words):
    with pytest.raises(RequirementError) as caught:
        parse(text)
    assert caught.value.position == position
    assert words in str(caught.value)


def test_an_expression_too_long_when_written_out_is_refused():
    with pytest.raises(RequirementError, match="written out"):
        parse("a or " * 150 + "a")


@pytest.mark.parametrize(
    ("text", "skills", "why"),
    [
        ("sales >= 3 and ru", {"sales": 2}, "sales >= 3 is required, sales is 2"),
        ("sales >= 3 and ru", {"sales": 3}, "ru >= 1 is required, ru is missing"),
        ("a or b", {"b": 0}, "a >= 1 is required, a is missing; b >= 1 is required, b is 0"),
        ("not a", {"a": 2}, "not a >= 1 is required"),
        ('language == "ru"', {}, 'language == "ru" is required, the call\'s language is unknown'),
        ("a or b", {"b": 1}, ""),
    ],
)
def test_explain_names_what_is_wanting(text, skills, why):
    assert parse(text).explain(skills) == why


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("sales", True),
        ("Продажи", True),
        ("_x1", True),
        ("and", False),
        ("Or", False),
        ("a-b", False),
        ("", False),
        ("1a", False),
        ("ａ", False),
        ("a" * 65, False),
    ],
)
def test_skill_names(name, good):
    assert is_name(name) is good
