"""Parts of the API that need no server: problems, cursors, moments, masking."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.api import cursors, problems
from acd.api.fields import moment
from acd.api.middleware import masked
from acd.api.models import Nothing
from acd.api.refusals import BadCursor, CannotListen
from acd.api.render_why import why_ended
from acd.api.routes import ROUTES
from acd.api.routing import Route
from acd.errors import (
    AcdError,
    AmiUnsafeValue,
    CrmDown,
    CrmWrong,
    EventLogError,
    LabError,
    RequirementError,
    Unreadable,
)
from acd.queues.journey import CallRecord, OfferRecord
from acd.queues.model import AgentId, CallId, OfferId, OfferResult

MOSCOW = ZoneInfo("Europe/Moscow")


def test_every_error_that_can_reach_a_client_has_its_status() -> None:
    inside = {
        CrmDown,
        CrmWrong,
        RequirementError,
        AmiUnsafeValue,
        LabError,
        CannotListen,
        Unreadable,
        EventLogError,
    }  # never answers to a request
    for error in {*_tree(AcdError)} - inside:
        assert error.code in problems.KINDS, error


@pytest.mark.parametrize("result", [*OfferResult, None])
def test_every_way_an_offer_may_end_can_be_told(result: OfferResult | None) -> None:
    offer = OfferRecord(OfferId("c1.1"), AgentId("1001"), 1.0, result, 2.0)
    (candidate,) = why_ended(CallRecord(CallId("c1"), offers=(offer,), ended_at=4.0), {}).candidates
    assert candidate.reason


def _tree(error: type[AcdError]) -> list[type[AcdError]]:
    ours = [error] if error.__module__ in {"acd.errors", "acd.api.refusals"} else []
    return [*ours, *(deeper for child in error.__subclasses__() for deeper in _tree(child))]


def test_an_error_without_a_status_is_a_500_without_its_text() -> None:
    answer = problems.of_error(LabError("the password is 12345"))
    assert answer.status == 500 and "12345" not in (answer.text or "")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_handlers_are_given_what_their_route_names(route: Route) -> None:
    asked: Any = get_type_hints(route.handler)["ask"]
    assert get_args(asked) == (route.query, route.body)
    assert not (route.method == "GET" and route.body is not Nothing)


@given(st.floats(0, 4e9), st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=80))
def test_a_live_place_comes_back(entered_at: float, call_id: str) -> None:
    place = cursors.LivePlace(entered_at, call_id)
    assert cursors.read(cursors.write(place)) == place


@given(st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=80))
def test_a_store_s_place_comes_back(cursor: str | None) -> None:
    assert cursors.read(cursors.write(cursors.StorePlace(cursor))) == cursors.StorePlace(cursor)


@given(st.text(st.characters(codec="utf-8")) | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_no_text_breaks_the_reading_of_cursors(text: str) -> None:
    try:
        place = cursors.read(text)
    except BadCursor:
        return
    assert cursors.read(cursors.write(place)) == place


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02", 86400 - 3 * 3600),
        ("1970-01-02T00:00:00Z", 86400),
        ("1970-01-02T03:00:00+03:00", 86400),
        ("1970-01-02T03:00:00 03:00", 86400),
        ("1970-01-02T03:00:00.500 0300", 86400.5),
        ("1970-01-02 03:00:00", 86400),
    ],
)
def test_moments(text: str, seconds: float) -> None:
    assert moment(text, MOSCOW) == seconds


@given(st.text() | st.integers() | st.none())
def test_no_text_breaks_the_reading_of_moments(text: Any) -> None:
    try:
        assert moment(text, MOSCOW) >= 0
    except ValueError as error:
        assert str(error).startswith("a")


def test_numbers_are_masked_and_short_ids_are_not() -> None:
    assert masked("/agents/1001/calls/+7 (916) 123-45-67") == "/agents/1001/calls/+***67"
    assert masked("74951234567") == "***67"
