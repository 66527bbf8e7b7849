"""Messages from Asterisk: panoramisk's `Message`, made immutable, ordered, honest about repeats and cheap.

What is mended here, and why:
- panoramisk parses every header of every message into a case-insensitive mapping; most events are looked
  at by name only, so the headers are parsed when first asked for;
- a repeated header becomes a list there, and a dialplan's `UserEvent` could turn `Channel` into one; here
  the first one wins (Asterisk writes its own headers first) and `all()` gives every one;
- unknown attributes are `''` there, so a typo passes; here they raise;
- `success` is true for every event there; here it reads `Response`;
- Asterisk writes caller names of channel snapshots C-escaped (`\\"`, `\\'`, `\\?`, `\\n`...), and raw
  elsewhere (`OriginateResponse`, `QueueEntry`, `EffectiveConnectedLineName`); here both are plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final, TypeVar, overload

EOL: Final = b"\r\n"
_ESCAPED = re.compile(r"\\([abfnrtv\\'\"?])")
_UNESCAPED: Final = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip
_NAME_HEADERS: Final = ("calleridname", "connectedlinename")
_SNAPSHOT_MARK: Final = "channelstatedesc"
_VARIABLE_HEADERS: Final = ("chanvariable", "variable")
_NO_VALUE: Final = "(null)"  # what `Status` prints for a variable that is not set
_EVENT: Final = b"Event: "
_RESPONSE: Final = b"Response: "

T = TypeVar("T")

if TYPE_CHECKING:
    _Base = Mapping[str, str]
else:
    from panoramisk.message import Message as _Base


class Message(_Base):
    """One message: a read-only mapping, case-insensitive, the first of repeated headers winning.

    `name` is the event's name as Asterisk spells it, `""` for a response.
    """

    name: str

    def __init__(self, block: bytes) -> None:
        """`block` is the message without its closing blank line; nothing but the name is parsed."""
        # bytes, because lower() of bytes keeps every position: a header is one search, not a parse of all
        self._block = block
        self._lowered: bytes | None = None
        self.name = _text(_first_line(block)[len(_EVENT) :]) if block.startswith(_EVENT) else ""

    @classmethod
    def of(cls, name: str, *headers: tuple[str, str]) -> Message:
        """The event `name` with these headers, as if Asterisk had sent it."""
        return cls(EOL.join(f"{key}: {value}".encode() for key, value in (("Event", name), *headers)))

    @cached_property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Every header in the order of the wire, repeats included, caller names unescaped."""
        parts = [line.partition(b": ") for line in self._block.split(EOL)]
        pairs = [(_text(name), _text(value)) for name, mark, value in parts if mark]
        return tuple((name, self._plain(name, value)) for name, value in pairs)

    def _find(self, name: str) -> str | None:
        """The first header of that name. The hottest lines of the program."""
        if self._lowered is None:
            self._lowered = self._block.lower()
        needle = _needle(name)
        begin = self._lowered.find(needle)
        if begin >= 0:
            begin += len(needle)
        elif self._lowered.startswith(needle[len(EOL) :]):
            begin = len(needle) - len(EOL)
        else:
            return None
        end = self._block.find(EOL, begin)
        value = _text(self._block[begin:] if end < 0 else self._block[begin:end])
        return self._plain(name, value) if "\\" in value else value

    def _plain(self, name: str, value: str) -> str:
        """Undo `ast_escape_c` on names of channel snapshots, known by a `ChannelStateDesc` of that prefix."""
        lowered = name.lower()
        if "\\" in value and lowered.endswith(_NAME_HEADERS):
            prefix = lowered.removesuffix(_NAME_HEADERS[0]).removesuffix(_NAME_HEADERS[1])
            if prefix + _SNAPSHOT_MARK in self:
                return _ESCAPED.sub(lambda found: _UNESCAPED[found[1]], value)
        return value

    def __getitem__(self, name: str) -> str:
        value = self._find(name)
        if value is None:
            raise KeyError(name)
        return value

    @overload
    def get(self, name: str) -> str | None: ...
    @overload
    def get(self, name: str, default: T) -> str | T: ...
    def get(self, name: str, default: T | None = None) -> str | T | None:
        """The first header of that name, or `default`."""
        value = self._find(name)
        return default if value is None else value

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._find(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name.lower() for name, _ in self.headers))

    def __len__(self) -> int:
        return len({name.lower() for name, _ in self.headers})

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a repeated header, in order."""
        wanted = name.lower()
        return tuple(value for key, value in self.headers if key.lower() == wanted)

    def variables_of(self, prefix: str = "") -> dict[str, str]:
        """Channel variables sent along: `ChanVariable`, and `Variable` of `Status`; unset ones are left out.

        `prefix` chooses the channel in events about two of them (`Dest`, `LocalOne`...).
        """
        wanted = tuple(prefix.lower() + name for name in _VARIABLE_HEADERS)
        found: dict[str, str] = {}
        for key, value in self.headers:
            if key.lower() in wanted:
                name, _, content = value.partition("=")
                if content and content != _NO_VALUE:
                    found.setdefault(name, content)
        return found

    @cached_property
    def variables(self) -> dict[str, str]:
        """`variables_of` the event's own channel."""
        return self.variables_of()

    @property
    def size_bytes(self) -> int:
        """How long it was on the wire: what it costs to keep."""
        return len(self._block)

    @property
    def action_id(self) -> str | None:
        """The id of the action this belongs to, which may be another session's; None: of none."""
        # most events carry none: one search spares the rest
        return self.get("ActionID") if b"\r\nActionID: " in self._block else None

    @property
    def id(self) -> str | None:
        """panoramisk's name for `action_id`."""
        return self.action_id

    @property
    def success(self) -> bool:
        """Whether `Response` says so; an event without `Response` is no success."""
        return self.get("Response") in ("Success", "Goodbye", "Follows")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and self.headers == other.headers

    def __hash__(self) -> int:
        return hash(self.headers)

    def __repr__(self) -> str:
        """Without values: they hold callers' numbers and names."""
        return f"<{type(self).__name__} {self.name or self.get('Response')} of {len(self.headers)} headers>"

    if not TYPE_CHECKING:

        def __getattr__(self, attribute):
            raise AttributeError(attribute)

        def __setitem__(self, key, value):
            raise TypeError("a message cannot be changed")

        def __delitem__(self, key):
            raise TypeError("a message cannot be changed")


class Response(Message):
    """The answer to an action."""

    @property
    def ok(self) -> bool:
        """Asterisk did it, or has begun to."""
        return self.success

    @property
    def text(self) -> str:
        """Asterisk's own words, such as `No such channel`."""
        return self.get("Message", "")


def parse(block: bytes) -> Message | None:
    """The message in `block` (without its closing blank line); None: neither event nor response."""
    if block.startswith(_EVENT):
        return Message(block)
    if block.startswith(_RESPONSE):
        return Response(block)
    stripped = block.lstrip()
    return parse(stripped) if len(stripped) < len(block) else None


@lru_cache(maxsize=1024)
def _needle(name: str) -> bytes:
    return f"\r\n{name}: ".encode(errors="replace").lower()


def _text(value: bytes) -> str:
    """Bad UTF-8 becomes U+FFFD: a caller's broken name must not cost the event."""
    return value.decode("utf-8", "replace")


def _first_line(block: bytes) -> bytes:
    end = block.find(EOL)
    return block if end < 0 else block[:end]
