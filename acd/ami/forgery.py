"""Lines that a caller has written into the manager's stream.

Asterisk puts the number a caller claims, and the number dialled, into its events as they are; a SIP user part such as
`1%0d%0aUniqueid: 2%0d%0a%0d%0aEvent: Hangup` therefore ends a line, or a whole message, where it likes. It can do so
only until the dialplan has filtered the number, its first step, so only a channel's first events can be hurt. What can
be seen of it is that the snapshot of a channel, which ends with `Uniqueid` and `Linkedid`, is torn or holds one of them
twice. What looks whole all the same cannot speak for our dialplan: its events carry a key (`ACD_KEY`).
"""

from __future__ import annotations

from enum import Enum, auto

_SNAPSHOT = b"\r\nChannelState: "
_UNIQUEID, _LINKEDID = b"\r\nUniqueid: ", b"\r\nLinkedid: "  # its last lines


class Trust(Enum):
    """What to do with a message."""

    GENUINE = auto()
    DOUBLED = auto()  # a line was added: the message is worth nothing, those around it are whole
    TORN = auto()  # a message was cut in two: nothing that follows on this link can be believed


def trust(block: bytes) -> Trust:
    """Look at an event's bytes, without its closing blank line."""
    if _SNAPSHOT not in block:
        return Trust.GENUINE
    uniqueids, linkedids = block.count(_UNIQUEID), block.count(_LINKEDID)
    if not uniqueids or not linkedids:
        return Trust.TORN
    return Trust.GENUINE if uniqueids == linkedids == 1 else Trust.DOUBLED
