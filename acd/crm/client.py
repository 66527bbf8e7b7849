"""The look-up: one question for each caller, in the background; the answer comes back as an event of the call.

`heed` returns at once, so the call is queued, and offered, without it. Whatever is wrong with the CRM (slow, down,
lying) is counted and costs the call nothing. There is a limit on the time, the body, the questions in flight and what
is remembered; redirects are not followed, so that no answer sends the token, or the caller's number, elsewhere.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import structlog
from yarl import URL

from acd import tasks
from acd.crm.answer import MOST_BYTES, NOBODY, Known, read
from acd.crm.breaker import Breaker
from acd.errors import CrmDown, CrmWrong
from acd.ports import Clock
from acd.queues.about import CallerKnown
from acd.queues.events import Event
from acd.queues.journey import Fact, JourneyEvent
from acd.queues.model import CallId

log = structlog.get_logger(__name__)

OUTCOMES: Final = ("known", "unknown", "remembered", "late", "down", "wrong", "resting", "shed")
"""Answered; answered with nothing; from memory; no answer in time; none at all; one that is none; not asked, for it is
down; not asked, for too many questions are in flight."""

MOST_REMEMBERED: Final = 10_000  # answers, of a kilobyte at most
_NOTHING_THERE: Final = (204, 404)
_CHUNK: Final = 4_096


@dataclass(frozen=True, slots=True)
class CrmSettings:
    """`url` has `{number}` in it, and may have `{did}`; `attributes` are the names that are taken from an answer."""

    url: str
    token: str | None = field(default=None, repr=False)
    timeout_s: float = 1.0
    max_concurrent: int = 20
    cache_s: float = 300.0
    attributes: tuple[str, ...] = ()


class Crm:
    """`heed` the facts, from within the event loop; `post` takes the answers and says whether there was room."""

    def __init__(self, settings: CrmSettings | None, clock: Clock, post: Callable[[Event], bool]) -> None:
        """Without settings nobody is asked."""
        self.counts = Counter(dict.fromkeys(OUTCOMES if settings is not None else (), 0))
        self._settings = settings
        self._clock = clock
        self._post = post
        self._breaker = Breaker()
        self._remembered: OrderedDict[str, tuple[float, Known]] = OrderedDict()
        self._asking: set[asyncio.Task[Any]] = set()
        self._session: aiohttp.ClientSession | None = None
        # Read now, for it takes a tenth of a second; aiohttp's own has none of the certificates (`acd.haste`).
        encrypted = settings is not None and settings.url.startswith("https:")
        self._trusted: ssl.SSLContext | bool = ssl.create_default_context() if encrypted else True

    def heed(self, fact: JourneyEvent) -> None:
        """A call comes in: ask who it is. Not of an agent's own phone, and not of a number that is withheld."""
        if self._settings is None or fact.fact is not Fact.ENTERED or fact.data.get("agent"):
            return
        number, did = str(fact.data.get("number") or ""), str(fact.data.get("did") or "")
        if number:
            self._ask(self._settings, fact.call_id, _address(self._settings.url, number, did))

    def _ask(self, settings: CrmSettings, call_id: CallId, url: str) -> None:
        now_s = asyncio.get_running_loop().time()
        remembered = self._recall(url, now_s)
        if remembered is not None:
            self._tell(call_id, remembered, "remembered")
        elif len(self._asking) >= settings.max_concurrent:
            self.counts["shed"] += 1
        elif not self._breaker.admits(now_s):
            self.counts["resting"] += 1
        else:
            task = tasks.spawn(self._look_up(settings, call_id, url), "crm")
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    def health(self) -> str | None:
        """What is wrong with the CRM; None when nothing is."""
        return "the CRM does not answer; calls go on without it" if self._breaker.is_open else None

    async def close(self) -> None:
        """Ask nothing more."""
        await tasks.stop(*self._asking)
        if self._session is not None:
            await self._session.close()

    # -- one question -----------------------------------------------------------------------------------------

    async def _look_up(self, settings: CrmSettings, call_id: CallId, url: str) -> None:
        try:
            async with asyncio.timeout(settings.timeout_s):
                known = await self._fetch(settings, url)
        except TimeoutError:
            self._failed(call_id, "late", f"no answer within {settings.timeout_s:g} s")
        except CrmDown as error:
            self._failed(call_id, "down", str(error))
        except (aiohttp.ClientError, OSError, ValueError) as error:  # whose own words may hold the address
            self._failed(call_id, "down", type(error).__name__)
        except CrmWrong as error:
            self._heard()
            self.counts["wrong"] += 1
            log.warning("crm answer not used", call=call_id, reason=str(error))
        else:
            self._heard()
            self._remember(url, known, settings.cache_s)
            self._tell(call_id, known, "unknown" if known == NOBODY else "known")

    async def _fetch(self, settings: CrmSettings, url: str) -> Known:
        session = self._opened(settings)
        async with session.get(URL(url, encoded=True), allow_redirects=False) as answer:
            if answer.status in _NOTHING_THERE:
                return NOBODY
            if answer.status >= 500:
                raise CrmDown(f"status {answer.status}")
            if answer.status != 200:
                raise CrmWrong(f"status {answer.status}")
            body = bytearray()
            async for chunk in answer.content.iter_chunked(_CHUNK):
                body += chunk
                if len(body) > MOST_BYTES:
                    raise CrmWrong(f"more than {MOST_BYTES} bytes")
        return read(bytes(body), settings.attributes)

    def _opened(self, settings: CrmSettings) -> aiohttp.ClientSession:
        """Nothing is unpacked, so a body is as long as it came; no cookies; no proxy but the one of the network."""
        if self._session is None:
            token = settings.token
            headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
            self._session = aiohttp.ClientSession(
                headers=headers | ({"Authorization": f"Bearer {token}"} if token else {}),
                connector=aiohttp.TCPConnector(limit=settings.max_concurrent, ssl=self._trusted),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._session

    # -- what came of it --------------------------------------------------------------------------------------

    def _tell(self, call_id: CallId, known: Known, outcome: str) -> None:
        self.counts[outcome] += 1
        if known != NOBODY and not self._post(
            CallerKnown(self._clock.now(), call_id, known.name, known.priority, known.attributes)
        ):
            self.counts["shed"] += 1

    def _failed(self, call_id: CallId, outcome: str, reason: str) -> None:
        self.counts[outcome] += 1
        log.warning("crm not heard", call=call_id, reason=reason)
        if self._breaker.failed(asyncio.get_running_loop().time()):
            log.warning("crm left alone for a while", reason=reason)

    def _heard(self) -> None:
        if self._breaker.answered():
            log.info("crm answers again")

    def _recall(self, url: str, now_s: float) -> Known | None:
        until, known = self._remembered.get(url, (0.0, NOBODY))
        return known if now_s < until else None

    def _remember(self, url: str, known: Known, cache_s: float) -> None:
        if cache_s:
            self._remembered.pop(url, None)
            self._remembered[url] = (asyncio.get_running_loop().time() + cache_s, known)
        while len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)


def _address(url: str, number: str, did: str) -> str:
    """The did first: nothing that a caller wrote is looked at for places to fill."""
    return url.replace("{did}", quote(did.lstrip("+"), safe="")).replace("{number}", quote(number, safe=""))
