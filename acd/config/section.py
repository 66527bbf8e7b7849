"""What all sections of the configuration have in common."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue, model_validator

SECRET_MARK: dict[str, JsonValue] = {"secret": True}
"""Marks fields whose value is never shown and may be given as the name of a file (`*_FILE`)."""


class Section(BaseModel):
    """A part of the configuration: frozen, no unknown keys, no infinite numbers."""

    model_config = ConfigDict(
        defer_build=True,  # only the whole is checked, and has its parts built into it
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_is_absent(cls, raw: Any) -> Any:
        """`key:` with nothing behind it means the default."""
        return {key: value for key, value in raw.items() if value is not None} if isinstance(raw, dict) else raw
