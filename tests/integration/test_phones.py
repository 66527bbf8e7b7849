"""Simulated phones against each other over loopback, without a server between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from acd import tasks
from acd.lab import sip
from acd.lab.call import Call, CallState
from acd.lab.incoming import IncomingCall
from acd.lab.outgoing import OutgoingCall
from acd.lab.phone import Phone
from acd.lab.transactions import Timers
from acd.lab.udp import HostPort, Moment, UdpSocket

NOWHERE: HostPort = ("127.0.0.1", 9)
QUICK = Timers(t1_s=0.02, t2_s=0.08)

Maker = Callable[..., Awaitable[Phone]]


@pytest.fixture
async def make() -> AsyncIterator[Maker]:
    """Started phones that are switched off in the end; afterwards nothing may be left running."""
    before = tasks.count()
    phones: list[Phone] = []

    async def started(user: str, server: HostPort = NOWHERE, **options: object) -> Phone:
        phone = Phone(user=user, server=server, **options)  # type: ignore[arg-type]
        await phone.start()
        phones.append(phone)
        return phone

    yield started
    for phone in phones:
        await phone.stop()
    for _ in range(500):
        if tasks.count() <= before:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{tasks.count() - before} tasks are still running")


async def ringing(caller: Phone, callee: Phone) -> tuple[OutgoingCall, IncomingCall]:
    call = await caller.call(callee.user)
    incoming = await callee.incoming(timeout_s=2)
    await incoming.ring()
    await call.wait_ringing(2)
    return call, incoming


async def talking(caller: Phone, callee: Phone) -> tuple[OutgoingCall, IncomingCall]:
    call, incoming = await ringing(caller, callee)
    await incoming.answer()
    await call.wait_answered(2)
    return call, incoming


async def test_a_call_is_made_heard_and_ended(make: Maker) -> None:
    anna = await make("1001", voice="agent")
    trunk = await make("trunk", anna.address, voice="caller")
    call = await trunk.call("1001", number="+79161234567", name='Пётр «X» "q" \\')
    incoming = await anna.incoming(timeout_s=2)
    assert incoming.remote_name == 'Пётр «X» "q" \\'
    assert (incoming.remote_number, incoming.dialled) == ("+79161234567", "1001")
    await incoming.ring()
    await call.wait_ringing(2)
    await incoming.answer()
    await call.wait_answered(2)
    assert await call.media.wait_voice("agent", 3)
    assert await incoming.media.wait_voice("caller", 3)
    await incoming.hang_up()
    await call.wait_ended(2)
    assert (call.ended_by, incoming.ended_by) == ("them", "us")
    assert (call.status, call.reason) == (200, "OK")
    assert call.media.packets_heard > 0
    assert (anna.calls, trunk.calls) == ({}, {})


async def test_times_are_in_order_on_both_clocks(make: Maker) -> None:
    anna = await make("1001")
    call, incoming = await talking(await make("trunk", anna.address), anna)
    await call.hang_up()
    await incoming.wait_ended(2)
    sent, seen = call.times, incoming.times
    moments = [sent.invited_at, seen.invited_at, seen.ringing_at, sent.ringing_at]
    moments += [seen.answered_at, sent.answered_at, sent.ended_at, seen.ended_at]
    known = [moment for moment in moments if moment is not None]
    assert len(known) == len(moments)
    assert [moment.unix_s for moment in known] == sorted(moment.unix_s for moment in known)
    offsets = [moment.unix_s - moment.loop_s for moment in known]
    assert max(offsets) - min(offsets) < 0.01


async def test_digits_arrive_as_pressed(make: Maker) -> None:
    anna = await make("1001", media="full")
    call, incoming = await talking(await make("trunk", anna.address), anna)
    await call.send_digits("10#*0011", tone_s=0.04, gap_s=0.02)
    assert await incoming.media.wait_digits("10#*0011", 2)
    assert incoming.media.digits_heard == "10#*0011"


async def test_digits_into_an_ended_call_are_an_error(make: Maker) -> None:
    anna = await make("1001")
    call, incoming = await talking(await make("trunk", anna.address), anna)
    await incoming.hang_up()
    await call.wait_ended(2)
    with pytest.raises(sip.SipError):
        await call.send_digits("1")


@pytest.mark.parametrize("status", [486, 603, 480])
async def test_a_refusal_is_told_with_its_status(make: Maker, status: int) -> None:
    anna = await make("1001")
    call, incoming = await ringing(await make("trunk", anna.address), anna)
    await incoming.reject(status)
    with pytest.raises(sip.CallFailed) as failed:
        await call.wait_answered(2)
    assert failed.value.status == status
    assert (call.ended_by, incoming.ended_by) == ("them", "us")


async def test_a_caller_who_hangs_up_while_it_rings_cancels(make: Maker) -> None:
    anna = await make("1001")
    call, incoming = await ringing(await make("trunk", anna.address), anna)
    await call.hang_up()
    await incoming.wait_ended(2)
    assert (call.status, call.ended_by) == (487, "us")
    assert (incoming.status, incoming.ended_by) == (487, "them")
    with pytest.raises(sip.CallFailed):
        await incoming.answer()


async def test_a_cancel_that_crosses_an_answer_ends_in_bye(make: Maker) -> None:
    anna = await make("1001")
    call, incoming = await ringing(await make("trunk", anna.address), anna)
    await incoming.answer()
    await call.hang_up()
    await incoming.wait_ended(2)
    assert call.state is CallState.ENDED
    assert (call.ended_by, incoming.ended_by) == ("us", "them")


async def test_a_full_phone_is_busy(make: Maker) -> None:
    anna = await make("1001", max_calls=1)
    trunk = await make("trunk", anna.address)
    await talking(trunk, anna)
    second = await trunk.call("1001")
    with pytest.raises(sip.CallFailed) as failed:
        await second.wait_answered(2)
    assert failed.value.status == 486


async def test_many_calls_at_once_do_not_mix(make: Maker) -> None:
    anna = await make("1001")
    trunk = await make("trunk", anna.address)
    pairs = [await talking(trunk, anna) for _ in range(5)]
    await pairs[2][0].hang_up()
    await pairs[2][1].wait_ended(2)
    alive = [index for index, (_, incoming) in enumerate(pairs) if incoming.state is CallState.TALKING]
    assert alive == [0, 1, 3, 4]


async def test_a_silent_phone_says_nothing_and_the_caller_gives_up(make: Maker) -> None:
    anna = await make("1001")
    anna.silent = True
    trunk = await make("trunk", anna.address, timers=Timers(t1_s=0.01, t2_s=0.04))
    call = await trunk.call("1001")
    with pytest.raises(sip.CallFailed) as failed:
        await call.wait_answered(5)
    assert failed.value.status == 408


async def test_hold_and_resume_are_negotiated(make: Maker) -> None:
    anna = await make("1001")
    call, incoming = await talking(await make("trunk", anna.address), anna)
    await incoming.hold()
    assert call.held
    await incoming.resume()
    assert not call.held
    assert call.state is incoming.state is CallState.TALKING


async def test_an_offer_without_our_codec_is_not_acceptable(make: Maker) -> None:
    anna = await make("1001")
    trunk = await make("trunk", anna.address)
    call, _ = await talking(trunk, anna)
    body = b"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 8\r\n"
    call.dialog.remote, call.dialog.cseq = f"<sip:1001@{anna.address[0]}>", 90
    assert (await call.ask("INVITE", body=body)).status == 488


async def test_questions_inside_and_outside_a_call_are_answered(make: Maker) -> None:
    anna = await make("1001")
    call, _ = await talking(await make("trunk", anna.address), anna)
    assert [(await call.ask(method)).status for method in ("OPTIONS", "UPDATE", "INFO", "REFER")] == [
        200,
        200,
        200,
        405,
    ]


async def test_a_refused_transfer_leaves_the_call_as_it_was(make: Maker) -> None:
    anna = await make("1001")
    call, incoming = await talking(await make("trunk", anna.address), anna)
    assert await incoming.refer("1002") == 405
    assert call.state is incoming.state is CallState.TALKING


async def test_a_handler_takes_calls_in_place_of_the_queue(make: Maker) -> None:
    taken: list[Call] = []

    async def take(call: IncomingCall) -> None:
        taken.append(call)
        await call.answer()

    anna = await make("1001", on_incoming=take)
    call = await (await make("trunk", anna.address)).call("1001")
    await call.wait_answered(2)
    assert len(taken) == 1
    with pytest.raises(sip.SipTimeout):
        await anna.incoming(timeout_s=0.05)


async def test_registering_where_nobody_answers_times_out(make: Maker) -> None:
    lost = await make("1001", NOWHERE, timers=Timers(t1_s=0.005, t2_s=0.02))
    with pytest.raises(sip.SipTimeout):
        await lost.register()
    assert not lost.registered


class LossyRelay:
    """Stands between one caller and one callee and loses the first copy of everything, both ways."""

    def __init__(self, callee: HostPort) -> None:
        self.lost: list[str] = []
        self._callee = callee
        self._caller: HostPort | None = None
        self._seen: set[tuple[HostPort, str, str]] = set()
        self._socket = UdpSocket("127.0.0.1", 0, self._pass_on)
        self.address = self._socket.address

    def _pass_on(self, data: bytes, source: HostPort, _moment: Moment) -> None:
        if source != self._callee:
            self._caller = source
        message = sip.parse(data)
        first_line = data.partition(b"\r\n")[0].decode()
        key = (source, first_line, message.header("cseq"))
        if key not in self._seen:
            self._seen.add(key)
            self.lost.append(f"{first_line.partition(' sip:')[0]} ({message.cseq_method})")
            return
        target = self._caller if source == self._callee else self._callee
        if target is not None:
            self._socket.send(data, target)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
async def lossy(make: Maker) -> AsyncIterator[tuple[Phone, Phone, LossyRelay]]:
    anna = await make("1001", timers=QUICK)
    relay = LossyRelay(anna.address)
    trunk = await make("trunk", relay.address, timers=QUICK)
    yield trunk, anna, relay
    relay.close()


async def test_a_call_lives_through_losing_every_message_once(
    lossy: tuple[Phone, Phone, LossyRelay],
) -> None:
    trunk, anna, relay = lossy
    call = await trunk.call("1001")
    incoming = await anna.incoming(timeout_s=2)
    await incoming.answer()
    await call.wait_answered(2)
    async with asyncio.timeout(2):
        await incoming.acknowledged.wait()
    await incoming.hang_up()
    await call.wait_ended(2)
    assert incoming.reason == "OK"
    assert {"INVITE (INVITE)", "SIP/2.0 200 OK (INVITE)", "ACK (ACK)", "BYE (BYE)"} <= set(relay.lost)
    assert "SIP/2.0 200 OK (BYE)" in relay.lost
    with pytest.raises(sip.SipTimeout):
        await anna.incoming(timeout_s=0.1)


async def test_a_refusal_and_its_ack_live_through_loss(lossy: tuple[Phone, Phone, LossyRelay]) -> None:
    trunk, anna, relay = lossy
    call = await trunk.call("1001")
    incoming = await anna.incoming(timeout_s=2)
    await incoming.reject(603)
    with pytest.raises(sip.CallFailed) as failed:
        await call.wait_answered(2)
    assert failed.value.status == 603
    assert "SIP/2.0 603 Decline (INVITE)" in relay.lost
    async with asyncio.timeout(2):
        await incoming.acknowledged.wait()
    assert "ACK (ACK)" in relay.lost


async def test_an_answer_that_is_never_acknowledged_ends_the_call(make: Maker) -> None:
    anna = await make("1001", timers=Timers(t1_s=0.01, t2_s=0.04))
    trunk = await make("trunk", anna.address)
    await trunk.call("1001")
    incoming = await anna.incoming(timeout_s=2)
    trunk.silent = True
    await incoming.answer()
    await incoming.wait_ended(5)
    assert incoming.reason == "no ACK"
    assert not incoming.acknowledged.is_set()


async def test_who_answers_and_hangs_up_at_once_waits_for_the_ack(make: Maker) -> None:
    anna = await make("1001")
    call, incoming = await ringing(await make("trunk", anna.address), anna)
    await incoming.answer()
    assert not incoming.acknowledged.is_set()
    await incoming.hang_up()
    assert incoming.acknowledged.is_set()
    await call.wait_ended(2)
    assert (call.ended_by, incoming.ended_by) == ("them", "us")
