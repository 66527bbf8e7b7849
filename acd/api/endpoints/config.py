"""The configuration: read again on an admin's word."""

from __future__ import annotations

from typing import Final

from acd.api.models_config import Reload
from acd.api.routing import Plain, Route
from acd.api.settings import Role

_PATIENCE_S: Final = 300.0


async def reload(ask: Plain) -> Reload:
    by = ask.who.name if ask.who is not None else ""
    return ask.backend.render.reload(await ask.backend.reloads.reload(by))


ROUTES: Final = (
    Route(
        "POST",
        "/api/v1/config/reload",
        Role.ADMIN,
        "Read the configuration again",
        reload,
        Reload,
        tag="config",
        codes=("config", "not_allowed"),
        timeout_s=_PATIENCE_S,
        description=(
            "Whole or not at all, as by SIGHUP. 422 names every mistake, and every key that needs a restart; "
            "nothing is changed then. Conversations go on by the rules they began with; the event streams begin anew."
        ),
    ),
)
