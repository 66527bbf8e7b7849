"""However the facts of calls are cut into batches, repeated and mixed: the store gives what the facts give."""

from __future__ import annotations

import asyncio
import itertools
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acd.ports import Entry, Store
from acd.queues.journey import Fact, JourneyEvent, fold
from acd.queues.model import CallId, OfferResult, Outcome, Side, SurveyResult
from acd.records.database import connect
from acd.records.memory import MemoryStore
from acd.records.schema import upgrade
from acd.records.store import SqlStore
from tests.journeys import Told, entries, journey

_names = itertools.count()  # examples share a database: every call has a name of its own
_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
_offer_ids = st.sampled_from(["o1", "o2", "o3"])
_agents = st.sampled_from(["1001", "1002"])
_sides = st.sampled_from(Side)
_value = st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False), _text)


def _data(fact: Fact) -> st.SearchStrategy[dict[str, object]]:
    match fact:
        case Fact.ENTERED:
            return st.fixed_dictionaries({"node": _text, "did": _text, "number": _text, "name": _text})
        case Fact.QUEUED:
            return st.fixed_dictionaries({"queue": _text, "joined_at": st.floats(0.0, 2e9) | st.none()})
        case Fact.OFFER_ENDED:
            return st.fixed_dictionaries({"offer_id": _offer_ids, "result": st.sampled_from(OfferResult)})
        case Fact.OFFERED | Fact.ACCEPTED | Fact.CONNECTED:
            return st.fixed_dictionaries({"offer_id": _offer_ids, "agent": _agents})
        case Fact.TALK_ENDED:
            return st.fixed_dictionaries({"by": _sides})
        case Fact.SURVEY_ENDED:
            return st.fixed_dictionaries(
                {"result": st.sampled_from(SurveyResult), "score": st.none() | st.integers(0, 10)}
            )
        case Fact.ENDED:
            return st.fixed_dictionaries({"outcome": st.sampled_from(Outcome), "by": _sides})
    return st.dictionaries(_text, _value, max_size=3)


def _told(fact: Fact) -> st.SearchStrategy[Told]:
    return st.tuples(st.just(fact), st.floats(0.0, 2e9), _data(fact))  # type: ignore[arg-type]


def _possible(story: list[Told]) -> list[Told]:
    """Who calls is told before the end. A closed call of nobody stays nobody's: somebody was forgotten (`Upserts`)."""
    end = next((number for number, (fact, *_) in enumerate(story) if fact is Fact.ENDED), len(story))
    return [*story[:end], *(told for told in story[end:] if told[0] not in (Fact.ENTERED, Fact.KNOWN))]


_story = st.lists(st.sampled_from(Fact).flatmap(_told), min_size=1, max_size=12).map(_possible)
_stories = st.lists(_story, min_size=1, max_size=3)


@pytest.fixture(scope="module", params=["memory", "sqlite"])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str | None:
    if request.param == "memory":
        return None
    directory: Path = tmp_path_factory.mktemp("store")
    url = f"sqlite+aiosqlite:///{directory}/acd.db"
    asyncio.run(upgrade(url))
    return url


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(stories=_stories, chance=st.randoms(use_true_random=False))
def test_the_store_gives_what_the_facts_give(
    address: str | None, stories: list[list[Told]], chance: random.Random
) -> None:
    asyncio.run(_check(address, [journey(f"call-{next(_names)}", *story) for story in stories], chance))


async def _check(address: str | None, calls: list[list[JourneyEvent]], chance: random.Random) -> None:
    store: Store = MemoryStore("RU") if address is None else SqlStore(connect(address), "RU")
    try:
        for batch in _batches([entries(events) for events in calls], chance):
            await store.write(batch)
        for events in calls:
            assert await store.call(CallId(events[0].call_id)) == fold(events)
    finally:
        await store.close()


def _batches(calls: list[list[Entry]], chance: random.Random) -> list[list[Entry]]:
    """All entries, each call's in order, calls mixed, cut anywhere, with anything earlier repeated anywhere."""
    waiting = [list(call) for call in calls]
    done: list[Entry] = []
    batches: list[list[Entry]] = [[]]
    while any(waiting):
        call = chance.choice([call for call in waiting if call])
        done.append(call.pop(0))
        batches[-1].append(done[-1])
        if chance.random() < 0.3:
            batches[-1].append(chance.choice(done))
        if chance.random() < 0.4:
            batches.append([])
    return [*batches, *([chance.choice(batches)] if batches else [])]
