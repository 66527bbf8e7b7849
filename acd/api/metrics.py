"""Figures for Prometheus, in a registry of their own. No agent, caller or number is ever a label.

States of the moment are read from the board when scraped; calls are counted from the feed as they end; the event
loop's lag is probed. What other parts of the daemon count comes in as `Reading`s.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter as Tally
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from acd.ports import Board, Feed
from acd.queues.journey import CallRecord, Fact
from acd.queues.model import AgentState, CallId

SHED: Final = ("connection", "request", "body", "stream", "slow_stream")
"""A connection beyond the limit, a request beyond its client's rate, a body too large, an event stream too many, one
that is not read."""

_PROBE_S: Final = 0.5
_LOOK_S: Final = 0.25  # the feed keeps some seconds of the busiest hour
_REMEMBERED_CALLS: Final = 64  # deltas of one decision follow each other closely
_LATENCIES_S: Final = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0)
_WAITS_S: Final = (5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)


@dataclass(frozen=True, slots=True)
class Reading:
    """One figure of another part of the daemon, such as the recorder's queue; units belong into the name."""

    name: str  # without the `acd_` in front
    help: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


Gauges = Callable[[], Iterable[Reading]]


class Metrics:
    """The registry, and the two tasks (`count_calls`, `probe_lag`) that fill what cannot be read on demand."""

    def __init__(self, board: Board, feed: Feed, gauges: Gauges) -> None:
        self._feed = feed
        self._counted: deque[CallId] = deque(maxlen=_REMEMBERED_CALLS)
        self.registry = CollectorRegistry(auto_describe=True)
        self.registry.register(_Pictures(board, gauges))
        self._calls = Counter("acd_calls", "Calls that ended", ["queue", "outcome"], registry=self.registry)
        self._waits = Histogram(
            "acd_wait_seconds", "Time callers waited", ["queue"], buckets=_WAITS_S, registry=self.registry
        )
        self._gaps = Counter("acd_feed_gaps", "Times the counting of calls missed changes", registry=self.registry)
        self._lag = Gauge("acd_event_loop_lag_seconds", "How late the event loop runs", registry=self.registry)
        self._requests = Histogram(
            "acd_http_request_seconds",
            "Time to answer, event streams left out",
            ["method", "route", "status"],
            buckets=_LATENCIES_S,
            registry=self.registry,
        )
        self._shed = Counter(
            "acd_http_shed", "What was refused or closed to keep the limits", ["what"], registry=self.registry
        )
        for what in SHED:
            self._shed.labels(what)
        self.streams = Gauge("acd_event_streams", "Open event streams", registry=self.registry)

    def text(self) -> bytes:
        """All figures in Prometheus's text format."""
        return generate_latest(self.registry)

    def answered(self, method: str, route: str, status: int, took_s: float) -> None:
        """A request to this route (its pattern, never the address itself) was answered."""
        self._requests.labels(method, route, str(status)).observe(took_s)

    def shed(self, what: str) -> None:
        """One more of SHED."""
        self._shed.labels(what).inc()

    async def probe_lag(self) -> None:
        """For ever: how much later than asked for a sleeper wakes."""
        while True:
            asleep_at = time.monotonic()
            await asyncio.sleep(_PROBE_S)
            self._lag.set(max(0.0, time.monotonic() - asleep_at - _PROBE_S))

    async def count_calls(self) -> None:
        """For ever: count calls that ended since the last look. A look now and then costs far less than following."""
        last = self._feed.last_number()
        while True:
            await asyncio.sleep(_LOOK_S)
            news = self._feed.since(last)
            if news is None:
                self._gaps.inc()
                last = self._feed.last_number()
                continue
            for delta in news:
                last = delta.number
                if delta.call is not None:
                    self._count(delta.call)

    def _count(self, record: CallRecord) -> None:
        """Count the call, once, when its newest fact is its end: later facts (a disposition) do not count it again.

        Several facts of one decision come as several deltas, each with the record after all of them.
        """
        if not record.events or record.events[-1].fact is not Fact.ENDED or record.id in self._counted:
            return
        self._counted.append(record.id)
        queue = record.queue or ""
        self._calls.labels(queue, record.outcome or "").inc()
        if record.wait_s is not None:
            self._waits.labels(queue).observe(record.wait_s)


class _Pictures(Collector):
    """What is read from the board and from the other parts at the moment of the scrape."""

    def __init__(self, board: Board, gauges: Gauges) -> None:
        self._board = board
        self._gauges = gauges

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance, so that registering does not read the board."""
        return ()

    def collect(self) -> Iterator[Metric]:
        yield from self._of_queues()
        yield from self._of_agents()
        yield from self._of_nodes()
        yield from self._of_others()

    def _of_queues(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily("acd_waiting", "Calls waiting", labels=["queue"])
        longest = GaugeMetricFamily("acd_longest_wait_seconds", "Longest present wait", labels=["queue"])
        ready = GaugeMetricFamily("acd_agents_ready", "Agents ready for the queue", labels=["queue"])
        online = GaugeMetricFamily("acd_agents_online", "Agents logged in for the queue", labels=["queue"])
        for view in self._board.queues():
            waiting.add_metric([view.name], view.waiting)
            longest.add_metric([view.name], view.longest_wait_s)
            ready.add_metric([view.name], view.agents_ready)
            online.add_metric([view.name], view.agents_online)
        yield from (waiting, longest, ready, online)

    def _of_agents(self) -> Iterator[Metric]:
        agents = GaugeMetricFamily("acd_agents", "Agents by state", labels=["state"])
        tally = Tally(view.state for view in self._board.agents())
        for state in AgentState:
            agents.add_metric([state], tally[state])
        yield agents

    def _of_nodes(self) -> Iterator[Metric]:
        links = GaugeMetricFamily("acd_asterisk_connected", "1 while the manager link is in service", labels=["node"])
        for view in self._board.nodes():
            links.add_metric([view.name], float(view.connected))
        yield links
        ready = not self._board.problems()
        yield GaugeMetricFamily("acd_ready", "1 while calls can be served", value=float(ready))

    def _of_others(self) -> Iterator[Metric]:
        """A reading whose name ends in `_total` is a counter, any other a gauge."""
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for reading in self._gauges():
            name = f"acd_{reading.name}"
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            family = families.setdefault(name, kind(name, reading.help, labels=list(reading.labels)))
            family.add_metric(list(reading.labels.values()), reading.value)
        yield from families.values()
