"""The brain's own values as plain JSON data and back: events, commands, the plan, whatever they are made of.

Nothing is listed here: the shapes are read off the dataclasses' own annotations, so a new event, or a new field of
one, is carried without an edit. Exact both ways: `read(type(value), write(value)) == value`. What is read is checked
against the annotations, for it may come from anywhere; a field that is missing takes its default.

A dataclass is an object of its fields, those at their default left out; an enum is its value, a requirement its text,
a set a sorted list.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

from acd.errors import RequirementError, Unreadable
from acd.queues.requirements import Requirement, parse

Reader = Callable[[Any], Any]

_SCALARS = frozenset({str, int, float, bool, type(None)})
_ABSENT = object()


def write(value: Any) -> Any:
    """The value as what `json.dumps` takes. TypeError for one that is made of anything else."""
    kind = type(value)
    if kind in _SCALARS:
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Requirement):
        return str(value)
    if isinstance(value, tuple | list):
        return [write(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): write(held) for key, held in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(write(one) for one in value)
    return _write_fields(kind, value)


def _write_fields(kind: type, value: Any) -> dict[str, Any]:
    written = {}
    for name, default in _defaults(kind):
        held = getattr(value, name)
        if held is default or (held == default and type(held) is type(default)):
            continue
        written[name] = held if type(held) in _SCALARS else write(held)
    return written


@cache
def _defaults(kind: type) -> tuple[tuple[str, Any], ...]:
    """Each field with its default, or with what equals nothing; those that follow from the others are not carried."""
    if not is_dataclass(kind):
        raise TypeError(f"{kind.__name__} is nothing the brain is made of")
    return tuple((field.name, _default_of(field)) for field in fields(kind) if field.init)


def _default_of(field: Any) -> Any:
    if field.default is not MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not MISSING else _ABSENT


def read(kind: Any, data: Any) -> Any:
    """The value of this type; Unreadable says where and why it is none."""
    return _reader(kind)(data)


@cache
def _reader(kind: Any) -> Reader:
    """How a value of the annotated type is read."""
    origin, parts = get_origin(kind), get_args(kind)
    if isinstance(kind, NewType):
        return _reader(kind.__supertype__)
    if origin in (Union, types.UnionType):
        return _one_of(parts)
    if origin is tuple:
        return _list_of(parts[0]) if parts[1:] == (...,) else _row_of(parts)
    if origin is frozenset:
        every = _list_of(parts[0])
        return lambda data: frozenset(every(data))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping_of(*parts)
    if kind in _SCALARS:
        return _scalar(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enum(kind)
    if kind is Requirement:
        return _requirement
    if isinstance(kind, type) and is_dataclass(kind):
        return _object(kind)
    raise TypeError(f"{kind} cannot be read back")


def _scalar(*kinds: type) -> Reader:
    wanted = frozenset({int, *kinds} if float in kinds else kinds)

    def reader(data: Any) -> Any:
        if type(data) not in wanted:
            raise Unreadable(f"{_shown(data)} where {_name(kinds[0])} belongs")
        if type(data) is float and not math.isfinite(data):
            raise Unreadable("a number without end")
        return data

    return reader


def _one_of(kinds: tuple[Any, ...]) -> Reader:
    """Several scalars, or one thing of any kind that may be missing."""
    rest = [kind for kind in kinds if kind is not type(None)]
    if _SCALARS.issuperset(rest):
        return _scalar(*kinds)
    if len(rest) != 1:
        raise TypeError(f"{kinds} are told apart by nothing")
    one = _reader(rest[0])
    return lambda data: None if data is None else one(data)


def _list_of(kind: Any) -> Reader:
    one = _reader(kind)

    def reader(data: Any) -> Any:
        if not isinstance(data, list):
            raise Unreadable(f"{_shown(data)} where a list belongs")
        return tuple(_within(f"[{number}]", one, held) for number, held in enumerate(data))

    return reader


def _row_of(kinds: tuple[Any, ...]) -> Reader:
    readers = [_reader(kind) for kind in kinds]

    def reader(data: Any) -> Any:
        if not isinstance(data, list) or len(data) != len(readers):
            raise Unreadable(f"{_shown(data)} where a list of {len(readers)} belongs")
        return tuple(_within(f"[{n}]", one, held) for n, (one, held) in enumerate(zip(readers, data, strict=True)))

    return reader


def _mapping_of(key: Any, kind: Any) -> Reader:
    name, one = _reader(key), _reader(kind)

    def reader(data: Any) -> Any:
        if not isinstance(data, dict):
            raise Unreadable(f"{_shown(data)} where an object belongs")
        return {name(key): _within(f".{key}", one, held) for key, held in data.items()}

    return reader


def _enum(kind: type[Enum]) -> Reader:
    def reader(data: Any) -> Any:
        try:
            return kind(data)
        except ValueError:
            raise Unreadable(f"{_shown(data)} is no {kind.__name__}") from None

    return reader


def _requirement(data: Any) -> Requirement:
    if not isinstance(data, str):
        raise Unreadable(f"{_shown(data)} where a skill expression belongs")
    try:
        return parse(data)
    except RequirementError as error:
        raise Unreadable(f"{_shown(data)} is no skill expression: {error}") from None


def _object(kind: type) -> Reader:
    hints = get_type_hints(kind)
    readers = {name: _reader(hints[name]) for name, _ in _defaults(kind)}
    needed = [name for name, default in _defaults(kind) if default is _ABSENT]

    def reader(data: Any) -> Any:
        if not isinstance(data, dict):
            raise Unreadable(f"{_shown(data)} where an object belongs")
        if missing := [name for name in needed if name not in data]:
            raise Unreadable(f"{kind.__name__} lacks {missing[0]}")
        if unknown := [name for name in data if name not in readers]:
            raise Unreadable(f"{kind.__name__} has no {_shown(unknown[0])}")
        return kind(**{name: _within(f".{name}", readers[name], held) for name, held in data.items()})

    return reader


def _within(where: str, reader: Reader, data: Any) -> Any:
    try:
        return reader(data)
    except Unreadable as error:
        raise Unreadable(error.why, where + error.where) from None


def _shown(data: Any) -> str:
    return repr(data)[:60] if type(data) in _SCALARS else _name(type(data))


def _name(kind: type) -> str:
    names = {
        str: "text",
        int: "an integer",
        float: "a number",
        bool: "true or false",
        list: "a list",
        dict: "an object",
    }
    return names.get(kind, "null")
