"""RTP packets, digits and voices, without a socket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.lab import rtp


@given(
    st.integers(0, 127).filter(lambda kind: kind not in range(72, 86)),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.binary(max_size=200),
    st.booleans(),
)
def test_a_packet_is_written_and_read(
    kind: int, sequence: int, timestamp: int, ssrc: int, payload: bytes, marker: bool
) -> None:
    packet = rtp.RtpPacket(kind, sequence, timestamp, ssrc, payload, marker)
    assert rtp.parse_rtp(packet.encode()) == packet


def test_sequence_and_timestamp_wrap() -> None:
    read = rtp.parse_rtp(rtp.RtpPacket(0, 0x10001, 0x100000002, 7, b"").encode())
    assert read is not None
    assert (read.sequence, read.timestamp) == (1, 2)


def test_csrc_extension_and_padding_are_taken_off() -> None:
    plain = rtp.RtpPacket(0, 1, 2, 3, b"").encode()
    dressed = bytes([plain[0] | 0x31]) + plain[1:] + b"CSRC" + b"\xbe\xde\x00\x01EXT!" + b"sound" + b"\0\0\3"
    read = rtp.parse_rtp(dressed)
    assert read is not None
    assert read.payload == b"sound"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x00short",
        b"\x80\xc8" + bytes(26),
        b"\x00\x01" + bytes(20),
        b"\xa0\x00" + bytes(10) + b"\xff",
    ],
)
def test_rtcp_stun_and_rubbish_are_not_rtp(data: bytes) -> None:
    assert rtp.parse_rtp(data) is None


def test_a_key_press_grows_and_ends_three_times() -> None:
    events = list(rtp.key_press("#", 0.1))
    assert [event.duration for event in events] == [160, 320, 480, 640, 800, 800, 800]
    assert [event.end for event in events] == [False] * 4 + [True] * 3
    assert {event.digit for event in events} == {"#"}


def test_a_key_press_is_never_without_a_beginning() -> None:
    assert [event.end for event in rtp.key_press("1", 0.0)] == [False, True, True, True]


def test_the_bytes_of_rfc_4733() -> None:
    assert rtp.DigitEvent("*", 400, end=False).encode() == bytes([10, 10, 1, 144])
    assert rtp.DigitEvent("#", 800, end=True).encode() == bytes([11, 0x8A, 3, 32])


@pytest.mark.parametrize("digit", list(rtp.DIGITS))
def test_digits_are_written_and_read(digit: str) -> None:
    event = rtp.DigitEvent(digit, 320, end=True)
    assert rtp.parse_digit(event.encode()) == event


@pytest.mark.parametrize("payload", [b"", b"\x01\x80\x00", bytes([16, 0, 0, 0])])
def test_what_is_no_key_is_none(payload: bytes) -> None:
    assert rtp.parse_digit(payload) is None


@pytest.mark.parametrize(
    ("sample", "coded"), [(0, 0xFF), (-1, 0x7F), (32767, 0x80), (-32768, 0x00), (1000, 0xCE), (-1000, 0x4E)]
)
def test_mu_law_of_g_711(sample: int, coded: int) -> None:
    assert rtp.encode_pcmu(sample) == coded


@pytest.mark.parametrize("name", ["agent", "caller"])
@pytest.mark.parametrize("shift", [0, 1, 7, 80, 159])
def test_a_voice_is_known_wherever_the_frame_was_cut(name: str, shift: int) -> None:
    two_frames = rtp.voice_frame(name) * 2
    assert rtp.recognise(two_frames[shift : shift + rtp.FRAME_SAMPLES]) == name


@given(st.binary(min_size=160, max_size=160))
def test_noise_is_nobody(frame: bytes) -> None:
    assert rtp.recognise(frame) is None


def test_a_voice_survives_asterisk_decoding_and_coding_it_again() -> None:
    """Negative zero is the one code that does not come back as it went."""
    assert 0x7F not in rtp.voice_frame("agent") + rtp.voice_frame("caller")
