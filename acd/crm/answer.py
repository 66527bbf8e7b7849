"""What the CRM answers, held to its shape: a small JSON object, of which the known keys are read and the rest is not.

    {"name": "Ольга", "language": "en", "priority": 20, "attributes": {"segment": "vip"}}

Everything may be missing. A value of the wrong kind spoils the whole answer: who sends one is not to be believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from acd.config.kinds import Language
from acd.errors import CrmWrong
from acd.queues.about import LANGUAGE
from acd.queues.model import PRIORITY_LIMIT

MOST_BYTES: Final = 16_384
"""Of a body; the longest honest one has a twentieth of it."""
NAME_LIMIT: Final = 80  # as of a name that comes with the call
VALUE_LIMIT: Final = 64
ATTRIBUTES_LIMIT: Final = 100  # beyond those that are asked for, some others may be there

_Value = Annotated[str, Field(max_length=VALUE_LIMIT)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, hide_input_in_errors=True)

    name: Annotated[str, Field(max_length=NAME_LIMIT)] | None = None
    language: Language | None = None
    priority: Annotated[int, Field(ge=-PRIORITY_LIMIT, le=PRIORITY_LIMIT)] | None = None
    attributes: Annotated[dict[str, _Value], Field(max_length=ATTRIBUTES_LIMIT)] | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a caller; empty: nothing."""

    name: str = ""
    priority: int = 0
    attributes: Mapping[str, str] = field(default_factory=dict)


NOBODY: Final = Known()


def read(body: bytes, wanted: Iterable[str]) -> Known:
    """What the body says, with those of its attributes that are wanted by name. CrmWrong says what is wrong with it."""
    if len(body) > MOST_BYTES:
        raise CrmWrong(f"more than {MOST_BYTES} bytes")
    try:
        answer = _Answer.model_validate_json(body)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(step) for step in fault["loc"][:1])
        raise CrmWrong(f"{where or 'the answer'}: {fault['type']}") from None
    given = answer.attributes or {}
    attributes = {name: _plain(given[name]) for name in wanted if name in given}
    if answer.language is not None:
        attributes[LANGUAGE] = answer.language
    return Known(_plain(answer.name or ""), answer.priority or 0, attributes)


def _plain(text: str) -> str:
    """Fit to be shown and stored."""
    return "".join(letter for letter in text if letter.isprintable()).strip()
