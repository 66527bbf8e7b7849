"""SIP messages, digest proofs and session descriptions: bytes in, values out, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.lab import digest, sdp, sip
from acd.lab.transfer import Progress

INVITE = (
    "INVITE sip:74951234567@127.0.0.1:5060 SIP/2.0\r\n"
    "v: SIP/2.0/UDP 127.0.0.2:5070;branch=z9hG4bKabc;rport\r\n"
    'f: "Пётр \\"X\\" \\\\" <sip:%2B79161234567@127.0.0.1>;tag=one\r\n'
    "t: <sip:74951234567@127.0.0.1>\r\n"
    "i: id-1\r\n"
    "CSeq: 7 INVITE\r\n"
    "m: <sip:trunk@127.0.0.2:5070;transport=udp>;expires=60, <sip:other@host>\r\n"
    "Subject: first\r\n"
    " second\r\n"
    "l: 0\r\n"
    "\r\n"
).encode()


def parsed_invite() -> sip.Request:
    message = sip.parse(INVITE)
    assert isinstance(message, sip.Request)
    return message


def test_a_request_is_taken_apart() -> None:
    invite = parsed_invite()
    assert (invite.method, invite.uri) == ("INVITE", "sip:74951234567@127.0.0.1:5060")
    assert (invite.call_id, invite.cseq, invite.cseq_method) == ("id-1", 7, "INVITE")
    assert invite.branch == "z9hG4bKabc"
    assert invite.sender == sip.Address('Пётр "X" \\', "sip:%2B79161234567@127.0.0.1", "one")
    assert invite.sender.number == "+79161234567"
    assert invite.receiver.tag == ""
    assert invite.contact == "sip:trunk@127.0.0.2:5070;transport=udp"
    assert invite.header("subject") == "first second"


def test_a_request_survives_being_written_and_read() -> None:
    invite = parsed_invite()
    again = sip.parse(invite.encode())
    assert isinstance(again, sip.Request)
    without_length = tuple(pair for pair in again.headers if pair[0] != "content-length")
    assert without_length == tuple(pair for pair in invite.headers if pair[0] != "content-length")


def test_an_answer_goes_back_the_way_the_request_came() -> None:
    answer = sip.respond(parsed_invite(), 180, tag="ours", source=("10.0.0.9", 4444))
    assert (answer.status, answer.reason) == (180, "Ringing")
    assert answer.header("via") == ("SIP/2.0/UDP 127.0.0.2:5070;branch=z9hG4bKabc;received=10.0.0.9;rport=4444")
    assert answer.receiver.tag == "ours"
    assert answer.header("cseq") == "7 INVITE"


def test_trying_has_no_tag_and_an_existing_tag_is_kept() -> None:
    assert sip.respond(parsed_invite(), 100, tag="ours", source=("h", 1)).receiver.tag == ""
    tagged = sip.parse(INVITE.replace(b"<sip:74951234567@127.0.0.1>\r\n", b"<sip:x@h>;tag=kept\r\n"))
    assert isinstance(tagged, sip.Request)
    assert sip.respond(tagged, 200, tag="ours", source=("h", 1)).receiver.tag == "kept"


def test_any_byte_survives() -> None:
    raw = INVITE.replace("Пётр".encode(), b"\xff\xfe\x80")
    message = sip.parse(raw)
    assert b"\xff\xfe\x80" in message.encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"rubbish",
        b"\r\n\r\n",
        INVITE.replace(b"CSeq: 7 INVITE", b"CSeq: seven INVITE"),
        INVITE.replace(b"i: id-1\r\n", b""),
        INVITE.replace(b"i: id-1", b"no colon here"),
        INVITE.replace(b"INVITE sip:74951234567@127.0.0.1:5060 SIP/2.0", b"SIP/2.0 many OK"),
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(sip.SipMalformed):
        sip.parse(data)


@given(st.binary(max_size=60), st.integers(0, len(INVITE)), st.integers(0, 60))
def test_damage_is_refused_or_read_but_never_a_crash(damage: bytes, position: int, cut: int) -> None:
    damaged = INVITE[:position] + damage + INVITE[position + cut :]
    try:
        message = sip.parse(damaged)
    except sip.SipMalformed:
        return
    assert isinstance(message.cseq, int)
    if isinstance(message, sip.Request):
        assert sip.parse(sip.respond(message, 486, tag="t", source=("127.0.0.1", 1)).encode())


SESSION = sdp.build(sdp.Session("127.0.0.1", 4000), session_id=1, version=1)


@given(st.binary(max_size=30), st.integers(0, len(SESSION)), st.integers(0, 30))
def test_a_damaged_session_is_refused_or_usable(damage: bytes, position: int, cut: int) -> None:
    try:
        session = sdp.parse(SESSION[:position] + damage + SESSION[position + cut :])
    except sip.SipMalformed:
        return
    assert 0 <= session.port < 65536
    assert session.host.replace(".", "").isdecimal()


@given(st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=40))
def test_any_display_name_comes_through_an_address(name: str) -> None:
    text = sip.format_address(name, "sip:1@h", "t")
    assert sip.parse_address(text) == sip.Address(name, "sip:1@h", "t")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_any_user_comes_through_a_uri(user: str) -> None:
    uri = sip.make_uri(user, "127.0.0.1", 5060)
    assert uri.isascii()
    assert sip.uri_user(uri).partition(";")[0] == user.partition(";")[0]


def test_a_name_cannot_add_headers_but_raw_bytes_can_say_anything() -> None:
    with pytest.raises(sip.SipMalformed):
        sip.format_address("x\r\nEvil: 1", "sip:1@h")
    assert sip.format_address(b'"un\xffbalanced', "sip:1@h") == '"un\udcffbalanced <sip:1@h>'


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("sip:1@h;tag=a", sip.Address("", "sip:1@h", "a")),
        ("<sip:1@h;x=y>;tag=a", sip.Address("", "sip:1@h;x=y", "a")),
        ("Bob <sip:1@h>", sip.Address("Bob", "sip:1@h", "")),
        ('"a;b,<c>" <sip:1@h>;tag=a', sip.Address("a;b,<c>", "sip:1@h", "a")),
    ],
)
def test_addresses_in_all_their_forms(value: str, expected: sip.Address) -> None:
    assert sip.parse_address(value) == expected


def test_commas_in_quotes_do_not_split() -> None:
    assert sip.split_outside_quotes('"a,\\"b" <x,y>, c', ",") == ['"a,\\"b" <x,y>', "c"]


def challenge(value: str, status: int = 401, header: str = "www-authenticate") -> digest.Challenge | None:
    response = sip.Response(((header, value),), b"", status=status, reason="")
    return digest.find_challenge(response)


def test_the_digest_of_rfc_2617() -> None:
    found = challenge(
        'Digest realm="testrealm@host.com", qop="auth,auth-int", '
        'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    assert found is not None
    proof = digest.prove(found, "Mufasa", "Circle Of Life", "GET", "/dir/index.html", cnonce="0a4f113b")
    assert 'response="6629fae49393a05397450978507c4ef1"' in proof
    assert "nc=00000001" in proof
    assert 'opaque="5ccc069c403ebaf9f0171e9517f40e41"' in proof


def test_the_sha_256_digest_of_rfc_7616() -> None:
    found = challenge(
        'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"',
        407,
        "proxy-authenticate",
    )
    assert found is not None
    assert found.header == "proxy-authorization"
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    proof = digest.prove(found, "Mufasa", "Circle of Life", "GET", "/dir/index.html", cnonce=cnonce)
    assert "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1" in proof


def test_a_challenge_without_qop_gets_the_old_proof() -> None:
    found = challenge('Digest realm="r", nonce="n"')
    assert found is not None
    proof = digest.prove(found, "u", "p", "REGISTER", "sip:h")
    assert "qop" not in proof
    assert "cnonce" not in proof


@pytest.mark.parametrize("value", ["Basic realm=x", 'Digest realm="r", nonce="n", algorithm=FANCY-9'])
def test_a_challenge_we_cannot_meet_is_none(value: str) -> None:
    assert challenge(value) is None


def test_a_session_is_written_and_read() -> None:
    session = sdp.Session("127.0.0.1", 4000, digit_payload=96, direction="sendonly")
    assert sdp.parse(sdp.build(session, session_id=1, version=2)) == session


def test_the_payload_type_of_digits_is_found_by_name() -> None:
    body = (
        b"v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 8 0 110 101\r\nc=IN IP4 10.0.0.2\r\n"
        b"a=rtpmap:110 telephone-event/48000\r\na=rtpmap:101 TELEPHONE-EVENT/8000\r\na=sendonly\r\n"
        b"m=video 5000 RTP/AVP 99\r\nc=IN IP4 10.0.0.3\r\na=inactive\r\n"
    )
    offer = sdp.parse(body)
    assert offer == sdp.Session("10.0.0.2", 4000, True, 101, "sendonly")
    assert sdp.answer(offer, "127.0.0.1", 6) == sdp.Session("127.0.0.1", 6, True, 101, "recvonly")


def test_digits_that_were_not_offered_are_not_answered() -> None:
    offer = sdp.parse(b"c=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\n")
    assert sdp.answer(offer, "h", 1).digit_payload is None
    assert b"telephone-event" not in sdp.build(sdp.answer(offer, "h", 1), session_id=1, version=1)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"v=0\r\n",
        b"c=IN IP4 1.1.1.1\r\nm=audio many RTP/AVP 0\r\n",
        b"c=IN IP4 1.1.1.1\r\nm=audio 70000 RTP/AVP 0\r\n",
        b"c=IN IP4 a.name\r\nm=audio 4000 RTP/AVP 0\r\n",
        b"c=\r\nm=audio 4000 RTP/AVP 0\r\n",
    ],
)
def test_a_session_without_audio_is_refused(body: bytes) -> None:
    with pytest.raises(sip.SipMalformed):
        sdp.parse(body)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"SIP/2.0 100 Trying\r\n", 100), (b"SIP/2.0 603 Decline", 603), (b"", 0), (b"Messages-Waiting: no", 0)],
)
async def test_a_notify_tells_how_a_transfer_goes(body: bytes, status: int) -> None:
    progress = Progress()
    progress.heard(sip.Request((), body, method="NOTIFY", uri="sip:h"))
    assert progress.status == status
    assert progress.news.is_set() == (status > 0)
