"""A message for those who come later: ask, record, thank, hang up.

    told why and asked --tape--> a message: thanks, end
                             --> nothing said: goodbye, end
                             --> hung up: what was said until then is kept

Asterisk records; here is only who is at the tape, and what came of it. A daemon that is started in the middle takes the
recordings over from the records. One that was away at the end knows of no length: the message is listed all the same,
for an entry without sound costs a look, and a message that nobody hears costs a customer.
"""

from __future__ import annotations

from acd.queues.book import Book
from acd.queues.commands import Bye, Command, Record, TakeMessage
from acd.queues.events import Restored, VerbDone
from acd.queues.journey import CallRecord, Fact
from acd.queues.model import CallId
from acd.queues.scripts import MessageScript

ORDER = 1  # of the recording: the first and only question of its session
HUNG_UP = "hangup"
SHORTEST_S = 1.0  # less than that on tape is a receiver that was put down


def file_of(call_id: CallId) -> str:
    """The message's file under the spool's `recording` directory, as `acd-record` writes it."""
    return f"acd/{call_id}.wav"


class MessageDesk:
    """All who are at the tape."""

    def __init__(self, book: Book, script: MessageScript) -> None:
        self._book = book
        self._script = script
        self._recording: set[CallId] = set()

    def reconfigure(self, script: MessageScript) -> None:
        """From now on by this script; who is at the tape has had their order."""
        self._script = script

    def take(self, order: TakeMessage) -> Command:
        """Have the caller leave a message."""
        self._recording.add(order.call_id)
        return Record(order.call_id, ORDER, (*order.prompts, self._script.ask), self._script.max_s)

    def called_back(self, call_id: CallId) -> None:
        """The caller never came to the tape: an agent had taken the call."""
        self._recording.discard(call_id)

    def restored(self, event: Restored) -> None:
        """Callers who were at the tape when the last daemon stopped."""
        self._recording |= {record.id for record in event.open_calls if _at_the_tape(record)}

    def verb_done(self, event: VerbDone) -> list[Command]:
        """The end of a recording, be it by hanging up: a channel on its way out is sent nowhere any more."""
        if event.call_id not in self._recording or event.seq != ORDER:
            return []
        self._recording.discard(event.call_id)
        said = event.recorded_s is not None and event.recorded_s >= SHORTEST_S
        commands = [self._note(event.call_id, event.at, event.recorded_s)] if said else []
        if event.status != HUNG_UP:
            prompts = (self._script.saved, self._script.goodbye) if said else (self._script.goodbye,)
            commands.append(Bye(event.call_id, ORDER + 1, prompts))
        return commands

    def call_ends(self, call_id: CallId, at: float, unseen: bool) -> list[Command]:
        """The call is over. `unseen`: its end was not heard, so neither was that of the tape."""
        if call_id not in self._recording:
            return []
        self._recording.discard(call_id)
        return [self._note(call_id, at, None)] if unseen else []

    def _note(self, call_id: CallId, at: float, duration_s: float | None) -> Command:
        return self._book.note(call_id, at, Fact.VOICEMAIL, duration_s=duration_s, file=file_of(call_id))


def _at_the_tape(record: CallRecord) -> bool:
    """Whether the way out that the record shows last is the voicemail, and nothing has come of it yet."""
    last = next((e for e in reversed(record.events) if e.fact in (Fact.OVERFLOWED, Fact.QUEUED)), None)
    sent = last is not None and last.fact is Fact.OVERFLOWED and last.data.get("via") == "voicemail"
    return sent and record.message is None
