"""The picture of the moment: everything, or the queues with those who wait in them."""

from __future__ import annotations

from typing import Final

from acd.api.models import CallList, Queue, QueueList, Status
from acd.api.routing import Plain, Route
from acd.api.settings import Role
from acd.errors import UnknownQueue


async def status(ask: Plain) -> Status:
    return ask.backend.render.status(ask.backend.board)


async def queues(ask: Plain) -> QueueList:
    return QueueList(items=[ask.backend.render.queue(view) for view in ask.backend.board.queues()])


async def queue(ask: Plain) -> Queue:
    wanted = ask.path["name"]
    for view in ask.backend.board.queues():
        if view.name == wanted:
            return ask.backend.render.queue(view)
    raise UnknownQueue("There is no queue of this name; GET /api/v1/queues lists them.")


async def waiting_calls(ask: Plain) -> CallList:
    await queue(ask)  # refuses an unknown one
    board, render = ask.backend.board, ask.backend.render
    return CallList(items=render.calls(board.waiting_calls(ask.path["name"]), board))


ROUTES: Final = (
    Route("GET", "/api/v1/status", Role.AGENT, "Queues, agents and links now", status, Status, tag="status"),
    Route("GET", "/api/v1/queues", Role.AGENT, "All queues", queues, QueueList, tag="queues"),
    Route(
        "GET", "/api/v1/queues/{name}", Role.AGENT, "One queue", queue, Queue, tag="queues", codes=("unknown_queue",)
    ),
    Route(
        "GET",
        "/api/v1/queues/{name}/calls",
        Role.SUPERVISOR,
        "The waiting calls in the order in which they will be served",
        waiting_calls,
        CallList,
        tag="queues",
        codes=("unknown_queue",),
    ),
)
