"""The hotline seen from outside, over its HTTP API: is it ready, what does it say of itself, what has it recorded."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from acd.errors import LabError

PAGE = 200
REQUEST_TIMEOUT_S = 10.0
PROMOTER, DETRACTOR = 9, 6


@dataclass(frozen=True, slots=True)
class Summary:
    """What a demo did: `offered` as the callers count, the rest as the hotline recorded it."""

    offered: int
    answered: int
    abandoned: int
    surveys: int
    nps: float | None
    records: int

    def as_json(self) -> dict[str, Any]:
        """The file's content."""
        return asdict(self)


class Hotline:
    """The API of a running daemon. `token` is a supervisor's."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self.token = token
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, path: str, **query: str | int) -> Any:
        """The JSON at `path`; LabError when the hotline refuses or is not there."""
        return await self._ask("GET", path, params=query)

    async def post(self, path: str, body: Any = None) -> Any:
        """POST the body as JSON; the answer, or LabError as `get`."""
        return await self._ask("POST", path, json=body)

    async def _ask(self, method: str, path: str, **how: Any) -> Any:
        if self._session is None:
            raise LabError("the hotline is used inside `async with` only")
        try:
            async with self._session.request(method, self.url + path, **how) as answer:
                body = await answer.json(content_type=None)
                if answer.status != 200:
                    raise LabError(f"{path} answered {answer.status}: {body}")
                return body
        except (aiohttp.ClientError, TimeoutError) as error:
            raise LabError(f"{path} cannot be asked: {error or type(error).__name__}") from error

    async def until_ready(self, timeout_s: float, look_every_s: float = 0.1) -> None:
        """Wait for /readyz; LabError with its last words after `timeout_s`."""
        last = "it was never asked"
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    try:
                        await self.get("/readyz")
                        return
                    except LabError as error:
                        last = str(error)
                    await asyncio.sleep(look_every_s)
        except TimeoutError:
            raise LabError(f"the daemon is not ready after {timeout_s:.0f} s: {last}") from None

    async def figures(self) -> dict[str, float]:
        """/metrics by name, summed over labels; LabError as `get`."""
        if self._session is None:
            raise LabError("the hotline is used inside `async with` only")
        found: dict[str, float] = defaultdict(float)
        try:
            async with self._session.get(self.url + "/metrics") as answer:
                for family in text_string_to_metric_families(await answer.text()):
                    for sample in family.samples:
                        found[sample.name] += sample.value
        except (aiohttp.ClientError, TimeoutError) as error:
            raise LabError(f"/metrics cannot be asked: {error or type(error).__name__}") from error
        return dict(found)

    async def live_calls(self) -> list[dict[str, Any]]:
        """Every call that has not ended, newest first."""
        return await self._calls("live")

    async def status(self) -> dict[str, Any]:
        """Queues, agents, nodes."""
        found: dict[str, Any] = await self.get("/api/v1/status")
        return found

    async def ended_calls(self) -> list[dict[str, Any]]:
        """Every recorded call that has ended, newest first."""
        return await self._calls("ended")

    async def _calls(self, state: str) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            query: dict[str, str | int] = {"state": state, "limit": PAGE}
            if cursor is not None:
                query["cursor"] = cursor
            page = await self.get("/api/v1/calls", **query)
            calls.extend(page["items"])
            cursor = page["next"]
            if cursor is None:
                return calls

    async def summary(self, offered: int) -> Summary:
        """The figures of all recorded calls, beside how many the callers say they made."""
        calls = await self.ended_calls()
        outcomes = Counter(call["outcome"] for call in calls)
        scores = [call["survey"]["score"] for call in calls if call["survey"]["result"] == "answered"]
        return Summary(
            offered=offered,
            answered=outcomes["answered"],
            abandoned=outcomes["abandoned"],
            surveys=len(scores),
            nps=nps(scores),
            records=len(calls),
        )


def nps(scores: list[int]) -> float | None:
    """Net Promoter Score in points: % of 9-10 minus % of 0-6 (Reichheld 2003); None without an answer."""
    if not scores:
        return None
    promoters = sum(score >= PROMOTER for score in scores)
    detractors = sum(score <= DETRACTOR for score in scores)
    return round(100.0 * (promoters - detractors) / len(scores), 1)
