"""Logging is global: a fixture that puts it back."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

_CHANGED = ("aiohttp.access", "alembic", "asyncio", "panoramisk", "sqlalchemy")


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """Undoes `acd.log.setup` after the test."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    levels = {name: logging.getLogger(name).level for name in _CHANGED}
    yield
    root.handlers, root.level = handlers, level
    for name in _CHANGED:
        logging.getLogger(name).setLevel(levels[name])
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()
