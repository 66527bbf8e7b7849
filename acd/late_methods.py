"""Dataclasses whose methods are compiled when they are first called, not when their module is imported.

The standard library writes six methods of a frozen dataclass as a text and compiles each. That was a sixth of a start,
which imports two hundred such classes, and most of it is never called before the daemon is ready, if at all. Here all
of them wait until somebody calls them; what they do is the library's own, as it would have made them.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

LATE = frozenset({"__init__", "__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__"})
_PARAMETERS = ["name", "args", "body", "globals", "locals", "return_type"]


def begin() -> None:
    """From now on, where the library makes them as it does in the versions this was written for."""
    library: Any = dataclasses
    make = getattr(library, "_create_fn", None)
    if make is not None and list(inspect.signature(make).parameters) == _PARAMETERS:
        library._create_fn = _late(make)


def _late(make: Callable[..., Callable[..., Any]]) -> Callable[..., Callable[..., Any]]:
    def create(name: str, *args: Any, **more: Any) -> Callable[..., Any]:
        if name not in LATE:
            return make(name, *args, **more)
        made: Callable[..., Any] | None = None

        def method(self: Any, *given: Any, **named: Any) -> Any:
            nonlocal made
            if made is None:
                made = make(name, *args, **more)
                made.__qualname__ = method.__qualname__
                _put(type(self), name, method, made)
            return made(self, *given, **named)

        method.__name__ = name
        return method

    return create


def _put(cls: type, name: str, method: Callable[..., Any], made: Callable[..., Any]) -> None:
    """In place of `method` in the class that has it, so that it costs no second call from now on."""
    for owner in cls.__mro__:
        if owner.__dict__.get(name) is method:
            setattr(owner, name, made)
