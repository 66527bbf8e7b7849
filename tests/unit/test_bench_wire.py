"""The benchmark's SIP: what it writes is SIP to the laboratory's own parser, what it reads is what that one reads."""

from __future__ import annotations

from acd.lab import sip
from acd.lab.bench import wire
from acd.lab.bench.repeats import MOST, Repeats

DIALOG = wire.Dialog("127.0.0.2:5070", "79000000001", "<sip:a@h>;tag=1", "<sip:b@h>", "sip:b@127.0.0.1:5060")


def test_a_request_is_sip() -> None:
    data = DIALOG.request("INVITE", body=wire.SDP.format(host="127.0.0.4", port=4000))
    read = sip.parse(data)
    assert isinstance(read, sip.Request)
    assert (read.method, read.uri, read.cseq, read.call_id) == ("INVITE", "sip:b@127.0.0.1:5060", 1, "79000000001")
    assert int(read.header("content-length")) == len(read.body)
    assert read.sender.tag == "1"


def test_an_answer_is_sip_and_belongs_to_its_request() -> None:
    request = DIALOG.request("INVITE")
    read = sip.parse(wire.answer(request, "180 Ringing", "127.0.0.4:5080", tag="t"))
    asked = sip.parse(request)
    assert isinstance(read, sip.Response)
    assert (read.status, read.branch, read.receiver.tag) == (180, asked.branch, "t")
    assert read.call_id == asked.call_id
    assert wire.status_of(wire.answer(request, "200 OK", "h:1")) == 200
    assert wire.status_of(request) == 0


def test_headers_are_found_without_parsing() -> None:
    request = DIALOG.request("BYE", cseq=2)
    assert wire.header(request, b"CSeq") == b"2 BYE"
    assert wire.method_of(request) == b"BYE"
    assert wire.header(request, b"Record-Route") == b""
    assert wire.user_of(b"INVITE sip:2001@127.0.0.4:5080 SIP/2.0") == "2001"
    assert wire.user_of(b"INVITE tel:2001 SIP/2.0") == ""
    assert wire.uri_of(b"<sip:asterisk@127.0.0.1:10000>;x=y") == "sip:asterisk@127.0.0.1:10000"


def test_what_is_not_answered_is_said_again_and_then_given_up() -> None:
    sent: list[bytes] = []
    now_s = [100.0]
    repeats = Repeats(lambda _host, data: sent.append(data), lambda: now_s[0])
    repeats.say("h", "one", b"1")
    repeats.say("h", "two", b"2")
    repeats.forget("two")
    repeats.sweep()
    assert sent == [b"1", b"2"]
    for _ in range(2 * MOST):
        now_s[0] += 10.0
        repeats.sweep()
    assert sent.count(b"1") == MOST
    assert sent.count(b"2") == 1
    assert repeats.repeated == MOST - 1
