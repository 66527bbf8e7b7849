"""The tree of a skill expression: plain frozen data that can be compared, hashed, printed, asked and
explained.

What is missing makes its comparison false, whatever the operator: an agent without the skill `x` fails `x
>= 3`, `x < 3` and `x != 3` alike, and therefore passes `not x >= 3`. Expressions are read in
`acd.queues.requirements`.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

OPERATORS: Final = MappingProxyType(
    {
        ">=": operator.ge,
        "<=": operator.le,
        "==": operator.eq,
        "!=": operator.ne,
        ">": operator.gt,
        "<": operator.lt,
    }
)
"""What may stand between a name and a value, two-character operators first."""

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


def _holds(have: Any, op: str, wanted: Any) -> bool:
    return have is not None and bool(OPERATORS[op](have, wanted))


class Requirement(ABC):
    """An expression that an agent with given skills satisfies for a call with given attributes, or not."""

    __slots__ = ()

    @abstractmethod
    def satisfied_by(self, skills: Mapping[str, int], attributes: Mapping[str, str] = _NOTHING) -> bool:
        """Whether an agent with these skill levels may take a call with these attributes."""

    @abstractmethod
    def skills(self) -> frozenset[str]:
        """Names of the skills whose levels matter."""

    @abstractmethod
    def explain(self, skills: Mapping[str, int], attributes: Mapping[str, str] = _NOTHING) -> str:
        """What is wanting, in words: the first comparison that failed (of an `or`, each alternative's).

        Empty when the requirement is satisfied.
        """


@dataclass(frozen=True, slots=True)
class Anyone(Requirement):
    """Asks for nothing."""

    def satisfied_by(self, skills: Mapping[str, int], attributes: Mapping[str, str] = _NOTHING) -> bool:
        return True

    def skills(self) -> frozenset[str]:
        return frozenset()

    def explain(self, skills: Mapping[str, int], attributes: Mapping[str, str] = _NOTHING) -> str:
        return ""

    def __str__(self) -> str:
        return "anyone"


@dataclass(frozen=True, slots=True)
class Skill(Requirement):
    """`name op level` over the agent's skills."""

    name: str
    op: str
    level: int

    def satisfied_by(self, skills: Mapping[str, int], attributes: Mapping[str, str] = _NOTHING) -> bool:
        level = skills.get(self.name)
        return _holds(level, self.op, self.level)

    def skills(self) -> frozenset[str]:
        return frozenset({self.name})

    def explain(self, skills: Mapping[str, int], attributes: Mapping[str, str] = _NOTHING) -> str:
        if self.satisfied_by(skills, attributes):
            return ""
        level = skills.get(self.name)
        return f"{self} is required, {self.name} is {'missing' if level is None else level}"

    def __str__(self) -> str:
        return f"{self.name} {self.op} {self.level}"


@dataclass(frozen=True, slots=True)
class Attribute(Requirement):
    """`name op "text"` over the call's attributes."""

    name: str
    op: str
    text: str

    def satisfied_by(self, skills: Mapping[str, int], attributes: Mapping[str, str] = _NOTHING) -> bool:
        value = attributes.get(self.name)
        return _holds(value, self.op, self.text)

    def skills(self) -> frozenset[str]:
        return frozenset()

    def explain(self, skills: Mapping[str, int], attributes: Mapping[str, str] = _NOTHING) -> str:
        if self.satisfied_by(skills, attributes):
            return ""
        value = attributes.get(self.name)
        return f"{self} is required, the call's {self.name} is {'unknown' if value is None else repr(value)}"

    def __str__(self) -> str:
        quote = "'" if '"' in self.text else '"'
        return f"{self.name} {self.op} {quote}{self.text}{quote}"


@dataclass(frozen=True, slots=True)
class Not(Requirement):
    """True when its inner requirement is not satisfied, a missing skill included."""

    inner: Requirement

    def satisfied_by(self, skills: Mapping[str, int], attributes: Mapping[str, str] = _NOTHING) -> bool:
        return not self.inner.satisfied_by(skills, attributes)

    def skills(self) -> frozenset[str]:
        return self.inner.skills()

    def explain(self, skills: Mapping[str, int], attributes: Mapping[str, str] = _NOTHING) -> str:
        return "" if self.satisfied_by(skills, attributes) else f"{self} is required"

    def __str__(self) -> str:
        return f"not {_bracketed(self.inner, AllOf, AnyOf)}"


@dataclass(frozen=True, slots=True)
class AllOf(Requirement):
    """Every part holds. An `AllOf` directly within another is spliced in: equal meanings are equal trees."""

    parts: tuple[Requirement, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", _spliced(AllOf, self.parts))

    def satisfied_by(self, skills: Mapping[str, int], attributes: Mapping[str, str] = _NOTHING) -> bool:
        return all(part.satisfied_by(skills, attributes) for part in self.parts)

    def skills(self) -> frozenset[str]:
        return frozenset().union(*(part.skills() for part in self.parts))

    def explain(self, skills: Mapping[str, int], attributes: Mapping[str, str] = _NOTHING) -> str:
        return next((why for part in self.parts if (why := part.explain(skills, attributes))), "")

    def __str__(self) -> str:
        return " and ".join(_bracketed(part, AnyOf) for part in self.parts)


@dataclass(frozen=True, slots=True)
class AnyOf(Requirement):
    """At least one part holds. An `AnyOf` directly within another is spliced in."""

    parts: tuple[Requirement, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", _spliced(AnyOf, self.parts))

    def satisfied_by(self, skills: Mapping[str, int], attributes: Mapping[str, str] = _NOTHING) -> bool:
        return any(part.satisfied_by(skills, attributes) for part in self.parts)

    def skills(self) -> frozenset[str]:
        return frozenset().union(*(part.skills() for part in self.parts))

    def explain(self, skills: Mapping[str, int], attributes: Mapping[str, str] = _NOTHING) -> str:
        reasons = [part.explain(skills, attributes) for part in self.parts]
        return "; ".join(reasons) if all(reasons) else ""

    def __str__(self) -> str:
        return " or ".join(str(part) for part in self.parts)


def _spliced(kind: type[AllOf] | type[AnyOf], parts: tuple[Requirement, ...]) -> tuple[Requirement, ...]:
    flat: list[Requirement] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, AllOf | AnyOf) and type(part) is kind else (part,))
    return tuple(flat)


def _bracketed(part: Requirement, *kinds: type[Requirement]) -> str:
    return f"({part})" if isinstance(part, kinds) else str(part)
