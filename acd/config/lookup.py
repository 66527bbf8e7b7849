"""Where callers are looked up."""

from __future__ import annotations

from pydantic import Field, field_validator

from acd.config.kinds import LookupUrl, Secret, SkillName
from acd.config.section import SECRET_MARK, Section
from acd.queues.about import ATTRIBUTES


class Crm(Section):
    """Where callers are looked up. No call waits for it: what comes in time counts for its place and agents."""

    url: LookupUrl | None = Field(
        None, description="Asked with {number} and {did} in their places; answers in JSON. Default: nobody is asked."
    )
    token: Secret | None = Field(
        None, description="Sent as a bearer token. Default: none is sent.", json_schema_extra=SECRET_MARK
    )
    timeout_s: float = Field(1, gt=0, le=10, description="Seconds for the whole answer. Default: later is too late.")
    max_concurrent: int = Field(
        20, ge=1, le=1000, description="Questions in flight; beyond, calls go without. Default: what a CRM bears."
    )
    cache_s: float = Field(
        300, ge=0, le=86400, description="Seconds an answer is remembered. Default: who calls again soon is known."
    )
    attributes: tuple[SkillName, ...] = Field(
        (),
        max_length=20,
        description="Names taken from the answer's `attributes`, for expressions. Default: none.",
    )

    @field_validator("attributes")
    @classmethod
    def _others_than_the_calls_own(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        own = sorted(set(names) & set(ATTRIBUTES))
        if own:
            raise ValueError(f"leave out {', '.join(own)}: every call has that, and the language is always taken")
        return names
