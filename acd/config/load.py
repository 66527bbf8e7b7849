"""From a file and an environment to settings, or to everything that is wrong with them at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from acd.config.environment import overlay
from acd.config.rules import broken_rules
from acd.config.schema import Settings
from acd.config.sentences import sentences
from acd.config.source import Source, read
from acd.config.warnings import warnings
from acd.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Report:
    """What a configuration came to. `settings` is there exactly when there are no errors."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    settings: Settings | None


def load(path: Path | str | None, environ: Mapping[str, str]) -> Settings:
    """The settings of a YAML file (None: of nothing) under the environment's `ACD__*`.

    ConfigError holds every problem found, each with file and line or variable, and what to write.
    """
    report = check(path, environ)
    if report.settings is None:
        raise ConfigError(list(report.errors))
    return report.settings


def check(path: Path | str | None, environ: Mapping[str, str]) -> Report:
    """As `load`, telling errors and warnings instead of raising."""
    source = read(None if path is None else Path(path))
    if source.problems and not source.raw:
        return Report(tuple(source.problems), (), None)
    overlay(source, environ)
    problems, settings = _validated(source)
    errors = _in_order([*source.problems, *problems, *broken_rules(source)])
    if errors or settings is None:
        return Report(tuple(errors), (), None)
    return Report((), tuple(warnings(settings)), settings)


def _validated(source: Source) -> tuple[list[str], Settings | None]:
    try:
        return [], Settings.model_validate(source.raw)
    except ValidationError as error:
        return sentences(error, source), None


def _in_order(problems: list[str]) -> list[str]:
    """Without repetitions, by line, those of the environment last."""
    return sorted(dict.fromkeys(problems), key=_line)


def _line(problem: str) -> int:
    digits = problem.split(": ", 1)[0].rpartition(":")[2]
    return int(digits) if digits.isdigit() else 1 << 30
