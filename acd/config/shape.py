"""The schema, asked by path: what may stand at `queues.sales.ring_timeout_s`, and what to write there."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from acd.config.schema import Settings
from acd.config.section import SECRET_MARK, Section
from acd.config.source import Path


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the schema: its type, and the field it belongs to (None at the top)."""

    kind: Any
    field: FieldInfo | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The known keys of a section; none where any key may stand."""
        return tuple(self.kind.model_fields) if self.is_section else ()

    @property
    def is_section(self) -> bool:
        return isinstance(self.kind, type) and issubclass(self.kind, Section)

    @property
    def is_mapping(self) -> bool:
        """Named elements: queues, agents, skills."""
        return get_origin(self.kind) is Mapping

    @property
    def is_list(self) -> bool:
        return get_origin(self.kind) is tuple

    @property
    def is_secret(self) -> bool:
        return self.field is not None and self.field.json_schema_extra == SECRET_MARK

    def inner(self, step: str | int) -> Place | None:
        """One step down, or None where the schema knows no such place."""
        if self.is_section and isinstance(step, str):
            model: type[BaseModel] = self.kind
            info = model.model_fields.get(step)
            return None if info is None else Place(_bare(info.annotation), info)
        if self.is_mapping and isinstance(step, str):
            return self._element(get_args(self.kind)[1])
        if self.is_list and isinstance(step, int):
            return self._element(get_args(self.kind)[0])
        return None

    def _element(self, kind: Any) -> Place:
        info = FieldInfo.from_annotation(kind)
        info.description = self.field.description if self.field is not None else None
        return Place(_bare(kind), info)

    def advice(self) -> str:
        """What may be written here, in a few words: range, choices, description."""
        if self.field is None:
            return ""
        limits = _limits(self.field) if not (self.is_list or self.is_mapping) else ""
        choices = ", ".join(get_args(self.kind)) if get_origin(self.kind) is Literal else ""
        rule = f"one of {choices}" if choices else limits
        return f"write {rule} ({self.field.description})" if rule else ""


def place(path: Path) -> Place | None:
    """The place at `path`, or None where the schema knows none."""
    here: Place | None = Place(Settings)
    for step in path:
        here = here.inner(step) if here is not None else None
    return here


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    plain = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word.casefold(), plain, n=1, cutoff=0.6)
    return plain[found[0]] if found else None


def _bare(kind: Any) -> Any:
    """A type without `Annotated` and without `| None`."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, types.UnionType):
        return _bare(next(arg for arg in get_args(kind) if arg is not type(None)))
    return kind


def _limits(info: FieldInfo) -> str:
    low = high = ""
    for limit in info.metadata:
        match limit:
            case Ge(ge=value):
                low = f"{value}"
            case Gt(gt=value):
                low = f"more than {value}"
            case Le(le=value):
                high = f"{value}"
            case Lt(lt=value):
                high = f"less than {value}"
    if low and high:
        return f"{low} to {high}" if not low.startswith("more") else f"{low} and at most {high}"
    return low or high
