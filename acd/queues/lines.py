"""Who waits where: the waiting calls of each queue, without a walk over all calls."""

from __future__ import annotations

from collections.abc import Collection

from acd.queues.model import Call, CallId, CallPhase, QueueName


class Lines:
    """Kept up to date by `Shop`, call by call."""

    def __init__(self) -> None:
        self._inside: dict[QueueName, dict[CallId, Call]] = {}
        self._queue_of: dict[CallId, QueueName] = {}

    def update(self, call: Call) -> None:
        """The call's queue or phase may be another now."""
        queue = call.queue if call.phase is CallPhase.WAITING else None
        was = self._queue_of.get(call.id)
        if was == queue:
            return
        if was is not None:
            del self._queue_of[call.id]
            del self._inside[was][call.id]
        if queue is not None:
            self._queue_of[call.id] = queue
            self._inside.setdefault(queue, {})[call.id] = call

    def of(self, queue: QueueName) -> Collection[Call]:
        """The queue's waiting calls, in no order; a view, so copy it before anything moves."""
        return self._inside.get(queue, {}).values()
