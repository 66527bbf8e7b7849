"""What a route is, and what its handler is given. Routes are data; `acd.api.routes` lists them all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from aiohttp import web
from pydantic import BaseModel

from acd.api.auth import Principal, Tickets, Tokens
from acd.api.metrics import Metrics
from acd.api.models import Nothing
from acd.api.rates import Rates
from acd.api.render import Renderer
from acd.api.settings import ApiSettings, Role
from acd.api.stream import Streams
from acd.ports import Board, Floor, Reloads, Store

Q = TypeVar("Q", bound=BaseModel)
B = TypeVar("B", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Backend:
    """All that handlers can reach."""

    settings: ApiSettings
    board: Board
    floor: Floor
    store: Store
    reloads: Reloads
    render: Renderer
    tokens: Tokens
    tickets: Tickets
    streams: Streams
    metrics: Metrics
    known: Rates  # by the name of the token
    strangers: Rates  # by address
    openapi: Callable[[], bytes]  # takes a moment when first called


@dataclass(frozen=True, slots=True)
class Ask(Generic[Q, B]):
    """One request that has passed: who asks, and checked values. `who` is None on open routes."""

    request: web.Request
    backend: Backend
    who: Principal | None
    path: Mapping[str, str]
    query: Q
    body: B


Plain = Ask[Nothing, Nothing]
Answer = BaseModel | web.StreamResponse


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint. `role` None: open to all; `own_only`: an agent's token reaches only what is its own."""

    method: str
    path: str
    role: Role | None
    summary: str
    handler: Callable[[Ask[Any, Any]], Awaitable[Answer]]
    answer: type[BaseModel] | str  # a model, or the media type of something else
    query: type[BaseModel] = Nothing
    body: type[BaseModel] = Nothing
    own_only: bool = False
    tag: str = "other"
    ticket: bool = False  # the event stream's cookie is accepted instead of a token
    listed: bool = True  # False: not part of the OpenAPI document (pages and their files)
    description: str = ""
    timeout_s: float | None = None  # how long an answer may take; None: as long as any
    codes: tuple[str, ...] = field(default=())  # problems of its own, beside those every route may answer

    @property
    def streams(self) -> bool:
        """Whether the answer has no end, so that no timeout applies."""
        return self.answer == "text/event-stream"
