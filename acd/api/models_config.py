"""The JSON of the configuration: what is in force, and what came of reading it again."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from acd.api.fields import Iso, Out


class ReloadChanges(Out):
    """How many of a kind are new, other than before, and gone; `reordered`: they stand in another order."""

    added: int
    changed: int
    removed: int
    reordered: bool


class LastReload(Out):
    """What came of reading the configuration again; `refused`: for so many `errors`, and the old one stayed."""

    at: Iso
    by: str
    outcome: Literal["reloaded", "unchanged", "refused"]
    errors: int


class Reload(LastReload):
    """The same, with what is other than before. `brain_s`: for how long no call was decided on."""

    changes: dict[str, ReloadChanges]
    sections: list[str] = Field(description="other sections that have changed")
    warnings: list[str]
    brain_s: float


class Config(Out):
    """`loaded_at`: when what is in force was last known to be what the file says."""

    loaded_at: Iso
    last_reload: LastReload | None
