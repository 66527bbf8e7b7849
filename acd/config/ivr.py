"""What callers are asked, and may leave, by their telephones: the survey and the voicemail."""

from __future__ import annotations

from pydantic import Field

from acd.config.section import Section


class Survey(Section):
    """The question after the call, for the queues that have `survey: nps`."""

    ask_again_after_days: float = Field(
        30,
        ge=0,
        le=3650,
        description="A number is not asked again within these days; 0 asks always. Default: 30.",
    )
    first_digit_s: float = Field(
        7,
        ge=1,
        le=60,
        description="Seconds to wait for a digit after the question. Default: time to find the key.",
    )
    second_digit_s: float = Field(
        2, ge=0.2, le=10, description="Seconds to wait for the 0 of 10 after a 1. Default: a slow thumb's."
    )
    attempts: int = Field(2, ge=1, le=5, description="How often the question is put at most. Default: once more.")


class Voicemail(Section):
    """The messages of callers whose queue has `overflow: {voicemail: true}`; Asterisk records them."""

    max_s: float = Field(
        120, ge=5, le=3600, description="Seconds a message may last. Default: two minutes; who needs more calls again."
    )
    directory: str | None = Field(
        None,
        min_length=1,
        max_length=4096,
        description="Where this daemon can read Asterisk's recording/acd. Default: nowhere, the API names the files.",
    )
