"""A call we make: INVITE, the proof of who we are if asked for, and CANCEL in every order of events."""

from __future__ import annotations

from acd.lab.call import Call, CallState
from acd.lab.line import Dialog, Line
from acd.lab.sip import Request, Response, SipTimeout
from acd.lab.transactions import ClientTransaction
from acd.lab.udp import HostPort, Moment


class OutgoingCall(Call):
    """A call to somebody; returned by `Phone.call`."""

    early_media = True

    def __init__(self, line: Line, dialog: Dialog) -> None:
        super().__init__(line, dialog, Moment.now())
        self._invite: ClientTransaction | None = None
        self._extra_headers: tuple[tuple[str, str], ...] = ()
        self._cancel_wanted = False
        self._cancel_sent = False
        self._proved = False

    def start(self, extra_headers: tuple[tuple[str, str], ...]) -> None:
        """Send the INVITE."""
        self._extra_headers = extra_headers
        self._send_invite(())

    def _send_invite(self, proof: tuple[tuple[str, str], ...]) -> None:
        headers, body = self._describe()
        given = (*headers, *self._extra_headers, *proof)
        request = self.dialog.next_request("INVITE", headers=given, body=body)
        if not proof:
            self.times.invited_at = Moment.now()
        self._invite = self._line.wire.start(
            request, self.dialog.peer, self._on_invite_response, self._on_invite_timeout
        )

    def _on_invite_timeout(self) -> None:
        self._end("us" if self._cancel_wanted else "them", Moment.now(), 408, "no answer to INVITE")

    def _on_invite_response(self, response: Response, source: HostPort, moment: Moment) -> None:
        match response.status // 100:
            case 1:
                self._on_provisional(response, source, moment)
            case 2:
                self._on_accepted(response, source, moment)
            case _:
                self._on_refused(response, moment)

    def _on_provisional(self, response: Response, source: HostPort, moment: Moment) -> None:
        if response.status > 100:
            self.dialog.heard(response, source)
            self._now_ringing(moment)
            self._hear_session(response.body)
        self._cancel_if_possible()

    def _on_accepted(self, response: Response, source: HostPort, moment: Moment) -> None:
        self.dialog.heard(response, source)
        self._acknowledge(response)
        if self.unanswered:
            self._now_answered(moment, response.status, response.reason)
            self._hear_session(response.body)
            if self._cancel_wanted:
                self._send_bye()
        elif self.state is CallState.ENDED and self.times.answered_at is None:
            self._send_bye()

    def _on_refused(self, response: Response, moment: Moment) -> None:
        proof = self._line.proof(response, "INVITE", self.dialog.target_uri)
        if proof is not None and not self._proved and not self._cancel_wanted:
            self._proved = True
            self._send_invite((proof,))
            return
        self.end_header = response.header("reason")
        self._end("us" if self._cancel_wanted else "them", moment, response.status, response.reason)

    def _cancel_if_possible(self) -> None:
        invite = self._invite
        heard = self.state is CallState.RINGING or (invite is not None and invite.provisional)
        if not self._cancel_wanted or self._cancel_sent or invite is None or not heard:
            return
        self._cancel_sent = True
        kept = {"via", "max-forwards", "from", "to", "call-id"}
        headers = [(name, value) for name, value in invite.request.headers if name in kept]
        headers.append(("cseq", f"{invite.request.cseq} CANCEL"))
        cancel = Request(tuple(headers), b"", method="CANCEL", uri=invite.request.uri)
        self._line.wire.start(cancel, invite.to, lambda *_: None, lambda: None)

    async def _give_up(self) -> None:
        self._cancel_wanted = True
        self._cancel_if_possible()
        try:
            await self.wait_ended(self._line.wire.timers.give_up_s)
        except SipTimeout:
            self._end("us", Moment.now(), 0, "no answer to CANCEL")
