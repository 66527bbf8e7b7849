"""Copies of frozen records."""

from __future__ import annotations

import dataclasses

import pytest

from acd.queues.frozen import amend, replace


@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    y: int = 0


def test_a_copy_differs_where_it_was_told_to_and_leaves_the_original():
    point = Point(1, 2)
    assert replace(point, y=5) == dataclasses.replace(point, y=5) == Point(1, 5)
    assert point == Point(1, 2)


def test_a_field_that_is_not_there_is_refused():
    with pytest.raises(TypeError, match="Point"):
        replace(Point(1), z=3)


def test_a_fresh_copy_is_changed_in_place():
    copy = replace(Point(1))
    assert amend(copy, x=7) is copy and copy == Point(7)
