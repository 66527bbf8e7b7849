"""The HTTP server: puts the parts together, listens, and stops without leaving anything behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import cache, partial
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from aiohttp import web

from acd import tasks
from acd.api import middleware, openapi
from acd.api.auth import Tickets, Tokens
from acd.api.dispatch import handler_of
from acd.api.metrics import Gauges, Metrics
from acd.api.rates import Rates, Seldom
from acd.api.refusals import CannotListen
from acd.api.render import Renderer
from acd.api.routes import ROUTES
from acd.api.routing import Backend, Route
from acd.api.settings import ApiSettings
from acd.api.stream import Streams
from acd.api.wire import Connection
from acd.ports import Board, Feed, Floor, Reloads, Store

log = structlog.get_logger(__name__)

_SAY_EVERY_S: Final = 10.0
_LINGER_S: Final = 2.0  # how long the rest of a refused body is read, so that its sender sees the answer


class ApiServer:
    """The API over the daemon's ports. `start` once, `stop` once."""

    def __init__(
        self,
        settings: ApiSettings,
        *,
        board: Board,
        floor: Floor,
        feed: Feed,
        store: Store,
        reloads: Reloads,
        gauges: Gauges = tuple,
    ) -> None:
        """Nothing happens yet. `gauges` gives figures of other parts of the daemon whenever /metrics is read."""
        render = Renderer(ZoneInfo(settings.timezone))
        tokens = self._tokens = Tokens(settings.tokens)
        self._settings = settings
        self._metrics = Metrics(board, feed, gauges)
        self._crowded = Seldom(_SAY_EVERY_S)
        self._streams = Streams(settings, board, feed, render, self._metrics.shed)
        self._backend = Backend(
            settings=settings,
            board=board,
            floor=floor,
            store=store,
            reloads=reloads,
            render=render,
            tokens=tokens,
            tickets=Tickets(tokens, settings.ticket_s),
            streams=self._streams,
            metrics=self._metrics,
            known=Rates(settings.requests_per_s),
            strangers=Rates(settings.anonymous_per_s),
            openapi=cache(partial(openapi.document, ROUTES)),
        )
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None
        self._tasks: Sequence[asyncio.Task[None]] = ()

    @property
    def url(self) -> str:
        """Where it listens, such as `http://127.0.0.1:8088`; with port 0, the port that was found."""
        port = self._settings.port
        if self._listener is not None and self._listener.sockets:
            port = self._listener.sockets[0].getsockname()[1]
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        return f"http://{host}:{port}"

    async def start(self) -> None:
        """Listen. CannotListen when the address cannot be used; then nothing is left behind."""
        limits: dict[str, Any] = {
            "access_log": None,
            "keepalive_timeout": self._settings.idle_s,
            "lingering_time": _LINGER_S,
        }
        runner = web.AppRunner(self._application(), shutdown_timeout=self._settings.shutdown_s, **limits)
        await runner.setup()
        server = runner.server
        assert server is not None
        try:
            self._listener = await asyncio.get_running_loop().create_server(
                lambda: Connection(server, self._settings.max_connections, self._too_many, **limits),
                self._settings.host,
                self._settings.port,
            )
        except OSError as error:
            await runner.cleanup()
            raise CannotListen(
                f"The HTTP server cannot listen on {self._settings.host}:{self._settings.port} "
                f"({error.strerror or error}); stop what uses it, or change http.host or http.port."
            ) from error
        self._runner = runner
        self._tasks = (
            tasks.spawn(self._metrics.count_calls(), "api call counter"),
            tasks.spawn(self._metrics.probe_lag(), "api loop probe"),
        )
        log.info("http listens", url=self.url)

    def reconfigure(self, settings: ApiSettings) -> None:
        """Other tokens. Of the rest nothing changes while the server listens."""
        self._tokens.replace(settings.tokens)
        self.show_anew()

    def show_anew(self) -> None:
        """Who watches is to see the whole picture again: there are others in it now."""
        self._streams.begin_anew()

    async def stop(self) -> None:
        """Take no more connections, end the event streams, let requests under way finish within `shutdown_s`."""
        listener, self._listener = self._listener, None
        runner, self._runner = self._runner, None
        if listener is not None:
            listener.close()
        self._streams.interrupt()
        if runner is not None:
            await runner.cleanup()
        await tasks.stop(*self._tasks)
        self._tasks = ()

    def _too_many(self) -> None:
        self._metrics.shed("connection")
        came = self._crowded.due(time.monotonic())
        if came:
            log.warning("connections closed: too many", closed=came, limit=self._settings.max_connections)

    def _application(self) -> web.Application:
        app = web.Application(
            client_max_size=self._settings.max_body_bytes,
            middlewares=[middleware.around(self._metrics, self._backend.strangers)],
        )
        app.on_response_prepare.append(middleware.headers)
        for route in ROUTES:
            self._add(app, route)
        return app

    def _add(self, app: web.Application, route: Route) -> None:
        handler = handler_of(route, self._backend)
        app.router.add_route(route.method, route.path, handler, expect_handler=_expect)
        if route.method == "GET" and not route.streams:
            app.router.add_route("HEAD", route.path, handler, expect_handler=_expect)


async def _expect(request: web.Request) -> None:
    """`Expect: 100-continue` is answered, any other expectation ignored: refusals stay problems this way."""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
