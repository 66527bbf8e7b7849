"""The log: one line an event, for people on a terminal and as JSON for collectors, with nothing in it that
must not be.

Everything goes through the same processors, the libraries' own lines (panoramisk, aiohttp, SQLAlchemy,
alembic) included. Phone numbers are masked, secrets are struck out (`acd.masking`), and whatever a caller or
a peer may have put into a text is escaped, so that nobody writes log lines but us. Lines go to standard
error; a line is at most some 10,000 characters.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from acd.masking import SECRET_KEYS, STRUCK_OUT, is_plain, mask, printable, without, without_secrets

__all__ = ["HIDE", "MAX_TEXT", "clean", "mask", "setup"]

MAX_TEXT: Final = 10_000
"""Longest text of one value, in characters; the rest is cut."""
MAX_NESTING: Final = 6
_MARGIN: Final = 300

HIDE: Final = "hide"
"""A line's own key: words, such as a caller's name, that are struck out of its other values; it is not written."""
_QUIET: Final = ("aiohttp.access", "alembic", "asyncio", "panoramisk", "sqlalchemy")
"""Loggers that tell a line for every request, statement or message: only their warnings, unless debugging."""


def setup(
    level: Literal["debug", "info", "warning", "error"] = "info",
    format: Literal["auto", "console", "json"] = "auto",  # noqa: A002 - the configuration's own word
    stream: TextIO | None = None,
) -> None:
    """Route structlog and the standard library's logging to `stream` (standard error); may be repeated."""
    out = sys.stderr if stream is None else stream
    console = format == "console" or (format == "auto" and out.isatty())
    handler = logging.StreamHandler(out)
    handler.setFormatter(_formatter(console, colors=console and out.isatty()))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    # Statements carry people's numbers as parameters and are of no use even when debugging.
    logging.getLogger("sqlalchemy").setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_common(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def clean(text: str) -> str:
    """A text fit for the log: numbers masked, secrets struck out, one line, bounded."""
    if is_plain(text):
        return text
    # What is cut in two is not recognised any more: first a little too much, then the exact length.
    told = printable(without_secrets(text[: MAX_TEXT + _MARGIN]))
    return told if len(told) <= MAX_TEXT else told[:MAX_TEXT] + "..."


def _common() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _clean_event,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _formatter(console: bool, colors: bool) -> logging.Formatter:
    renderer: Processor
    if console:
        # Not the pretty formatter: it prints the local variables of every frame.
        renderer = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)
    else:
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_common(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )


def _clean_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    hidden = [str(word) for word in event.pop(HIDE, ())]
    for key in [*event]:
        if not key.startswith("_"):  # structlog's own, removed before anything is written
            _clean_item(event, key, hidden)
    return event


def _clean_item(event: MutableMapping[str, Any], key: str, hidden: Sequence[str]) -> None:
    value = event.pop(key)
    if hidden and not isinstance(value, int | float):
        value = without(str(value), hidden)
    match key:
        case "exception" | "stack":
            event[key] = _indented(str(value))
        case _:
            event[clean(key)] = STRUCK_OUT if key.lower() in SECRET_KEYS else _cleaned(value, 0)


def _cleaned(value: Any, depth: int) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return clean(value)
        case Mapping() if depth < MAX_NESTING:
            return {
                clean(str(k)): STRUCK_OUT if str(k).lower() in SECRET_KEYS else _cleaned(v, depth + 1)
                for k, v in value.items()
            }
        case list() | tuple() | set() | frozenset() if depth < MAX_NESTING:
            return [_cleaned(element, depth + 1) for element in value]
        case _:
            return clean(str(value))


def _indented(text: str) -> str:
    """A traceback keeps its lines; each is indented, so that none can pass for a line of the log."""
    lines = without_secrets(text[-MAX_TEXT - _MARGIN :])[-MAX_TEXT:].split("\n")
    return "\n".join(f"    {printable(line)}" for line in lines)
