"""Session descriptions for phones that speak PCMU and RFC 4733 digits and nothing else (RFC 4566, RFC
3264).
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Literal, cast

from acd.lab.sip import SipMalformed

CONTENT_TYPE = "application/sdp"
PCMU_PAYLOAD = 0
DEFAULT_DIGIT_PAYLOAD = 101
_MAX_PORT = 65535

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_MIRROR: dict[Direction, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}


@dataclass(frozen=True, slots=True)
class Session:
    """One audio stream; `digit_payload` is the payload type of telephone-event, None when not agreed."""

    host: str
    port: int
    pcmu: bool = True
    digit_payload: int | None = DEFAULT_DIGIT_PAYLOAD
    direction: Direction = "sendrecv"


def build(session: Session, *, session_id: int, version: int) -> bytes:
    """The description of our side; `version` grows each time the content changes."""
    digits = session.digit_payload
    formats = f"{PCMU_PAYLOAD}" if digits is None else f"{PCMU_PAYLOAD} {digits}"
    lines = [
        "v=0",
        f"o=- {session_id} {version} IN IP4 {session.host}",
        "s=-",
        f"c=IN IP4 {session.host}",
        "t=0 0",
        f"m=audio {session.port} RTP/AVP {formats}",
        f"a=rtpmap:{PCMU_PAYLOAD} PCMU/8000",
    ]
    if digits is not None:
        lines += [f"a=rtpmap:{digits} telephone-event/8000", f"a=fmtp:{digits} 0-16"]
    lines += ["a=ptime:20", f"a={session.direction}", ""]
    return "\r\n".join(lines).encode()


def parse(body: bytes) -> Session:
    """The first audio stream of a description. Raises SipMalformed when there is none."""
    host, port, formats, direction = "", 0, [""], "sendrecv"
    names: dict[str, str] = {}
    media = "session"
    for line in body.decode("utf-8", "replace").splitlines():
        kind, _, value = line.strip().partition("=")
        if kind == "m":
            media = "audio" if value.startswith("audio ") and media == "session" else "other"
            if media == "audio":
                port, formats = _parse_media(value)
        elif media == "other":
            continue
        elif kind == "c":
            host = _parse_connection(value)
        elif kind == "a" and value in _DIRECTIONS:
            direction = value
        elif kind == "a" and value.startswith("rtpmap:"):
            payload, _, name = value.removeprefix("rtpmap:").partition(" ")
            names[payload] = name.lower()
    if not host or formats == [""]:
        raise SipMalformed("no audio stream in the session description")
    digits = [p for p in formats if names.get(p) == "telephone-event/8000" and p.isdecimal()]
    return Session(
        host=host,
        port=port,
        pcmu=str(PCMU_PAYLOAD) in formats,
        digit_payload=int(digits[0]) if digits else None,
        direction=cast(Direction, direction),
    )


def _parse_connection(value: str) -> str:
    """The address; a host name is refused, for looking it up would stop the whole rig."""
    try:
        return str(IPv4Address(value.rsplit(maxsplit=1)[-1]))
    except (IndexError, ValueError):
        raise SipMalformed(f"not an IPv4 address: {value[:80]!r}") from None


def _parse_media(value: str) -> tuple[int, list[str]]:
    parts = value.split()
    if len(parts) < 4 or not parts[1].isdecimal() or int(parts[1]) > _MAX_PORT:
        raise SipMalformed(f"not a media line: {value[:80]!r}")
    return int(parts[1]), parts[3:]


def answer(offer: Session, host: str, port: int) -> Session:
    """Our side of what was offered: the same digits payload type, the mirrored direction."""
    return Session(host, port, True, offer.digit_payload, _MIRROR[offer.direction])
