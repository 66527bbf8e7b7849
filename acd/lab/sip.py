"""SIP messages as values: parsed from bytes, built to bytes, nothing else (RFC 3261, the part that phones
speak).

Text is UTF-8 with `surrogateescape`, so that any byte at all survives a round trip: the rig must be able to
say rubbish to a server on purpose, and to report the rubbish it was told. Header names are kept in lower
case and long form.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote

from acd.errors import AcdError

Headers = tuple[tuple[str, str], ...]

_COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
    "c": "content-type",
    "k": "supported",
    "s": "subject",
    "r": "refer-to",
    "b": "referred-by",
    "x": "session-expires",
    "o": "event",
}
_SPELLING = {"call-id": "Call-ID", "cseq": "CSeq", "www-authenticate": "WWW-Authenticate"}
_FOLD = re.compile(r"\r\n[ \t]+")
_BREAKS = re.compile(r"[\r\n\0]")
_URI_USER_SAFE = "+*-_.!~'()&=$,;?/"

REASONS = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    500: "Server Internal Error",
    503: "Service Unavailable",
    600: "Busy Everywhere",
    603: "Decline",
}


class SipError(AcdError):
    """Something went wrong between a simulated phone and its peer."""

    code = "sip"


class SipMalformed(SipError):
    """These bytes are not a SIP message, or this text cannot be put into one."""

    code = "sip_malformed"


class SipTimeout(SipError):
    """The peer did not answer, or a call did not reach the awaited state, in the allowed time."""

    code = "sip_timeout"


class CallFailed(SipError):
    """The call ended before it got where it was wanted; `status` is the SIP answer (0: there was none)."""

    code = "call_failed"

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"the call ended: {status} {reason}")
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Address:
    """`"display" <uri>;tag=…`: what stands in From, To, Contact and Refer-To."""

    name: str
    uri: str
    tag: str

    @property
    def number(self) -> str:
        """The user part of the URI, percent-decoded; empty when there is none."""
        return uri_user(self.uri)


@dataclass(frozen=True, slots=True)
class _Message:
    headers: Headers
    body: bytes

    def header(self, name: str) -> str:
        """The first value of the header, or an empty text."""
        for key, value in self.headers:
            if key == name:
                return value
        return ""

    def values(self, name: str) -> list[str]:
        """All values of the header in order, one for each line it was written in."""
        return [value for key, value in self.headers if key == name]

    @property
    def call_id(self) -> str:
        return self.header("call-id")

    @property
    def cseq(self) -> int:
        return int(self.header("cseq").split()[0])

    @property
    def cseq_method(self) -> str:
        return self.header("cseq").split()[1]

    @property
    def branch(self) -> str:
        return parameters(top(self.header("via"))).get("branch", "")

    @property
    def sender(self) -> Address:
        return parse_address(self.header("from"))

    @property
    def receiver(self) -> Address:
        return parse_address(self.header("to"))

    @property
    def contact(self) -> str:
        """The URI of the first Contact; empty when there is none."""
        value = self.header("contact")
        return parse_address(top(value)).uri if value else ""


@dataclass(frozen=True, slots=True)
class Request(_Message):
    """A request; `uri` is the Request-URI."""

    method: str
    uri: str

    def encode(self) -> bytes:
        return _encode(f"{self.method} {self.uri} SIP/2.0", self.headers, self.body)


@dataclass(frozen=True, slots=True)
class Response(_Message):
    """An answer; 1xx are provisional."""

    status: int
    reason: str

    def encode(self) -> bytes:
        return _encode(f"SIP/2.0 {self.status} {self.reason}", self.headers, self.body)


def parse(data: bytes) -> Request | Response:
    """One datagram as a message. Raises SipMalformed, also when a header is missing that matching needs."""
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        raise SipMalformed("no empty line after the headers")
    first, *lines = _FOLD.sub(" ", head.decode("utf-8", "surrogateescape")).split("\r\n")
    headers = tuple(_parse_header(line) for line in lines)
    start = first.split(" ", 2)
    if len(start) != 3:
        raise SipMalformed(f"not a SIP start line: {first[:80]!r}")
    message: Request | Response
    if start[0] == "SIP/2.0":
        if not start[1].isdecimal():
            raise SipMalformed(f"not a status: {start[1][:20]!r}")
        message = Response(headers, body, status=int(start[1]), reason=start[2])
    else:
        message = Request(headers, body, method=start[0], uri=start[1])
    _require_core(message)
    return message


def _parse_header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise SipMalformed(f"not a header: {line[:80]!r}")
    key = name.strip().lower()
    return _COMPACT.get(key, key), value.strip()


def _require_core(message: Request | Response) -> None:
    missing = [name for name in ("via", "from", "to", "call-id", "cseq") if not message.header(name)]
    if missing:
        raise SipMalformed(f"headers missing: {', '.join(missing)}")
    number, _, method = message.header("cseq").partition(" ")
    if not number.isdecimal() or not method.strip():
        raise SipMalformed("CSeq is not a number and a method")


def _encode(start: str, headers: Headers, body: bytes) -> bytes:
    lines = [start]
    lines += [f"{_SPELLING.get(name) or name.title()}: {value}" for name, value in headers]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + body


def respond(
    request: Request,
    status: int,
    *,
    tag: str,
    source: tuple[str, int],
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    reason: str = "",
) -> Response:
    """The answer to `request`, which came from `source`; `tag` goes into To unless it already has one."""
    vias = request.values("via")
    first, *others = split_outside_quotes(vias[0], ",")
    if re.search(r";\s*rport\s*(;|$)", first):
        first = re.sub(r";\s*rport\s*(?=;|$)", f";received={source[0]};rport={source[1]}", first)
    to = request.header("to")
    if status > 100 and not request.receiver.tag:
        to = f"{to};tag={tag}"
    fixed = [("via", ", ".join([first, *others])), *(("via", value) for value in vias[1:])]
    fixed += [("from", request.header("from")), ("to", to)]
    fixed += [("call-id", request.call_id), ("cseq", request.header("cseq"))]
    text = reason or REASONS.get(status, "Unknown")
    return Response((*fixed, *headers), body, status=status, reason=text)


def parse_address(value: str) -> Address:
    """An address in either form; the display name is unquoted and its escapes are undone."""
    text = value.strip()
    name = ""
    if text.startswith('"'):
        end = _closing_quote(text)
        name, text = re.sub(r"\\(.)", r"\1", text[1:end]), text[end + 1 :].strip()
    elif "<" in text:
        name, _, text = text.partition("<")
        name, text = name.strip(), "<" + text
    if text.startswith("<"):
        uri, _, rest = text[1:].partition(">")
        return Address(name, uri, parameters(rest).get("tag", ""))
    uri, _, rest = text.partition(";")
    return Address(name, uri, parameters(";" + rest).get("tag", ""))


def format_address(name: str | bytes, uri: str, tag: str = "") -> str:
    """The text of an address. A `str` name is quoted and escaped; a `bytes` name goes out raw."""
    if isinstance(name, bytes):
        shown = name.decode("utf-8", "surrogateescape") + " "
    elif _BREAKS.search(name):
        raise SipMalformed("a display name cannot hold CR, LF or NUL")
    else:
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        shown = f'"{escaped}" ' if name else ""
    return f"{shown}<{uri}>" + (f";tag={tag}" if tag else "")


def make_uri(user: str | bytes, host: str, port: int) -> str:
    """A `sip:` URI. A `str` user is percent-encoded where it must be; a `bytes` user goes out raw."""
    if isinstance(user, bytes):
        shown = user.decode("utf-8", "surrogateescape")
    else:
        shown = quote(user, safe=_URI_USER_SAFE, errors="surrogateescape")
    return f"sip:{shown}@{host}:{port}" if shown else f"sip:{host}:{port}"


def uri_user(uri: str) -> str:
    """`sip:%2B7916@host` -> `+7916`; empty when the URI names no user."""
    rest = uri.partition(":")[2]
    user, at, _ = rest.rpartition("@")
    return unquote(user.partition(";")[0], errors="surrogateescape") if at else ""


def parameters(text: str) -> dict[str, str]:
    """The `;name=value` parameters of a header value, names in lower case, quotes taken off."""
    found: dict[str, str] = {}
    for part in split_outside_quotes(text, ";")[1:]:
        name, _, value = part.partition("=")
        found[name.strip().lower()] = value.strip().strip('"')
    return found


def top(value: str) -> str:
    """The first of the comma-separated values in one header line."""
    return split_outside_quotes(value, ",")[0] if "," in value else value


def split_outside_quotes(text: str, separator: str) -> list[str]:
    """Split where the separator stands neither in quotes nor in angle brackets; parts are stripped."""
    if '"' not in text and "<" not in text:
        return [part.strip() for part in text.split(separator)]
    parts, start, quoted, angled, position = [], 0, False, False, 0
    while position < len(text):
        letter = text[position]
        if quoted and letter == "\\":
            position += 1
        elif letter == '"':
            quoted = not quoted
        elif not quoted and letter in "<>":
            angled = letter == "<"
        elif letter == separator and not quoted and not angled:
            parts.append(text[start:position].strip())
            start = position + 1
        position += 1
    return [*parts, text[start:].strip()]


def _closing_quote(text: str) -> int:
    position = 1
    while position < len(text) and text[position] != '"':
        position += 2 if text[position] == "\\" else 1
    return position


def new_token() -> str:
    """A random token for tags and Call-IDs."""
    return secrets.token_hex(8)


def new_branch() -> str:
    """A random Via branch with the magic cookie of RFC 3261."""
    return "z9hG4bK" + secrets.token_hex(10)
