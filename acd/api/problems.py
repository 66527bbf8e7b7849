"""The one place where errors become HTTP: stable code -> status and title, as RFC 9457 problem+json.

`type` is `/docs#problem-<code>`, where the code is explained; `code` is what programs should look at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from acd.api.refusals import InvalidInput, TooManyRequests, Unauthorized
from acd.errors import AcdError, ConfigError

CONTENT_TYPE: Final = "application/problem+json"


class Kind(NamedTuple):
    """What a code means in HTTP."""

    status: int
    title: str


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "bad_request": Kind(400, "The request cannot be read"),
        "bad_cursor": Kind(400, "This cursor is not one of ours"),
        "unauthorized": Kind(401, "A bearer token is needed"),
        "forbidden": Kind(403, "The token may not do this"),
        "not_found": Kind(404, "There is nothing here"),
        "unknown_agent": Kind(404, "No such agent"),
        "unknown_queue": Kind(404, "No such queue"),
        "unknown_call": Kind(404, "No such call"),
        "unknown_message": Kind(404, "No such message"),
        "method_not_allowed": Kind(405, "This method is not for this address"),
        "not_allowed": Kind(409, "Not possible in the present state"),
        "too_large": Kind(413, "The request is too large"),
        "config": Kind(422, "The configuration cannot be used"),
        "invalid": Kind(422, "Some values are not acceptable"),
        "error": Kind(500, "Something failed inside the daemon"),
        "ami": Kind(503, "Asterisk cannot be used"),
        "ami_refused": Kind(502, "Asterisk refused"),
        "ami_timeout": Kind(504, "Asterisk did not answer in time"),
        "ami_down": Kind(503, "There is no link to Asterisk"),
        "ami_overflow": Kind(503, "Too much is under way at Asterisk"),
        "storage": Kind(503, "The database cannot be used"),
        "record_refused": Kind(500, "The database refuses the record"),
        "too_many_requests": Kind(429, "More requests than this client may send"),
        "too_many_clients": Kind(503, "Too many event streams are open"),
        "timeout": Kind(504, "No answer in time"),
    }
)
_BY_STATUS: Final = MappingProxyType(
    {400: "bad_request", 401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "method_not_allowed"}
    | {413: "too_large", 422: "invalid"}
)
_RETRY_AFTER_S: Final = 5
_MOST_FAULTS: Final = 1000


class Fault(BaseModel):
    """One value that is not acceptable."""

    where: str
    message: str


class Problem(BaseModel):
    """RFC 9457, with our stable `code`."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="where the code is explained")
    title: str
    status: int
    detail: str
    code: str = Field(description="stable; the text of the other fields is for people and may change")
    errors: list[Fault] | None = Field(
        default=None, description="with codes `invalid` and `config`: every value at fault"
    )


def status_of(error: AcdError) -> int:
    """The HTTP status of an error; 500 for one that is not known here."""
    return KINDS[error.code].status if error.code in KINDS else 500


def of_error(error: AcdError) -> web.Response:
    """The answer to a refusal. A code without a kind of its own is ours to mend: 500 without its text."""
    if error.code not in KINDS:
        return internal("an error without a status of its own")
    headers: dict[str, str] = {}
    match error:
        case Unauthorized():
            fault = ', error="invalid_token"' if error.token_given else ""
            headers["WWW-Authenticate"] = f'Bearer realm="acd"{fault}'
        case TooManyRequests():
            headers["Retry-After"] = str(math.ceil(error.retry_after_s))
        case ConfigError():
            told = [Fault(where=where, message=what) for where, what in map(_split, error.problems[:_MOST_FAULTS])]
            return answer(error.code, f"{len(error.problems)} reasons; nothing was changed.", errors=told)
        case InvalidInput():
            faults = [Fault(where=fault.where, message=fault.message) for fault in error.faults]
            return answer(error.code, str(error), errors=faults)
    return answer(error.code, str(error), headers=headers)


def _split(problem: str) -> tuple[str, str]:
    """`file:line: what` into where and what."""
    where, colon, what = problem.partition(": ")
    return (where, what) if colon else ("", problem)


def of_http(error: web.HTTPException) -> web.Response:
    """The same answer in our form to what aiohttp itself refuses."""
    code = _BY_STATUS.get(error.status)
    if code is None:
        return of_status(error.status, error.reason)
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    return answer(code, _DETAILS.get(code, error.reason), headers=headers)


def of_status(status: int, reason: str) -> web.Response:
    """A status of HTTP's own that has no code of ours."""
    code = _BY_STATUS.get(status, f"http_{status}")
    title = KINDS[code].title if code in KINDS else reason
    return _response(Problem(type="about:blank", title=title, status=status, detail=reason, code=code), {})


def internal(incident: str) -> web.Response:
    """500: what went wrong is in the log under `incident`, not in the answer."""
    return answer("error", f"The log tells more; look for {incident}.")


def answer(
    code: str, detail: str, *, headers: Mapping[str, str] | None = None, errors: list[Fault] | None = None
) -> web.Response:
    """A problem with one of our codes."""
    kind = KINDS[code]
    problem = Problem(
        type=f"/docs#problem-{code}", title=kind.title, status=kind.status, detail=detail, code=code, errors=errors
    )
    extra = {"Retry-After": str(_RETRY_AFTER_S)} if kind.status == 503 else {}
    return _response(problem, {**extra, **(headers or {})})


def _response(problem: Problem, headers: Mapping[str, str]) -> web.Response:
    return web.Response(
        status=problem.status,
        text=problem.model_dump_json(exclude_none=True),
        content_type=CONTENT_TYPE,
        headers=headers,
    )


_DETAILS: Final = MappingProxyType(
    {
        "not_found": "No such address; /docs lists them all.",
        "method_not_allowed": "The Allow header names the methods of this address.",
        "too_large": "The body is larger than this API accepts.",
    }
)
