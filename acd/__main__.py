"""The `acd` command: what each subcommand takes, and how a refusal is told.

What a command needs is imported when it runs: `acd check-config` starts no database layer.
"""

from __future__ import annotations

# isort: off
import acd.haste  # noqa: F401 - first
# isort: on

import asyncio
import hashlib
import importlib
import importlib.metadata
import os
import secrets
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import structlog
import typer
from typer.core import TyperGroup

from acd.config import Report, Settings, check
from acd.config.kinds import AGENT_ID, LABEL
from acd.errors import AcdError, ConfigError, EventLogError
from acd.simulation.command import simulate

EXIT_FAILED = 1
EXIT_CONFIG = 2
EXIT_LEFT = 3  # done, but something that was asked for cannot be yet


class Role(StrEnum):
    """Who a token's holder is to the API."""

    agent = "agent"
    supervisor = "supervisor"
    admin = "admin"


class Form(StrEnum):
    """What records are written as."""

    csv = "csv"
    xlsx = "xlsx"


class _Telling(TyperGroup):
    """Tells our own errors in words and an exit code; a traceback is for faults of the program only."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            for problem in error.problems:
                typer.echo(problem, err=True)
            raise typer.Exit(EXIT_CONFIG) from None
        except AcdError as error:
            typer.echo(f"acd: {error}", err=True)
            raise typer.Exit(EXIT_FAILED) from None


# Pretty tracebacks would print local variables, secrets among them.
_OPTIONS: dict[str, Any] = {"no_args_is_help": True, "pretty_exceptions_enable": False}
app = typer.Typer(cls=_Telling, add_completion=False, help="The ACD beside your Asterisk.", **_OPTIONS)
token_app = typer.Typer(help="Who may use the API.", **_OPTIONS)
db_app = typer.Typer(help="The database.", **_OPTIONS)
export_app = typer.Typer(help="Records for other programs.", **_OPTIONS)
app.add_typer(token_app, name="token")
app.add_typer(export_app, name="export")
app.add_typer(db_app, name="db")
app.command("simulate")(simulate)

ConfigFile = Annotated[Path, typer.Option("--config", envvar="ACD_CONFIG", help="The YAML file.", show_default=False)]


def main() -> None:
    """Entry point of the console script."""
    app(prog_name="acd")


def _version(wanted: bool) -> None:
    if wanted:
        try:
            typer.echo(f"acd {importlib.metadata.version('asterisk-acd')}")
        except importlib.metadata.PackageNotFoundError:
            typer.echo("acd, run from its sources")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")] = False,
) -> None:
    """The ACD beside your Asterisk."""


@app.command("run")
def run(config: ConfigFile) -> None:
    """Run the daemon until it is told to stop. SIGHUP has it read its configuration again, whole or not at all."""
    settings = _settings(config)
    asyncio.run(_late("acd.daemon", "run")(settings, config))


@app.command("doctor")
def doctor(config: ConfigFile) -> None:
    """Connect to everything, and say what to change."""
    settings = _settings(config)
    well = asyncio.run(_late("acd.doctor", "run")(settings, _tell))
    raise typer.Exit(0 if well else EXIT_FAILED)


@app.command("check-config")
def check_config(file: Annotated[Path, typer.Argument(help="The YAML file.", show_default=False)]) -> None:
    """Say everything that is wrong with a configuration at once, with line and fix."""
    report = _checked(file)
    for warning in report.warnings:
        typer.echo(f"warning: {warning}", err=True)
    if report.settings is not None:
        typer.echo(f"ok: {_summary(report.settings)}")


@app.command("replay")
def replay(
    file: Annotated[Path, typer.Argument(help="The event log: the newest file of the run.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a decision.")] = False,
) -> None:
    """Run an event log through the brain again: print its decisions, and prove that they are the same."""
    try:
        same = _late("acd.replay", "run")(file, as_json, typer.echo, partial(typer.echo, err=True))
    except EventLogError as error:
        typer.echo(f"acd: {error}", err=True)
        raise typer.Exit(EXIT_CONFIG) from None
    raise typer.Exit(0 if same else EXIT_FAILED)


@app.command("forget")
def forget(
    number: Annotated[str, typer.Argument(help="The caller's number, written in any way.", show_default=False)],
    config: ConfigFile,
) -> None:
    """Erase everything that is kept of a caller; may be done while the daemon runs."""
    settings = _settings(config)
    known = _late("acd.forget", "number_of")(number, settings.default_country)
    if known is None:
        typer.echo("acd: this is no caller's number: write it with its country code, as +79161234567", err=True)
        raise typer.Exit(EXIT_CONFIG)
    gone = asyncio.run(_late("acd.forget", "run")(settings, known, typer.echo))
    raise typer.Exit(0 if gone else EXIT_LEFT)


@token_app.command("create")
def token_create(
    name: Annotated[str, typer.Argument(help="Who it is for, as the log will call them.", show_default=False)],
    role: Annotated[Role, typer.Option(help="What it allows.", show_default=False)],
    agent: Annotated[str | None, typer.Option(help="With --role agent: whose it is (an agent's id).")] = None,
) -> None:
    """Make a token: it is printed once; the configuration gets only its SHA-256."""
    if LABEL.fullmatch(name) is None:
        raise typer.BadParameter("use 1 to 64 of A-Z, a-z, 0-9, _, - and .", param_hint="NAME")
    if agent is not None and (role is not Role.agent or AGENT_ID.fullmatch(agent) is None):
        raise typer.BadParameter("goes with --role agent and is an agent's id", param_hint="--agent")
    token = secrets.token_urlsafe(32)
    bound = "" if agent is None else f', agent: "{agent}"'
    typer.echo(f"token: {token}")
    typer.echo("It is not shown again. Put this under `tokens:` in the configuration:")
    sha256 = hashlib.sha256(token.encode()).hexdigest()
    typer.echo(f'  - {{name: "{name}", role: {role}, sha256: "{sha256}"{bound}}}')


@db_app.command("upgrade")
def db_upgrade(config: ConfigFile) -> None:
    """Bring the database's tables up to this version."""
    settings = _settings(config)
    asyncio.run(_late("acd.records.schema", "upgrade")(settings.database))
    typer.echo("ok: the database is up to date")


