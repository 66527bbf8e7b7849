"""A copy of a frozen record with some fields changed, seven times as fast as `dataclasses.replace`.

Every fact of every call makes such copies: through `__init__`, field by field, they were a third of what a decision
cost.
"""

from __future__ import annotations

from typing import TypeVar

Record = TypeVar("Record")


def replace(record: Record, **changes: object) -> Record:
    """As `dataclasses.replace`, for frozen dataclasses that have neither slots nor a `__post_init__`.

    TypeError for a field that is not there.
    """
    copy = object.__new__(type(record))
    object.__setattr__(copy, "__dict__", vars(record).copy())
    return amend(copy, **changes)


def amend(record: Record, **changes: object) -> Record:
    """The same record, changed: only for a copy that has just been made and that nobody else has seen.

    TypeError for a field that is not there.
    """
    values = vars(record)
    fields = len(values)
    values.update(changes)
    if len(values) != fields:
        raise TypeError(f"{type(record).__name__} has not all of {sorted(changes)}")
    return record
