"""Laws that hold for every skill expression there is."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from acd.errors import RequirementError
from acd.queues.requirements import AllOf, AnyOf, Anyone, Attribute, Not, Requirement, Skill, parse

NAMES = st.sampled_from(["sales", "ru", "en", "language", "Ёж", "_x"])
TEXTS = st.sampled_from(["ru", "", "d'or", 'a "b"', "\\"])
OPERATORS = st.sampled_from([">=", "<=", "==", "!=", ">", "<"])
LEAVES = st.one_of(
    st.just(Anyone()),
    st.builds(Skill, NAMES, OPERATORS, st.integers(0, 12)),
    st.builds(Attribute, NAMES, st.sampled_from(["==", "!="]), st.sampled_from(["ru", "", "d'or", 'a "b"', "\\"])),
)
TREES: st.SearchStrategy[Requirement] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: AllOf(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
    ),
    max_leaves=12,
)
SKILLS = st.dictionaries(NAMES, st.integers(0, 12))
ATTRIBUTES = st.dictionaries(NAMES, st.sampled_from(["ru", "", "d'or"]))
SCRAPS = st.lists(
    st.sampled_from(["and", "or", "not", "(", ")", "sales", ">=", "<", "==", "=", "5", '"ru"', "'", " ", "anyone"])
)


def oracle(tree: Requirement, skills: Mapping[str, int], attributes: Mapping[str, str]) -> bool:
    """The meaning again, by Python's own evaluation of the printed text, missing names aside."""

    class Lacking:
        __hash__ = None  # type: ignore[assignment]

        def _never(self, _other: object) -> bool:
            return False

        __ge__ = __gt__ = __le__ = __lt__ = __eq__ = __ne__ = _never  # type: ignore[assignment]

    def source(node: Requirement) -> str:
        match node:
            case Anyone():
                return "True"
            case Skill(name, op, level):
                return f"(S({name!r}) {op} {level})"
            case Attribute(name, op, text):
                return f"(A({name!r}) {op} {text!r})"
            case Not(inner):
                return f"(not {source(inner)})"
            case AllOf(parts):
                return "(" + " and ".join(map(source, parts)) + ")"
            case AnyOf(parts):
                return "(" + " or ".join(map(source, parts)) + ")"
        raise AssertionError(node)

    lacking = Lacking()
    scope = {"S": lambda name: skills.get(name, lacking), "A": lambda name: attributes.get(name, lacking)}
    return bool(eval(source(tree), scope))


@given(TREES)
def test_what_is_printed_reads_back_as_the_same_tree(tree):
    assert parse(str(tree)) == tree


@given(st.one_of(st.text(), SCRAPS.map(" ".join), SCRAPS.map("".join)))
def test_any_text_is_read_or_refused_and_nothing_else(text):
    with contextlib.suppress(RequirementError):
        tree = parse(text)
        assert parse(str(tree)) == tree


@given(TREES, SKILLS, ATTRIBUTES)
def test_evaluation_agrees_with_pythons_own(tree, skills, attributes):
    assert tree.satisfied_by(skills, attributes) is oracle(tree, skills, attributes)


@given(TREES, SKILLS, ATTRIBUTES)
def test_there_is_an_explanation_exactly_when_it_fails(tree, skills, attributes):
    assert bool(tree.explain(skills, attributes)) is not tree.satisfied_by(skills, attributes)


@given(TREES, SKILLS, st.integers(0, 12))
def test_skills_it_does_not_name_do_not_matter(tree, skills, level):
    more = {**skills, **{name: level for name in ("sales", "ru", "en") if name not in tree.skills()}}
    assert tree.satisfied_by(skills) is tree.satisfied_by(more)