@export_app.command("calls")
def export_calls(
    config: ConfigFile,
    form: Annotated[Form, typer.Option("--format", help="What to write.")] = Form.csv,
    out: Annotated[Path, typer.Option(help="The file; - is standard output.")] = Path("-"),
    queue: Annotated[str | None, typer.Option(help="Only this queue's calls.")] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="Entered at or after: 2026-11-01, or with a time.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="Entered before.")] = None,
) -> None:
    """Write the calls that have ended, newest first; a daemon may run beside it."""
    settings = _settings(config)
    moment = partial(_moment, zone=settings.timezone)
    wanted = _late("acd.export", "Wanted")(form.value, out, queue, moment(since, "--from"), moment(until, "--to"))
    count = asyncio.run(_late("acd.export", "run")(settings, wanted))
    typer.echo(f"ok: {count} calls", err=True)


def _moment(text: str | None, option: str, zone: str) -> float | None:
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=ZoneInfo(zone))).timestamp()
    except (ValueError, OverflowError):
        raise typer.BadParameter("write a date or a time: 2026-11-01T09:00", param_hint=option) from None


def _checked(file: Path) -> Report:
    report = check(file, os.environ)
    if report.errors:
        raise ConfigError(list(report.errors))
    return report


def _settings(file: Path) -> Settings:
    """The settings to run with; the log is set up by them and gets the warnings."""
    report = _checked(file)
    if report.settings is None:
        raise ConfigError([f"{file}: cannot be used"])
    _late("acd.masking", "conceal")(report.settings.secrets())
    _late("acd.log", "setup")(level=report.settings.log.level, format=report.settings.log.format)
    for warning in report.warnings:
        structlog.get_logger("acd.config").warning("configuration", warning=warning)
    return report.settings


def _tell(finding: Any) -> None:
    """One line for each thing the doctor looked at, and what to change below it."""
    typer.echo(f"{'ok ' if finding.ok else 'FIX'}  {finding.what}: {finding.found}")
    if not finding.ok:
        typer.echo(f"     {finding.fix}")


def _late(module: str, name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def _summary(settings: Settings) -> str:
    counts = (
        (len(settings.queues), "queue", "queues"),
        (len(settings.agents), "agent", "agents"),
        (len(settings.tokens), "token", "tokens"),
        (len(settings.asterisk), "Asterisk", "Asterisks"),
    )
    return ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in counts)


if __name__ == "__main__":
    main()
