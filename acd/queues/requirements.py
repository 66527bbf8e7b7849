"""Skill expressions, read: what an agent must be able to do to be offered a call.

    requirement = any_of
    any_of      = all_of ("or" all_of)*
    all_of      = negated ("and" negated)*
    negated     = "not" negated | "(" any_of ")" | "anyone" | comparison
    comparison  = name [operator (integer | string)]
    operator    = ">=" | ">" | "<=" | "<" | "==" | "!="

`sales >= 3 and (ru >= 5 or en >= 8)` is over skill levels; `language == "ru"` (a string on the right) is
over what is known of the call. A bare `sales` means `sales >= 1`; `anyone` asks for nothing. `not` binds
tighter than `and`, and `and` tighter than `or`. These words may be in either case; skill names are
case-sensitive and in any alphabet.

Text is parsed once, by hand and within limits, never evaluated as Python, and `parse(str(requirement)) ==
requirement` always. What a requirement means is in `acd.queues.requirement_tree`, whose names are also
found here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from acd.errors import RequirementError
from acd.queues.requirement_tree import OPERATORS, AllOf, AnyOf, Anyone, Attribute, Not, Requirement, Skill

__all__ = [
    "KEYWORDS",
    "MAX_DEPTH",
    "MAX_LENGTH",
    "MAX_LEVEL",
    "AllOf",
    "AnyOf",
    "Anyone",
    "Attribute",
    "Not",
    "Requirement",
    "Skill",
    "is_name",
    "parse",
]

MAX_LENGTH: Final = 1000
"""Longest expression in characters, as written and as printed: far more than anybody can read."""
MAX_DEPTH: Final = 32
"""Deepest nesting of parentheses and `not`: keeps every walk over the tree far from the recursion limit."""
MAX_LEVEL: Final = 1_000_000
"""Greatest level that may be written; agents' levels are 0 to 100."""

KEYWORDS: Final = frozenset({"and", "or", "not", "anyone"})

_TEXT_OPERATORS: Final = ("==", "!=")
_HINTS: Final = {"=": "==", "&": "and", "|": "or", "!": "not", "≥": ">=", "≤": "<=", "≠": "!="}
_DIGITS: Final = frozenset("0123456789")


def parse(text: str) -> Requirement:
    """Read an expression; RequirementError says what is wrong and at which 0-based column."""
    if len(text) > MAX_LENGTH:
        raise RequirementError(f"longer than {MAX_LENGTH} characters", MAX_LENGTH)
    requirement = _Parser(text).whole()
    if len(str(requirement)) > MAX_LENGTH:
        raise RequirementError(f"longer than {MAX_LENGTH} characters when written out in full", 0)
    return requirement


def is_name(text: str) -> bool:
    """Whether `text` can be written as a skill's name in an expression and means itself there."""
    return (
        text.isidentifier()
        and text.lower() not in KEYWORDS
        and unicodedata.is_normalized("NFKC", text)
        and len(text) <= 64
    )


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # name, keyword, number, text, operator, bracket, end
    text: str
    at: int

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else repr(self.text)


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        token, at = _token(text, at)
        yield token
    yield _Token("end", "", len(text))


def _token(text: str, at: int) -> tuple[_Token, int]:
    """The token that starts at `at`, and where it ends."""
    char = text[at]
    if char in _DIGITS:
        end = _run(text, at, lambda c: c in _DIGITS)
        return _Token("number", text[at:end], at), end
    if char.isidentifier():
        end = _run(text, at, lambda c: ("a" + c).isidentifier())
        return _word(text[at:end], at), end
    if char in "\"'":
        return _quoted(text, at)
    if char in "()":
        return _Token("bracket", char, at), at + 1
    for op in OPERATORS:
        if text.startswith(op, at):
            return _Token("operator", op, at), at + len(op)
    hint = f"; write {_HINTS[char]}" if char in _HINTS else ""
    raise RequirementError(f"{char!r} means nothing here{hint}", at)


def _run(text: str, start: int, belongs: Callable[[str], bool]) -> int:
    end = start
    while end < len(text) and belongs(text[end]):
        end += 1
    return end


def _word(text: str, at: int) -> _Token:
    word = unicodedata.normalize("NFKC", text)
    return _Token("keyword", word.lower(), at) if word.lower() in KEYWORDS else _Token("name", word, at)


def _quoted(text: str, at: int) -> tuple[_Token, int]:
    end = text.find(text[at], at + 1)
    if end < 0:
        raise RequirementError("this quotation mark has no partner", at)
    inside = text[at + 1 : end]
    if not inside.isprintable():
        raise RequirementError("only printable characters may be quoted", at)
    return _Token("text", inside, at), end + 1


class _Parser:
    """Recursive descent over the tokens, one method a grammar rule."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._next = next(self._tokens)
        self._depth = 0

    def whole(self) -> Requirement:
        if self._next.kind == "end":
            raise RequirementError("empty; write `anyone` if no skill is needed", 0)
        requirement = self._any_of()
        if self._next.kind != "end":
            raise RequirementError(f"expected `and`, `or` or the end, found {self._next}", self._next.at)
        return requirement

    def _take(self) -> _Token:
        token = self._next
        if token.kind != "end":
            self._next = next(self._tokens)
        return token

    def _takes(self, kind: str, text: str) -> bool:
        if (self._next.kind, self._next.text) != (kind, text):
            return False
        self._take()
        return True

    def _any_of(self) -> Requirement:
        parts = [self._all_of()]
        while self._takes("keyword", "or"):
            parts.append(self._all_of())
        return AnyOf(tuple(parts)) if len(parts) > 1 else parts[0]

    def _all_of(self) -> Requirement:
        parts = [self._negated()]
        while self._takes("keyword", "and"):
            parts.append(self._negated())
        return AllOf(tuple(parts)) if len(parts) > 1 else parts[0]

    def _negated(self) -> Requirement:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise RequirementError(f"nested deeper than {MAX_DEPTH}", self._next.at)
        requirement = self._within()
        self._depth -= 1
        return requirement

    def _within(self) -> Requirement:
        token = self._take()
        match token.kind, token.text:
            case "keyword", "not":
                return Not(self._negated())
            case "keyword", "anyone":
                return Anyone()
            case "bracket", "(":
                requirement = self._any_of()
                if not self._takes("bracket", ")"):
                    raise RequirementError(
                        f"expected `)` for the `(` in column {token.at + 1}, found {self._next}",
                        self._next.at,
                    )
                return requirement
            case "name", _:
                return self._comparison(token.text)
        raise RequirementError(f"expected a skill's name, `not` or `(`, found {token}", token.at)

    def _comparison(self, name: str) -> Requirement:
        if self._next.kind != "operator":
            return Skill(name, ">=", 1)
        op, value = self._take(), self._take()
        match value.kind:
            case "number":
                digits = value.text.lstrip("0") or "0"
                if len(digits) > 7 or int(digits) > MAX_LEVEL:
                    raise RequirementError(f"a level is at most {MAX_LEVEL}", value.at)
                return Skill(name, op.text, int(digits))
            case "text":
                if op.text not in _TEXT_OPERATORS:
                    raise RequirementError("text can only be compared with == and !=", op.at)
                return Attribute(name, op.text, value.text)
        raise RequirementError(f"expected a number or a quoted text after {op}, found {value}", value.at)
