"""A call that comes to us: ring, answer or refuse, and the caller's change of mind."""

from __future__ import annotations

from collections.abc import Iterable

from acd.lab.call import Call, CallState
from acd.lab.line import Dialog, Line
from acd.lab.sip import CallFailed, Request
from acd.lab.transactions import ServerTransaction
from acd.lab.udp import Moment


class IncomingCall(Call):
    """A call from somebody, got from the phone; `request` is the INVITE as it came."""

    def __init__(self, line: Line, dialog: Dialog, invite: ServerTransaction) -> None:
        super().__init__(line, dialog, invite.arrived)
        self.request = invite.request
        sender = invite.request.sender
        self.remote_name, self.remote_number = sender.name, sender.number
        self.dialled = invite.request.receiver.number
        self._invite = invite
        invite.on_cancel = self._on_cancel
        invite.on_ack = self._on_ack
        invite.on_no_ack = self._on_no_ack
        self._hear_session(invite.request.body)

    async def ring(self) -> None:
        """Say 180 to. Raises CallFailed when it has ended."""
        invite = self._still_open()
        self._now_ringing(Moment.now())
        invite.reply(180, headers=self._line.capabilities())

    async def answer(self) -> None:
        """Say 200 to. Raises CallFailed when it has ended."""
        invite = self._still_open()
        headers, body = self._describe()
        self._now_answered(Moment.now(), 200, "OK")
        invite.reply(200, headers=headers, body=body)
        self._connect()

    async def reject(self, status: int = 486, *, headers: Iterable[tuple[str, str]] = ()) -> None:
        """Refuse with this SIP status (486 busy, 603 declined...). Does nothing when it is too late."""
        if self.unanswered:
            self._still_open().reply(status, headers=headers)
            self._end("us", Moment.now(), status, "")

    def _still_open(self) -> ServerTransaction:
        if not self.unanswered:
            raise CallFailed(self.status, self.reason or f"the call is {self.state}")
        return self._invite

    def _on_cancel(self, cancel: Request) -> None:
        self.end_header = cancel.header("reason")
        self._still_open().reply(487)
        self._end("them", Moment.now(), 487, "cancelled by the caller")

    def _on_no_ack(self) -> None:
        if self.state is CallState.TALKING:
            self._send_bye("no ACK")

    async def _give_up(self) -> None:
        await self.reject(480)
