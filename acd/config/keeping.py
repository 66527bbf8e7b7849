"""The keys about what is kept, where and for how long."""

from __future__ import annotations

from pydantic import Field

from acd.config.kinds import FilePath
from acd.config.section import Section


class Spool(Section):
    """What is to be recorded, on the disk until the database has it: a kill takes nothing of it."""

    path: FilePath | None = Field(
        None, description="The directory. Default: beside SQLite's file, acd.spool for acd.db; else var/acd.spool."
    )
    max_mb: int = Field(
        64,
        ge=0,
        le=100_000,
        description="Megabytes that may lie there; 0 keeps none. Default: some 25,000 calls of an outage.",
    )


class KeepDays(Section):
    """Days that a kind of record is kept, 0: for ever. Default of each: `retention_days`."""

    calls: int | None = Field(None, ge=0, le=36500, description="Until a call loses its number, name and note.")
    facts: int | None = Field(None, ge=0, le=36500, description="Until the single facts of a call are deleted.")
    messages: int | None = Field(None, ge=0, le=36500, description="Until voicemails are deleted, sound files too.")
    agent_sessions: int | None = Field(None, ge=0, le=36500, description="Until agents' states are deleted.")
    event_log: int | None = Field(
        None, ge=0, le=36500, description="Until a file of the event log is deleted; a file is begun each night then."
    )


class Records(Section):
    """How long calls are remembered."""

    spool: Spool = Field(default_factory=Spool, description="Where records are while the database is away.")
    retention_days: int = Field(
        0, ge=0, le=36500, description="Days until personal data is erased; 0 keeps it. Default: you decide."
    )
    keep_days: KeepDays = Field(default_factory=KeepDays, description="The same, kind by kind.")
    purge_hour: int = Field(
        4, ge=0, le=23, description="Local hour at which what is over is erased. Default: 4, when few call."
    )
