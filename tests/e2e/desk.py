"""What a test asks the API: agents' states, and calls found by the number that called.

Facts are awaited, with a deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from acd.errors import LabError
from acd.lab.hotline import Hotline

LOOK_EVERY_S = 0.02
PATIENCE_S = 5.0
Record = dict[str, Any]


async def until_fact(look: Callable[[], Any], fact: Callable[[Any], object], what: str, within_s: float) -> Any:
    """Ask `look()` again and again until `fact(answer)` holds; the answer. Fails with the last one it got."""
    seen: Any = None
    try:
        async with asyncio.timeout(within_s):
            while True:
                seen = await look()
                if fact(seen):
                    return seen
                await asyncio.sleep(LOOK_EVERY_S)
    except TimeoutError:
        raise AssertionError(f"not so within {within_s:g} s: {what}; last seen: {seen}") from None


def moment(text: str) -> float:
    """An ISO 8601 time of the API in seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()


class Desk:
    """A supervisor with a browser."""

    def __init__(self, api: Hotline) -> None:
        self.api = api

    async def agent(self, agent_id: str) -> Record:
        found: Record = await self.api.get(f"/api/v1/agents/{agent_id}")
        return found

    async def order(self, agent_id: str, what: str, **body: str) -> Record:
        """login, logout, ready or pause."""
        found: Record = await self.api.post(f"/api/v1/agents/{agent_id}/{what}", body or None)
        return found

    async def until_agent(self, agent_id: str, state: str, within_s: float = PATIENCE_S) -> Record:
        """The agent, once in this state."""
        found: Record = await until_fact(
            lambda: self.agent(agent_id), lambda agent: agent["state"] == state, f"{agent_id} is {state}", within_s
        )
        return found

    async def calls(self, number: str) -> list[Record]:
        """All calls of this number, newest first, without their events."""
        items: list[Record] = (await self.api.get("/api/v1/calls", number=number))["items"]
        return items

    async def call(self, number: str) -> Record | None:
        """The one call of this number with its events, None when there is none (yet)."""
        calls = await self.calls(number)
        assert len(calls) < 2, f"{number} has {len(calls)} records"
        if not calls:
            return None
        found: Record = await self.api.get(f"/api/v1/calls/{calls[0]['id']}")
        return found

    async def until_call(self, number: str, fact: Callable[[Record], object], within_s: float = PATIENCE_S) -> Record:
        """The number's one call, once `fact` holds of it."""
        found: Record = await until_fact(
            lambda: self.call(number), lambda call: call is not None and fact(call), f"the call of {number}", within_s
        )
        return found

    async def until_waiting(self, number: str, within_s: float = PATIENCE_S) -> Record:
        """The number's one call, once it is in a queue and nobody is offered it."""
        return await self.until_call(
            number, lambda call: call["queue"] and all(offer["result"] for offer in call["offers"]), within_s
        )

    async def until_fact(self, number: str, fact: str, within_s: float = PATIENCE_S) -> Record:
        """The number's one call, once a fact of this kind is in its journey."""
        return await self.until_call(
            number, lambda call: any(event["fact"] == fact for event in call["events"]), within_s
        )

    async def ended(self, number: str, within_s: float = PATIENCE_S) -> Record:
        """The number's one record, closed: exactly one record, one `ended`, one outcome."""
        call = await self.until_call(number, lambda call: call["state"] == "ended", within_s)
        facts = [event["fact"] for event in call["events"]]
        assert facts.count("entered") == 1, facts
        assert facts.count("ended") == 1, facts
        assert facts[-1] == "ended" or set(facts[facts.index("ended") + 1 :]) <= {"disposition"}, facts
        assert call["outcome"] is not None
        return call

    async def ready(self) -> tuple[int, Record]:
        """/readyz: the status and what it says; 0 while nobody answers."""
        try:
            return 200, await self.api.get("/readyz")
        except LabError as error:
            return (503 if "answered 503" in str(error) else 0), {"error": str(error)}

    async def until_ready_is(self, status: int, within_s: float) -> None:
        """Wait for /readyz to answer so."""
        await until_fact(self.ready, lambda seen: seen[0] == status, f"/readyz is {status}", within_s)
