"""The sound of one call: a socket that speaks as little as is wanted and counts what it hears.

Sixty calls of 50 packets a second each way are too much for a simulation that shares two cores with the
server, so a stream looks at its socket ten times a second and reads what has gathered; speaking can be
thinned out as well.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections import Counter
from collections.abc import Callable
from typing import Literal

from acd.lab import rtp
from acd.lab.sdp import PCMU_PAYLOAD
from acd.lab.sip import SipError
from acd.lab.udp import HostPort, bind, bind_even, send

Media = Literal["full", "sparse", "none"]
"""`full`: a packet every 20 ms; `sparse`: one every 0.5 s; `none`: neither speaks nor listens."""

_SPEAK_EVERY_S: dict[Media, float] = {"full": rtp.FRAME_S, "sparse": 0.5}
_TICK_S: dict[Media, float] = {"full": rtp.FRAME_S, "sparse": 0.1}
_MAX_BEHIND_FRAMES = 5
_MAX_READ_PER_TICK = 200
_MAX_DATAGRAM = 2048
_MAX_DIGITS_HEARD = 256


class MediaStream:
    """RTP of one call, from `connect` on; silent and deaf for media `none`, only silent while `muted`.

    `longest_silence_s` counts from `connect` to the last packet, and to the end once closed.
    """

    def __init__(self, host: str, media: Media, voice: str) -> None:
        """Binds a port on `host`; raises OSError. `voice`: see `rtp.voice_frame`."""
        self.packets_heard = 0
        self.packets_sent = 0
        self.voices: Counter[str] = Counter()
        self.voice_heard_at_s: dict[str, float] = {}
        self.other_heard_at_s = 0.0
        self.longest_silence_s = 0.0
        self.digits_heard = ""
        self.muted = False
        self._media = media
        self._loop = asyncio.get_running_loop()
        self._socket = bind_even(host) if media != "none" else _deaf(host)
        self.port: int = self._socket.getsockname()[1]
        self._frame = rtp.voice_frame(voice)
        self._remote: HostPort | None = None
        self._digit_payload: int | None = None
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(15)
        self._epoch_s = self._loop.time()
        self._timestamp_base = secrets.randbits(31)
        self._next_frame_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._pressing = asyncio.Lock()
        self._last_event_timestamp: int | None = None
        self._news = asyncio.Event()
        self._silent_since_s: float | None = None
        self.closed = False

    def connect(self, remote: HostPort, digit_payload: int | None) -> None:
        """Speak to `remote` from now on; called again when the peer moves."""
        self._remote = remote
        self._digit_payload = digit_payload
        if self._timer is None and self._media != "none" and not self.closed:
            self._epoch_s = self._next_frame_s = self._silent_since_s = self._loop.time()
            self._tick()

    def close(self) -> None:
        """Stop; the counters stay. Harmless when closed already."""
        if self.closed:
            return
        self._listen()
        self._count_silence()
        self.closed = True
        self._news.set()
        if self._timer is not None:
            self._timer.cancel()
        self._socket.close()

    async def send_digits(self, digits: str, *, tone_s: float = 0.1, gap_s: float = 0.1) -> None:
        """Press the keys in turn. Raises SipError when the call has no RTP digits or ends meanwhile."""
        async with self._pressing:
            for digit in digits:
                await self._press(digit, tone_s)
                await asyncio.sleep(gap_s)

    async def wait_until(self, fact: Callable[[], bool], timeout_s: float) -> bool:
        """True once `fact` holds, looked at after each tick; False after `timeout_s` or when closed."""
        try:
            async with asyncio.timeout(timeout_s):
                while not fact():
                    if self.closed:
                        return False
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return fact()
        return True

    async def wait_digits(self, digits: str, timeout_s: float) -> bool:
        """True once the digits heard so far contain `digits`."""
        return await self.wait_until(lambda: digits in self.digits_heard, timeout_s)

    async def wait_voice(self, name: str, timeout_s: float) -> bool:
        """True once `name` has been heard speaking."""
        return await self.wait_until(lambda: self.voices[name] > 0, timeout_s)

    async def _press(self, digit: str, tone_s: float) -> None:
        due_s = self._loop.time()
        started = self._timestamp(due_s)
        released = False
        for number, event in enumerate(rtp.key_press(digit, tone_s)):
            if self.closed and released:
                return
            if self._digit_payload is None or self.closed:
                raise SipError(f"digit {digit} cannot be sent: the call has ended or has no telephone-event")
            released = event.end
            self._send(self._digit_payload, started, event.encode(), marker=number == 0)
            due_s += rtp.FRAME_S
            await asyncio.sleep(max(0.0, due_s - self._loop.time()))

    def _timestamp(self, at_s: float) -> int:
        elapsed_frames = round((at_s - self._epoch_s) / rtp.FRAME_S)
        return (self._timestamp_base + elapsed_frames * rtp.FRAME_SAMPLES) & 0xFFFFFFFF

    def _send(self, payload_type: int, timestamp: int, payload: bytes, *, marker: bool = False) -> None:
        if self._remote is None:
            return
        self._sequence = (self._sequence + 1) & 0xFFFF
        packet = rtp.RtpPacket(payload_type, self._sequence, timestamp, self._ssrc, payload, marker)
        send(self._socket, packet.encode(), self._remote)
        self.packets_sent += 1

    def _tick(self) -> None:
        self._listen()
        self._speak()
        self._timer = self._loop.call_later(_TICK_S[self._media], self._tick)

    def _speak(self) -> None:
        now_s, every_s = self._loop.time(), _SPEAK_EVERY_S[self._media]
        self._next_frame_s = max(self._next_frame_s, now_s - _MAX_BEHIND_FRAMES * every_s)
        while self._next_frame_s <= now_s:
            if not self.muted and not self._pressing.locked():
                timestamp = self._timestamp(self._next_frame_s)
                self._send(PCMU_PAYLOAD, timestamp, self._frame, marker=self.packets_sent == 0)
            self._next_frame_s += every_s

    def _listen(self) -> None:
        if self._media == "none" or self.closed:
            return
        for _ in range(_MAX_READ_PER_TICK):
            try:
                data, source = self._socket.recvfrom(_MAX_DATAGRAM)
            except BlockingIOError:
                break
            except OSError:
                continue
            # A port given back is soon another call's; what was meant for the earlier one is not counted.
            if self._remote is not None and source[1] == self._remote[1]:
                self._hear(data)

    def _hear(self, data: bytes) -> None:
        packet = rtp.parse_rtp(data)
        if packet is None:
            return
        self.packets_heard += 1
        self._count_silence()
        self._news.set()
        if packet.payload_type == PCMU_PAYLOAD:
            self._hear_sound(packet.payload)
        elif packet.payload_type == self._digit_payload:
            self._hear_event(packet)

    def _count_silence(self) -> None:
        """Nothing at all was heard from the last packet, or from the beginning, until now."""
        if self._silent_since_s is not None:
            now_s = self._loop.time()
            self.longest_silence_s = max(self.longest_silence_s, now_s - self._silent_since_s)
            self._silent_since_s = now_s

    def _hear_sound(self, payload: bytes) -> None:
        voice = rtp.recognise(payload)
        if voice is None:
            self.other_heard_at_s = self._loop.time()
            return
        self.voices[voice] += 1
        self.voice_heard_at_s[voice] = self._loop.time()

    def _hear_event(self, packet: rtp.RtpPacket) -> None:
        event = rtp.parse_digit(packet.payload)
        if event is not None and packet.timestamp != self._last_event_timestamp:
            self._last_event_timestamp = packet.timestamp
            self.digits_heard = (self.digits_heard + event.digit)[-_MAX_DIGITS_HEARD:]


def _deaf(host: str) -> socket.socket:
    """A port that exists, so that nothing comes back as unreachable, and keeps next to nothing."""
    made = bind(host, 0)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    return made
