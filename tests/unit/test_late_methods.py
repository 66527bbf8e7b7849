"""Methods of dataclasses that are compiled late do what they would have done."""

from __future__ import annotations

import json
import subprocess
import sys

SCRIPT = """
import json, sys
if sys.argv[1] == "late":
    from acd import late_methods
    late_methods.begin()
import dataclasses
from dataclasses import dataclass, field

@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = field(default=0, compare=False)

@dataclass(frozen=True, slots=True)
class Place(Point):
    name: str = ""

@dataclass
class Loose:
    parts: list = field(default_factory=list)

@dataclass(order=True)
class Ordered:
    n: int

def outcome(act):
    try:
        return repr(act())
    except Exception as error:
        return f"{type(error).__name__}: {error}"

def turns_in_itself():
    loose = Loose()
    loose.parts.append(loose)
    return loose

print(json.dumps([outcome(act) for act in 2 * [
    lambda: Point(), lambda: Point(1, z=2), lambda: Point(y=2, x=1), lambda: Point(1, 2, 3), lambda: Loose(parts=[2]),
    lambda: Point(1), lambda: Place(1, 2, "here"), turns_in_itself,
    lambda: Point(1, 2) == Point(1, 3), lambda: Point(1) == Place(1), lambda: Point(1) == 1,
    lambda: Point(1) != Point(2),
    lambda: Place(1, name="a") == Place(1, name="b"), lambda: Loose([1]) == Loose([1]),
    lambda: hash(Point(1, 2)) == hash(Point(1, 3)), lambda: len({Point(1), Point(1), Place(1)}), lambda: hash(Loose()),
    lambda: setattr(Point(1), "x", 2), lambda: setattr(Place(1), "x", 2), lambda: delattr(Place(1), "name"),
    lambda: setattr(Place(1), "z", 2), lambda: Ordered(1) < Ordered(2), lambda: dataclasses.replace(Point(1), x=3),
    lambda: Point.__eq__.__qualname__, lambda: Place.__hash__.__name__, lambda: Place.__repr__.__qualname__,
]]))
"""


def said(how: str) -> list[str]:
    ran = subprocess.run([sys.executable, "-c", SCRIPT, how], check=True, capture_output=True, text=True)
    return list(json.loads(ran.stdout))


def test_they_do_what_the_librarys_do() -> None:
    assert said("late") == said("as they are")


def test_what_was_called_once_is_the_librarys_own_from_then_on() -> None:
    script = """
from acd import late_methods
late_methods.begin()
from dataclasses import dataclass
@dataclass(frozen=True, slots=True)
class Point:
    x: int
def theirs(name):
    return getattr(Point, name).__code__.co_filename == "<string>"
names = ("__init__", "__eq__", "__hash__")
print(*map(theirs, names))
{Point(1), Point(1)}
print(*map(theirs, names))
"""
    ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert ran.stdout.split("\n")[:2] == ["False False False", "True True True"]
