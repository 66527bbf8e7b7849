"""RTP packets, telephone digits as RTP events, and voices that can be told from music (RFC 3550, RFC 4733).

Pure: bytes in and out. The sockets are in `acd.lab.media`. A voice is a quiet sine in PCMU whose period
divides a 20 ms frame; Asterisk passes it on unchanged, so one dictionary look-up says who is speaking, at
no cost.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

SAMPLES_PER_S = 8000
FRAME_S = 0.02
FRAME_SAMPLES = 160
END_PACKETS = 3
DIGITS = "0123456789*#ABCD"

_HEADER = struct.Struct("!BBHII")
_EVENT = struct.Struct("!BBH")
_VERSION = 0x80
_MARKER = 0x80
_END = 0x80
_VOLUME = 10
_MAX_DURATION = 0xFFFF
_RTCP = range(200, 214)
_VOICE_PERIOD_SAMPLES = {"agent": 20, "caller": 16}
_AMPLITUDE = 4000


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet; `timestamp` counts samples."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False

    def encode(self) -> bytes:
        second = self.payload_type | (_MARKER if self.marker else 0)
        head = _HEADER.pack(_VERSION, second, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, self.ssrc)
        return head + self.payload


def parse_rtp(data: bytes) -> RtpPacket | None:
    """A packet, or None for what is not RTP (RTCP, rubbish). Padding and extensions are taken off."""
    if len(data) < _HEADER.size or data[0] & 0xC0 != _VERSION or data[1] in _RTCP:
        return None
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    start = _HEADER.size + 4 * (first & 0x0F)
    if first & 0x10 and len(data) >= start + 4:
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    end = len(data) - (data[-1] if first & 0x20 else 0)
    if start > end:
        return None
    return RtpPacket(second & 0x7F, sequence, timestamp, ssrc, data[start:end], bool(second & _MARKER))


@dataclass(frozen=True, slots=True)
class DigitEvent:
    """One state of a pressed key: `duration` in samples since it went down, `end` once it is up."""

    digit: str
    duration: int
    end: bool

    def encode(self) -> bytes:
        flags = _VOLUME | (_END if self.end else 0)
        return _EVENT.pack(DIGITS.index(self.digit), flags, min(self.duration, _MAX_DURATION))


def parse_digit(payload: bytes) -> DigitEvent | None:
    """A telephone-event payload, or None for an event that is no key."""
    if len(payload) < _EVENT.size or payload[0] >= len(DIGITS):
        return None
    event, flags, duration = _EVENT.unpack_from(payload)
    return DigitEvent(DIGITS[event], duration, bool(flags & _END))


def key_press(digit: str, tone_s: float) -> Iterator[DigitEvent]:
    """The events of one key held for `tone_s`: one each 20 ms and the end three times."""
    frames = max(2, round(tone_s / FRAME_S))
    for frame in range(1, frames):
        yield DigitEvent(digit, frame * FRAME_SAMPLES, end=False)
    for _ in range(END_PACKETS):
        yield DigitEvent(digit, frames * FRAME_SAMPLES, end=True)


def encode_pcmu(sample: int) -> int:
    """One 16-bit sample as a G.711 mu-law byte."""
    magnitude = min(abs(sample), 32635) + 132
    exponent = magnitude.bit_length() - 8
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return ~((0x80 if sample < 0 else 0) | exponent << 4 | mantissa) & 0xFF


@cache
def voice_frame(name: str) -> bytes:
    """20 ms of the voice of `agent` or `caller`."""
    period = _VOICE_PERIOD_SAMPLES[name]
    sine = (_AMPLITUDE * math.sin(2 * math.pi * n / period) for n in range(FRAME_SAMPLES))
    return bytes(encode_pcmu(round(sample)) for sample in sine)


def _rotations() -> dict[bytes, str]:
    known: dict[bytes, str] = {}
    for name, period in _VOICE_PERIOD_SAMPLES.items():
        twice = voice_frame(name) * 2
        known |= {twice[shift : shift + FRAME_SAMPLES]: name for shift in range(period)}
    return known


_KNOWN_VOICES = _rotations()


def recognise(payload: bytes) -> str | None:
    """Whose voice this 20 ms frame is; None for music, prompts, silence and anything else."""
    return _KNOWN_VOICES.get(payload)
