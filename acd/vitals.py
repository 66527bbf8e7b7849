"""How the daemon's parts are: what of them is worth a look, and their figures for /metrics."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from acd import tasks
from acd.ami.node import Node
from acd.api.metrics import Reading
from acd.board import LiveBoard
from acd.crm import Crm
from acd.dispatcher import Dispatcher
from acd.eventlog import EventLog
from acd.parts import link_readings
from acd.records.recorder import Recorder
from acd.records.spool import Spool
from acd.reloading import Reloader
from acd.retention import Retention
from acd.timers import LoopTimers


@dataclass(frozen=True, slots=True)
class Vitals:
    """The parts that are asked; `spool` and `event_log` may be switched off."""

    dispatcher: Dispatcher
    timers: LoopTimers
    board: LiveBoard
    recorder: Recorder
    spool: Spool | None
    reloader: Reloader
    nodes: Sequence[Node]
    retention: Retention
    crm: Crm
    event_log: EventLog | None

    def degraded(self) -> Mapping[str, str]:
        """What is worth a look, as a sentence each."""
        found = {
            "records": self.recorder.health(),
            "spool": self.spool.health() if self.spool is not None else None,
            "crm": self.crm.health(),
            "config": self.reloader.problem(),
            "event_log": self.event_log.health() if self.event_log is not None else None,
            "retention": self.retention.health(),
        }
        return {what: sentence for what, sentence in found.items() if sentence}

    def readings(self) -> list[Reading]:
        """Figures of the shell."""
        return [
            Reading("tasks", "Background tasks alive", tasks.count()),
            Reading("timers", "Timers set", len(self.timers)),
            Reading("memory_blocks", "Pieces of memory that Python holds", sys.getallocatedblocks()),
            Reading("calls_live", "Calls that have not ended", len(self.board.live_calls())),
            *self._decided(),
            *self._recorded(),
            *self.reloader.readings(),
            *(reading for node in self.nodes for reading in link_readings(node)),
            *self._looked_up(),
        ]

    def _decided(self) -> list[Reading]:
        dispatcher = self.dispatcher
        readings = [
            Reading("inbox_events", "Events not yet decided on", dispatcher.pending()),
            Reading("inbox_refused", "Events that found the inbox full; read back afterwards", dispatcher.refused),
        ]
        for what, times in dispatcher.corrections.items():
            about = {"what": str(what)}
            readings.append(Reading("corrections_total", "Lost events found out by a look", times, about))
        if self.event_log is not None:
            readings.append(Reading("event_log_lost", "Events missing in the event log", self.event_log.lost))
        return readings

    def _recorded(self) -> list[Reading]:
        recorder = self.recorder
        readings = [
            Reading("recorder_queued", "Entries not yet written", recorder.queued),
            Reading("recorder_dropped", "Entries that found no room", recorder.dropped),
            Reading("recorder_replayed", "Entries of earlier runs written from the spool", recorder.replayed),
        ]
        if self.spool is not None:
            readings.append(Reading("spool_bytes", "What lies in the spool", self.spool.bytes))
            readings.append(Reading("spool_shed", "Entries that were not spooled", self.spool.shed))
        for kind, count in self.retention.erased.items():
            readings.append(Reading("erased", "Records whose time was over", count, {"kind": kind}))
        return readings

    def _looked_up(self) -> list[Reading]:
        counts = self.crm.counts.items()
        return [Reading("crm_lookups_total", "Callers looked up, by outcome", n, {"outcome": o}) for o, n in counts]
