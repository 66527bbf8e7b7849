"""The schema's refusals in sentences: where, what is wrong, what to write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from acd.config.shape import Place, nearest, place
from acd.config.source import Path, Source, shown

_WANTED = {
    "model_type": "expected `key: value` lines below it",
    "mapping_type": "expected `name: …` lines below it",
    "dict_type": "expected `name: …` lines below it",
    "tuple_type": "expected a list, such as [a, b]",
    "string_type": "expected a single text",
    "int_type": "expected a whole number",
    "int_parsing": "not a whole number",
    "int_parsing_size": "far too great a number",
    "int_from_float": "not a whole number",
    "float_type": "expected a number",
    "float_parsing": "not a number",
    "finite_number": "not a finite number",
    "bool_parsing": "neither true nor false",
    "bool_type": "neither true nor false",
    "greater_than": "too small",
    "greater_than_equal": "too small",
    "less_than": "too great",
    "less_than_equal": "too great",
    "literal_error": "not a choice",
}


def sentences(error: ValidationError, source: Source) -> list[str]:
    """One sentence for each fault pydantic found."""
    return [_sentence(d, source) for d in error.errors(include_url=False) if not _is_echo(d, source)]


def _is_echo(details: ErrorDetails, source: Source) -> bool:
    """A list counts as too short for pydantic when its elements are wrong, which is told already."""
    return details["type"] == "too_short" and bool(source.at(*details["loc"]))


def _sentence(details: ErrorDetails, source: Source) -> str:
    path: Path = tuple(details["loc"])
    if path and path[-1] == "[key]":
        path = path[:-1]
    match details["type"]:
        case "extra_forbidden":
            return source.problem(path, _unknown(path))
        case "missing":
            return source.problem(path, _missing(path))
        case kind:
            return source.problem(path, _wrong(kind, details, path))


def _unknown(path: Path) -> str:
    section = place(path[:-1])
    known = section.keys if section is not None else ()
    hint = nearest(str(path[-1]), known)
    if path[-1] == "<<":
        return "unknown key; YAML 1.2 has no merging, write the keys out"
    return f"unknown key; did you mean {hint}?" if hint else f"unknown key; known here: {', '.join(known)}"


def _missing(path: Path) -> str:
    here = place(path)
    about = here.field.description if here is not None and here.field is not None else ""
    return f"missing; write `{path[-1]}: …` ({about})"


def _wrong(kind: str, details: ErrorDetails, path: Path) -> str:
    here = place(path)
    value = _value(details["input"], here)
    advice = here.advice() if here is not None else ""
    context: Mapping[str, Any] = details.get("ctx", {})
    match kind:
        case "value_error":
            return _joined(f"{value} will not do" if value else "", str(context["error"]))
        case "too_short":
            return "empty; write at least one"
        case "too_long":
            return f"more than {context['max_length']} elements; write fewer"
        case "string_too_short" | "string_too_long":
            return f"write {_length(context)}"
        case _:
            wrong = _WANTED.get(kind, details["msg"])
            suggestion = _suggestion(kind, details["input"], context)
            return _joined(f"{value} is {wrong}" if value and "expected" not in wrong else wrong, suggestion, advice)


def _suggestion(kind: str, given: Any, context: Mapping[str, Any]) -> str:
    if kind != "literal_error":
        return ""
    choices = [choice.strip("' ") for choice in str(context["expected"]).replace(" or ", ", ").split(",")]
    hint = nearest(str(given), choices)
    return f"did you mean {hint}?" if hint else ""


def _length(context: Mapping[str, Any]) -> str:
    if "max_length" in context:
        return f"at most {context['max_length']} characters"
    return f"at least {context['min_length']} characters"


def _value(given: Any, here: Place | None) -> str:
    """The refused value, unless it is a secret or too big to show."""
    if not isinstance(given, str) or (here is not None and here.is_secret):
        return ""
    return shown(given)


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
