"""Refusals that only HTTP knows. They belong to the one tree of `acd.errors`; their statuses are in `problems`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acd.errors import AcdError


@dataclass(frozen=True, slots=True)
class FieldFault:
    """What is wrong with one value: `where` such as `query.limit` or `body.reason`, and why."""

    where: str
    message: str


class BadRequest(AcdError):
    """The request cannot be read: not JSON, not HTTP."""

    code = "bad_request"


class BadCursor(AcdError):
    """A cursor that this API never gave out."""

    code = "bad_cursor"


class InvalidInput(AcdError):
    """The request can be read, and its values are not acceptable."""

    code = "invalid"

    def __init__(self, faults: Sequence[FieldFault]) -> None:
        super().__init__("; ".join(f"{fault.where}: {fault.message}" for fault in faults))
        self.faults = tuple(faults)


class Unauthorized(AcdError):
    """No token, or one that is not known."""

    code = "unauthorized"

    def __init__(self, message: str, *, token_given: bool) -> None:
        super().__init__(message)
        self.token_given = token_given


class Forbidden(AcdError):
    """The token is known and may not do this."""

    code = "forbidden"


class TooManyClients(AcdError):
    """As many event streams as allowed are open already."""

    code = "too_many_clients"


class TooManyRequests(AcdError):
    """The client asks more than its rate allows; seconds until it may again are in `retry_after_s`."""

    code = "too_many_requests"

    def __init__(self, retry_after_s: float, *, worth_a_line: bool) -> None:
        super().__init__(f"More requests than this client may send; ask again in {retry_after_s:.1f} s.")
        self.retry_after_s = retry_after_s
        self.worth_a_line = worth_a_line


class NoAnswerInTime(AcdError):
    """What was asked took longer than a request may take. It may still happen."""

    code = "timeout"


class CannotListen(AcdError):
    """The address of the HTTP server cannot be used."""

    code = "cannot_listen"
