"""Every refusal and failure the daemon names itself, in one tree with stable codes.

The code is what other programs may rely on (API problems, log lines, doctor); the text is for people and
says what to do. HTTP statuses are mapped in one place, `acd.api.problems`.
"""

from __future__ import annotations


class AcdError(Exception):
    """Root of all errors of this program. `code` is stable; `str(error)` is one clear sentence."""

    code = "error"


class ConfigError(AcdError):
    """The configuration cannot be used; `problems` holds every fault found, one sentence each."""

    code = "config"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class RequirementError(AcdError):
    """A skill expression is wrong. `position` is the 0-based column in the expression where it stops making sense."""

    code = "requirement"

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


class UnknownAgent(AcdError):
    """No agent has this id."""

    code = "unknown_agent"


class UnknownQueue(AcdError):
    """No queue has this name."""

    code = "unknown_queue"


class UnknownCall(AcdError):
    """No call has this id, live or recorded."""

    code = "unknown_call"


class UnknownMessage(AcdError):
    """No message was left by this call, or its sound is not here."""

    code = "unknown_message"


class NotAllowed(AcdError):
    """The thing exists and its present state does not allow what was asked (ready while logged out...)."""

    code = "not_allowed"


class AmiError(AcdError):
    """The manager link failed; the subclasses say how."""

    code = "ami"


class AmiRefused(AmiError):
    """Asterisk answered `Response: Error`; the text is Asterisk's own."""

    code = "ami_refused"


class AmiTimeout(AmiError):
    """No answer in the allowed time. The action may or may not have been carried out."""

    code = "ami_timeout"


class AmiDown(AmiError):
    """There is no usable link; nothing was sent, or the link died before the answer came."""

    code = "ami_down"


class AmiUnsafeValue(AmiError):
    """A header name or value would break the protocol (CR, LF, NUL, over-long line, too many headers)."""

    code = "ami_unsafe_value"


class AmiOverflow(AmiError):
    """A limit of ours was met: too many unanswered actions, or too long a list. Nothing grows without end."""

    code = "ami_overflow"


class StorageError(AcdError):
    """The database cannot be reached, is read-only, full or of a foreign schema."""

    code = "storage"


class CrmDown(AcdError):
    """The CRM did not answer a question about a caller."""

    code = "crm_down"


class CrmWrong(AcdError):
    """It answered with what is no answer; nothing of it is believed."""

    code = "crm_wrong"


class LabError(AcdError):
    """The laboratory cannot have an Asterisk or a telephone; the text says what to install or to change."""

    code = "lab"


class RecordRefused(AcdError):
    """The store is well and can never take this entry (a fact without its record, a value no column holds)."""

    code = "record_refused"


class Unreadable(AcdError):
    """Data that should be the brain's own is not; `where` is the path to the fault, `why` one clause."""

    code = "unreadable"

    def __init__(self, why: str, where: str = "") -> None:
        super().__init__(f"{where.lstrip('.')}: {why}" if where else why)
        self.why = why
        self.where = where


class EventLogError(AcdError):
    """An event log cannot be replayed: it is damaged, not ours, or its beginning is gone. The text names the line."""

    code = "event_log"
