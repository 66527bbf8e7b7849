"""Just enough SIP for the ends of thousands of calls: texts to fill in, and headers found without parsing the rest.

The laboratory's phones (`acd.lab.phone`) can live with anything; these ends live with one Asterisk on loopback and
cost a third as much, for load and what is loaded share the machine's processors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from acd.lab.udp import HostPort

_USER = re.compile(rb"sips?:([^@>;]*)@")
_URI = re.compile(rb"<([^>]*)>")

SDP = (
    "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
)


@dataclass(slots=True)
class Dialog:
    """What the requests of one call have in common. `local` and `remote` are From and To of ours, tags included."""

    me: str
    call_id: str
    local: str
    remote: str
    target: str
    cseq: int = 1

    def request(self, method: str, *, cseq: int | None = None, branch: str = "", body: str = "") -> bytes:
        """The bytes of a request in this dialog."""
        number = self.cseq if cseq is None else cseq
        branch = branch or f"z9hG4bK{self.call_id}.{number}{method}"
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} {self.target} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {self.me};branch={branch};rport\r\nMax-Forwards: 70\r\n"
            f"From: {self.local}\r\nTo: {self.remote}\r\nCall-ID: {self.call_id}\r\nCSeq: {number} {method}\r\n"
            f"Contact: <sip:bench@{self.me}>\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


def answer(request: bytes, status: str, me: str, *, tag: str = "", body: str = "") -> bytes:
    """The bytes of an answer such as `200 OK` to `request`; `tag` is ours, for the first in a dialog."""
    to = header(request, b"To")
    if tag and b";tag=" not in to:
        to += b";tag=" + tag.encode()
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return b"".join(
        (
            f"SIP/2.0 {status}\r\n".encode(),
            b"Via: " + header(request, b"Via") + b"\r\nFrom: " + header(request, b"From"),
            b"\r\nTo: " + to + b"\r\nCall-ID: " + header(request, b"Call-ID"),
            b"\r\nCSeq: " + header(request, b"CSeq") + b"\r\n",
            f"Contact: <sip:bench@{me}>\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}".encode(),
        )
    )


def header(message: bytes, name: bytes) -> bytes:
    """The first header of that name as Asterisk spells it; empty when there is none."""
    begin = message.find(b"\r\n" + name + b": ")
    if begin < 0:
        return b""
    begin += len(name) + 4
    return message[begin : message.find(b"\r\n", begin)]


def status_of(message: bytes) -> int:
    """200 from `SIP/2.0 200 OK`; 0: a request."""
    return int(message[8:11]) if message.startswith(b"SIP/2.0 ") else 0


def method_of(message: bytes) -> bytes:
    """The request's method, also that of the request an answer is about."""
    return header(message, b"CSeq").rpartition(b" ")[2]


def user_of(value: bytes) -> str:
    """The user part of the first SIP URI in a header or start line; empty when there is none."""
    found = _USER.search(value)
    return found[1].decode("ascii", "replace") if found else ""


def uri_of(value: bytes) -> str:
    """The URI between the angle brackets of a Contact."""
    found = _URI.search(value)
    return found[1].decode("ascii", "replace") if found else ""


def text(address: HostPort) -> str:
    """`host:port`."""
    return f"{address[0]}:{address[1]}"
