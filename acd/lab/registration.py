"""Keeping a phone registered: REGISTER with digest, repeated before it expires, and again after the server
was away.
"""

from __future__ import annotations

import asyncio

import structlog

from acd.lab.line import Line
from acd.lab.sip import CallFailed, Request, Response, SipError, format_address, new_token, parameters, top
from acd.tasks import spawn, stop

log = structlog.get_logger(__name__)

_RETRY_S = 5.0
_REFRESH_SHARE = 0.5
_MIN_REFRESH_S = 1.0


class Registration:
    """The binding of one phone's contact at its server."""

    def __init__(self, line: Line) -> None:
        self.registered = False
        self._line = line
        self._call_id = new_token()
        self._tag = new_token()
        self._cseq = 0
        self._keeper: asyncio.Task[None] | None = None

    async def start(self, expires_s: int) -> None:
        """Register and stay so. Raises CallFailed when the server refuses, SipTimeout when it is silent."""
        granted_s = await self._register(expires_s)
        await stop(self._keeper)
        self._keeper = spawn(self._keep(expires_s, granted_s), f"registration of {self._line.user}")

    async def end(self) -> None:
        """Unregister. Raises as `start`."""
        await self.forget()
        await self._register(0)

    async def forget(self) -> None:
        """Stop refreshing, without a word to the server."""
        await stop(self._keeper)
        self._keeper = None

    async def _keep(self, expires_s: int, granted_s: float) -> None:
        pause_s = granted_s * _REFRESH_SHARE
        while True:
            await asyncio.sleep(max(pause_s, _MIN_REFRESH_S))
            try:
                pause_s = await self._register(expires_s) * _REFRESH_SHARE
            except SipError as error:
                self.registered = False
                pause_s = _RETRY_S
                log.warning("registration failed", user=self._line.user, error=str(error))

    async def _register(self, expires_s: int) -> float:
        response = await self._send(expires_s, ())
        proof = self._line.proof(response, "REGISTER", self._uri)
        if proof is not None:
            response = await self._send(expires_s, (proof,))
        if response.status != 200:
            raise CallFailed(response.status, response.reason)
        self.registered = expires_s > 0
        return _granted_s(response, self._line.contact_uri, expires_s)

    @property
    def _uri(self) -> str:
        return self._line.server_uri("")

    async def _send(self, expires_s: int, proof: tuple[tuple[str, str], ...]) -> Response:
        self._cseq += 1
        me = self._line.server_uri(self._line.user)
        headers = (
            self._line.via(),
            ("max-forwards", "70"),
            ("from", format_address(self._line.display_name, me, self._tag)),
            ("to", format_address("", me)),
            ("call-id", self._call_id),
            ("cseq", f"{self._cseq} REGISTER"),
            ("contact", format_address("", self._line.contact_uri)),
            ("expires", str(expires_s)),
            *proof,
        )
        request = Request(headers, b"", method="REGISTER", uri=self._uri)
        return await self._line.wire.ask(request, self._line.server)


def _granted_s(response: Response, contact_uri: str, asked_s: int) -> float:
    for value in response.values("contact"):
        if contact_uri in value:
            expires = parameters(top(value)).get("expires", "")
            return float(expires) if expires.isdecimal() else asked_s
    return asked_s
