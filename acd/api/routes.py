"""All routes of the API. A new endpoint goes into its module's ROUTES; a new subject is one more line here."""

from __future__ import annotations

from typing import Final

from acd.api.endpoints import agents, calls, config, events, health, orders, pages, status, voicemails
from acd.api.routing import Route

ROUTES: Final[tuple[Route, ...]] = (
    *health.ROUTES,
    *status.ROUTES,
    *agents.ROUTES,
    *calls.ROUTES,
    *orders.ROUTES,
    *voicemails.ROUTES,
    *config.ROUTES,
    *events.ROUTES,
    *pages.ROUTES,
)
