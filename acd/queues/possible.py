"""Whether an agent is one for a queue at all, whatever the call: attributes are known only when it comes."""

from __future__ import annotations

from collections.abc import Mapping

from acd.queues.requirements import AllOf, AnyOf, Anyone, Attribute, Not, Requirement, Skill


def some_call(requirement: Requirement, skills: Mapping[str, int]) -> bool:
    """Whether there may be a call for which an agent with these skill levels satisfies the requirement."""
    return _can_be(requirement, skills)[0]


def _can_be(requirement: Requirement, skills: Mapping[str, int]) -> tuple[bool, bool]:
    """Whether it can be (true, false) for an agent with these skills, over all the calls there may be."""
    match requirement:
        case Attribute():
            return True, True
        case Not(inner):
            can_hold, can_fail = _can_be(inner, skills)
            return can_fail, can_hold
        case AllOf(parts):
            each = [_can_be(part, skills) for part in parts]
            return all(hold for hold, _ in each), any(fail for _, fail in each)
        case AnyOf(parts):
            each = [_can_be(part, skills) for part in parts]
            return any(hold for hold, _ in each), all(fail for _, fail in each)
        case Anyone() | Skill():
            holds = requirement.satisfied_by(skills)
            return holds, not holds
    raise AssertionError(requirement)
