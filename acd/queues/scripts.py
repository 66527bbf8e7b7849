"""What is said to a caller who is asked or recorded, and how long an answer is waited for: part of the configuration.

The engine only carries them; they are spoken by `acd.ivr`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SurveyScript:
    """Prompts (sound files) and times of the survey. `attempts` counts the first question."""

    question: str = "acd/nps-question"
    invalid: str = "acd/nps-invalid"
    nothing: str = "acd/nps-no-answer"
    thanks: str = "acd/nps-thanks"
    goodbye: str = "acd/goodbye"
    first_s: float = 6.0  # a caller takes the phone from the ear to find the key
    more_s: float = 2.0  # between the two keys of 10
    attempts: int = 2


@dataclass(frozen=True, slots=True)
class MessageScript:
    """Prompts (sound files) of the voicemail, and the longest message in seconds."""

    ask: str = "acd/leave-message"
    saved: str = "acd/message-saved"
    goodbye: str = "acd/goodbye"
    max_s: float = 120.0
