"""When the hotline was in service, as it is made out from looks and blows."""

from __future__ import annotations

import pytest

from acd.lab.chaos.schedule import Kind
from acd.lab.chaos.service import Blow, Look, Service


def looks(*spans: tuple[float, bool]) -> list[Look]:
    """A look every tenth of a second, from 0 to 60: `up` from each moment on."""
    seen, state = [], dict(spans)
    up = True
    for tenth in range(600):
        at = tenth / 10
        up = state.get(at, up)
        seen.append(Look(at, up))
    return seen


def test_a_kill_is_an_outage_from_the_blow_until_the_next_daemon_is_ready() -> None:
    kill = Blow(Kind.KILL, 10.05, 15.0)
    service = Service(looks((10.1, False), (17.0, True)), [kill])
    assert service.outages == ((10.0, 17.0),)
    assert service.back_after_s(kill) == pytest.approx(2.0)
    assert service.calm(0, 9)
    assert service.calm(18, 20)
    assert not service.calm(9, 11)
    assert not service.calm(12, 13)
    assert not service.calm(5, 25)


def test_a_mute_link_counts_from_the_blow_not_from_when_it_was_noticed() -> None:
    mute = Blow(Kind.MUTE, 10.0, 10.0)
    service = Service(looks((18.0, False), (19.0, True)), [mute])
    assert service.outages == ((10.0, 19.0),)
    assert service.back_after_s(mute) == pytest.approx(9.0)


def test_a_reset_that_nobody_noticed_took_no_time() -> None:
    reset = Blow(Kind.RESET, 10.0, 10.0)
    assert Service(looks(), [reset]).back_after_s(reset) == 0.0


def test_a_blow_that_the_next_one_fell_upon_is_not_counted() -> None:
    kill, again = Blow(Kind.KILL, 10.0, 11.0), Blow(Kind.KILL, 12.0, 13.0)
    service = Service(looks((10.0, False), (15.0, True)), [kill, again])
    assert service.back_after_s(kill) is None
    assert service.back_after_s(again) == pytest.approx(2.0)


def test_a_locked_database_keeps_no_caller_waiting() -> None:
    assert Service(looks(), [Blow(Kind.LOCK, 10.0, 20.0)]).calm(11, 19)


def test_who_never_comes_back_is_out_of_service_for_good() -> None:
    assert Service(looks((10.0, False)), []).outages == ((9.9, float("inf")),)
