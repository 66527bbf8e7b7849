"""What a phone lends to its calls: who it is, where its server is, and the wire; and the dialog of a call.

A request inside a dialog goes to where the peer was last heard from, whatever its Contact and Record-Route
say: there are no proxies in the lab, and a relay that loses packets on purpose must not be by-passed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from acd.lab.digest import find_challenge, prove
from acd.lab.media import Media
from acd.lab.sip import Request, Response, format_address, make_uri, new_branch
from acd.lab.transactions import Wire
from acd.lab.udp import HostPort

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, UPDATE, INFO, MESSAGE"


@dataclass(frozen=True, slots=True)
class Line:
    """The identity and the means of one started phone."""

    user: str
    password: str
    display_name: str
    server: HostPort
    wire: Wire
    media: Media
    voice: str

    @property
    def contact_uri(self) -> str:
        return make_uri(self.user, *self.wire.address)

    def server_uri(self, user: str | bytes) -> str:
        return make_uri(user, *self.server)

    def via(self) -> tuple[str, str]:
        host, port = self.wire.address
        return "via", f"SIP/2.0/UDP {host}:{port};branch={new_branch()};rport"

    def capabilities(self) -> list[tuple[str, str]]:
        """Headers for a request or an answer that sets up a dialog."""
        return [
            ("contact", format_address("", self.contact_uri)),
            ("allow", ALLOW),
            ("supported", "replaces"),
        ]

    def proof(self, response: Response, method: str, uri: str) -> tuple[str, str] | None:
        """The authorization header that meets a 401 or 407; None when we have no password for it."""
        challenge = find_challenge(response) if response.status in (401, 407) else None
        if challenge is None or not self.password:
            return None
        return challenge.header, prove(challenge, self.user, self.password, method, uri)


@dataclass(slots=True)
class Dialog:
    """The peer relationship of one call; `local` and `remote` are From and To of our requests, with tags."""

    line: Line
    call_id: str
    local: str
    local_tag: str
    remote: str
    remote_tag: str
    target_uri: str
    peer: HostPort
    cseq: int = 0

    def next_request(self, method: str, *, headers: Iterable[tuple[str, str]] = (), body: bytes = b"") -> Request:
        """A new request in this dialog, with the next CSeq."""
        self.cseq += 1
        return self.request(method, self.cseq, headers=headers, body=body)

    def request(self, method: str, cseq: int, *, headers: Iterable[tuple[str, str]] = (), body: bytes = b"") -> Request:
        """A request with this CSeq (an ACK carries its INVITE's). Given headers replace ours."""
        given = tuple(headers)
        replaced = {name for name, _ in given}
        ours = [
            self.line.via(),
            ("max-forwards", "70"),
            ("from", self.local),
            ("to", self.remote),
            ("call-id", self.call_id),
            ("cseq", f"{cseq} {method}"),
        ]
        kept = [(name, value) for name, value in ours if name not in replaced]
        return Request((*kept, *given), body, method=method, uri=self.target_uri)

    def heard(self, message: Request | Response, source: HostPort) -> None:
        """Take over from an accepted message what later requests need."""
        self.peer = source
        if isinstance(message, Response) and message.receiver.tag:
            self.remote, self.remote_tag = message.header("to"), message.receiver.tag
        if message.contact:
            self.target_uri = message.contact
