"""Digest authentication, the client's half (RFC 2617 and, for SHA-256, RFC 8760)."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from acd.lab.sip import Response

_PAIR = re.compile(r'([A-Za-z0-9_-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^,\s]+)')
_HASHES: dict[str, Callable[[bytes], str]] = {
    "MD5": lambda data: hashlib.md5(data).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
}


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a server wants proved. `header` is the request header in which the proof belongs."""

    header: str
    realm: str
    nonce: str
    algorithm: str
    auth_qop: bool
    opaque: str | None
    stale: bool


def find_challenge(response: Response) -> Challenge | None:
    """The first challenge in a 401 or 407 that we can meet; None when there is none."""
    for asked, answered in (
        ("www-authenticate", "authorization"),
        ("proxy-authenticate", "proxy-authorization"),
    ):
        for value in response.values(asked):
            challenge = _parse(value, answered)
            if challenge is not None:
                return challenge
    return None


def _parse(value: str, header: str) -> Challenge | None:
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest":
        return None
    found = {key.lower(): _unquote(text) for key, text in _PAIR.findall(rest)}
    algorithm = found.get("algorithm", "MD5").upper()
    if algorithm not in _HASHES or "nonce" not in found:
        return None
    qops = [part.strip().lower() for part in found.get("qop", "").split(",")]
    return Challenge(
        header=header,
        realm=found.get("realm", ""),
        nonce=found["nonce"],
        algorithm=algorithm,
        auth_qop="auth" in qops,
        opaque=found.get("opaque"),
        stale=found.get("stale", "").lower() == "true",
    )


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


def prove(
    challenge: Challenge,
    user: str,
    password: str,
    method: str,
    uri: str,
    *,
    cnonce: str | None = None,
    nonce_count: int = 1,
) -> str:
    """The value of the authorization header for one request to `uri`."""
    digest = _HASHES[challenge.algorithm]
    client_nonce = cnonce or secrets.token_hex(8)
    who = digest(f"{user}:{challenge.realm}:{password}".encode())
    what = digest(f"{method}:{uri}".encode("utf-8", "surrogateescape"))
    count = f"{nonce_count:08x}"
    middle = f"{count}:{client_nonce}:auth:" if challenge.auth_qop else ""
    proof = digest(f"{who}:{challenge.nonce}:{middle}{what}".encode())
    parts = [
        f'username="{user}"',
        f'realm="{challenge.realm}"',
        f'nonce="{challenge.nonce}"',
        f'uri="{uri}"',
        f'response="{proof}"',
        f"algorithm={challenge.algorithm}",
    ]
    if challenge.auth_qop:
        parts += ["qop=auth", f"nc={count}", f'cnonce="{client_nonce}"']
    if challenge.opaque is not None:
        parts.append(f'opaque="{challenge.opaque}"')
    return "Digest " + ", ".join(parts)
