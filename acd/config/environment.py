"""The environment over the file: `ACD__QUEUES__SALES__RING_TIMEOUT_S=25` is `queues.sales.ring_timeout_s:
25`.

Two underscores go one level down, numbers count list elements from 0, letter case does not matter, and `_`
also stands for the `-` of a name that the file already has. A list or a section may be given whole, as a
YAML value: `ACD__QUEUES__SALES__DIDS='["74951234567"]'`. Secrets may be named as files:
`ACD__ASTERISK__0__SECRET_FILE=/run/x`.

This is done here and not by pydantic-settings because its source knows neither list indexes nor where a
value came from, and it passes over a misspelt name in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path as FilePath
from typing import Any, Final

from acd.config.shape import Place, nearest, place
from acd.config.source import Origin, Path, Source, parse_value

PREFIX: Final = "ACD__"
FILE_SUFFIX: Final = "_FILE"
MAX_SECRET_BYTES: Final = 64 * 1024


def overlay(source: Source, environ: Mapping[str, str]) -> None:
    """Lay every `ACD__*` variable over `source`, in order of depth; faults go to its `problems`."""
    names = [name for name in environ if name.upper().startswith(PREFIX)]
    for name in sorted(names, key=_order):
        try:
            _apply(source, name, environ[name], environ)
        except ValueError as error:
            source.problems.append(f"{name}: {error}")


def _order(name: str) -> list[tuple[int, str]]:
    """Shorter paths first, list elements in the order of their numbers."""
    steps = name.split("__")
    return [(len(steps), "")] + [(int(s), "") if _is_index(s) else (-1, s) for s in steps]


def _is_index(step: str) -> bool:
    return step.isascii() and step.isdigit() and len(step) <= 6


def _apply(source: Source, name: str, text: str, environ: Mapping[str, str]) -> None:
    steps = name[len(PREFIX) :].split("__")
    path, here = _path(source, steps)
    if here is None and name.upper().endswith(FILE_SUFFIX):
        path, here = _path(source, [*steps[:-1], steps[-1][: -len(FILE_SUFFIX)]])
        if here is not None:
            text = _from_file(here, name, text, environ)
    if here is None:
        raise ValueError(_unknown(source, steps))
    whole = here.is_section or here.is_mapping or here.is_list
    _put(source, path, parse_value(text) if whole else text, Origin(name))


def _from_file(here: Place, name: str, text: str, environ: Mapping[str, str]) -> str:
    plain = name[: -len(FILE_SUFFIX)]
    if not here.is_secret:
        raise ValueError(f"only secrets are read from files; set {plain}")
    if plain in environ:
        raise ValueError(f"{plain} is set as well; keep one of the two")
    try:
        with FilePath(text).open("rb") as stream:
            return stream.read(MAX_SECRET_BYTES).decode().strip()
    except OSError as error:
        raise ValueError(f"its file cannot be read ({error.strerror}); name a file that exists") from None
    except UnicodeDecodeError:
        raise ValueError("its file is not text in UTF-8") from None


def _path(source: Source, steps: list[str]) -> tuple[Path, Place | None]:
    """The path that the words of a variable's name mean, and the schema's place there (None: unknown)."""
    path: Path = ()
    here = place(())
    for word in steps:
        if here is None:
            break
        step = _step(source, path, here, word)
        path = (*path, step)
        here = here.inner(step)
    return path, here


def _step(source: Source, path: Path, here: Place, word: str) -> str | int:
    if here.is_list and _is_index(word):
        return int(word)
    if not here.is_mapping:
        return word.lower()
    present = source.at(*path)
    known = present if isinstance(present, dict) else {}
    return next((key for key in known if _alike(key) == _alike(word)), word.lower())


def _alike(word: str) -> str:
    return word.lower().replace("-", "_")


def _unknown(source: Source, steps: list[str]) -> str:
    """Why these words lead nowhere, and what was probably meant."""
    path: Path = ()
    here = place(())
    for word in steps:
        if here is None:
            break
        step = _step(source, path, here, word)
        inner = here.inner(step)
        if inner is None and here.keys:
            hint = nearest(word, here.keys)
            known = ", ".join(key.upper() for key in here.keys)
            return f"unknown key {word}; " + (f"did you mean {hint.upper()}?" if hint else f"known: {known}")
        if inner is None and here.is_list:
            return f"{word} is not a list element's number; count from 0"
        path, here = (*path, step), inner
    return "goes deeper than the configuration does"


def _put(source: Source, path: Path, value: Any, origin: Origin) -> None:
    """Set the value at `path`; what lies on the way is made where it is missing."""
    here: Any = source.raw
    for depth, (step, following) in enumerate(pairwise(path), start=1):
        inner = _get(here, step)
        if inner is None:
            inner = [] if isinstance(following, int) else {}
            _set(here, step, inner)
            source.origins[path[:depth]] = origin
        here = inner
    _set(here, path[-1], value)
    _drop_origins(source, path)
    source.origins[path] = origin


def _get(here: Any, step: str | int) -> Any:
    match here, step:
        case dict(), str():
            return here.get(step)
        case list(), int():
            return here[step] if step < len(here) else None
    raise ValueError("the file has a single value where this goes deeper; mend the file first")


def _set(here: Any, step: str | int, value: Any) -> None:
    match here, step:
        case dict(), str():
            here[step] = value
        case list(), int() if step < len(here):
            here[step] = value
        case list(), int() if step == len(here):
            here.append(value)
        case list(), int():
            raise ValueError(f"element {step} would leave a gap; the next one is {len(here)}")
        case _:
            raise ValueError("the file has a single value where this goes deeper; mend the file first")


def _drop_origins(source: Source, path: Path) -> None:
    """What was written below `path` is overridden; its lines mislead."""
    for old in [old for old in source.origins if old[: len(path)] == path]:
        del source.origins[old]
