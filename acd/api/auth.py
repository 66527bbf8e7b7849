"""Who asks: bearer tokens by their digests, and tickets that open the event stream and nothing else.

A browser's EventSource cannot send headers. A token in the address would end up in histories and in proxies' logs, so
the page trades its token at POST /session for a cookie: signed with a key that dies with the process, good for a
minute, not readable by scripts, sent to the event stream's address only (so it cannot change anything) and never by
another site.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from acd.api.refusals import Unauthorized
from acd.api.settings import Role, Token
from acd.queues.model import AgentId

TICKET_COOKIE: Final = "acd_events"
_SCHEME: Final = "bearer"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `agent_id` for an agent's own token."""

    name: str
    role: Role
    agent_id: AgentId | None = None


class Tokens:
    """The known tokens. Every digest is compared, each in constant time, so timing tells nothing."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tuple(tokens)

    def replace(self, tokens: Sequence[Token]) -> None:
        """These are the known tokens now; a ticket is as good as the token of its name."""
        self._tokens = tuple(tokens)

    def principal(self, request: web.Request) -> Principal:
        """Who sent the Authorization header; Unauthorized without a known token."""
        header = request.headers.get("Authorization", "")
        scheme, _, secret = header.partition(" ")
        if scheme.lower() != _SCHEME or not secret.strip():
            raise Unauthorized("Send the header `Authorization: Bearer <token>`.", token_given=False)
        digest = hashlib.sha256(secret.strip().encode("utf-8", "surrogateescape")).hexdigest()
        found: Token | None = None
        for token in self._tokens:
            if hmac.compare_digest(token.sha256.lower().encode(), digest.encode()):
                found = token
        if found is None:
            raise Unauthorized("This token is not known here.", token_given=True)
        return Principal(found.name, found.role, found.agent_id)

    def named(self, name: str) -> Principal | None:
        """The principal of the token of this name."""
        for token in self._tokens:
            if token.name == name:
                return Principal(token.name, token.role, token.agent_id)
        return None


class Tickets:
    """Signed, short-lived cookies. Nothing is kept, so there is nothing to overflow."""

    def __init__(self, tokens: Tokens, lasts_s: float) -> None:
        self._tokens = tokens
        self._lasts_s = lasts_s
        self._key = secrets.token_bytes(32)

    def issue(self, who: Principal, now: float) -> str:
        """A ticket for `who`, good for the configured time from `now` (seconds since 1970)."""
        claim = f"{int(now + self._lasts_s)}.{who.name.encode().hex()}"
        return f"{claim}.{self._signature(claim)}"

    def principal(self, ticket: str, now: float) -> Principal:
        """Whose ticket this is; Unauthorized when it is not ours or its time is over."""
        claim, _, signature = ticket.rpartition(".")
        genuine = hmac.compare_digest(self._signature(claim).encode(), signature.encode("utf-8", "surrogateescape"))
        if genuine:
            until, _, name = claim.partition(".")
            who = self._tokens.named(bytes.fromhex(name).decode())
            if who is not None and now < int(until):
                return who
        raise Unauthorized("The event stream's cookie is over; ask POST /api/v1/session again.", token_given=True)

    def _signature(self, claim: str) -> str:
        return hmac.new(self._key, claim.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()
