"""The keys about calls of agents to the town."""

from __future__ import annotations

from pydantic import Field

from acd.config.kinds import Did
from acd.config.section import Section


class Outbound(Section):
    """What agents may call in the town through the trunk; Asterisk sees to it by itself, daemon or no daemon.

    A rate is a bucket: so many calls at once, and full again a minute, or an hour, after it was empty.
    """

    agent_per_min: int = Field(
        10, ge=0, le=10_000, description="Calls a minute from one telephone. Default: faster than people dial."
    )
    agent_per_hour: int = Field(100, ge=0, le=100_000, description="Calls an hour from one telephone. Default: 100.")
    agent_at_once: int = Field(
        3, ge=0, le=100, description="Calls at one time from one telephone. Default: talk, ask, try another."
    )
    per_min: int = Field(60, ge=0, le=10_000, description="Calls a minute of all together. Default: 60.")
    per_hour: int = Field(1000, ge=0, le=100_000, description="Calls an hour of all together. Default: 1,000.")
    at_once: int = Field(50, ge=0, le=10_000, description="Calls at one time of all together. Default: 50.")
    international: bool = Field(
        False, description="Whether abroad may be called. Default: no; that is where fraud earns its money."
    )
    deny: tuple[Did, ...] = Field(
        (), max_length=40, description="Beginnings of numbers that may not be called. Default: none but abroad."
    )
    allow: tuple[Did, ...] = Field(
        (), max_length=40, description="Beginnings that may be called all the same. Default: none."
    )
    emergency: tuple[Did, ...] = Field(
        ("112", "101", "102", "103", "104"),
        max_length=40,
        description="Numbers that may always be called. Default: Russia's, and Europe's.",
    )
