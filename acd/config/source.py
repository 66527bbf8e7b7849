"""The raw configuration: text from the YAML file, where each piece of it came from, and nothing guessed.

The file is read to YAML 1.2 nodes only. Every scalar stays the text that was written; the schema, not YAML,
decides what is a number: `10:30`, `no`, `007` and a number such as `+74951234567` arrive as they were
typed. An empty value is None; for a key of the schema that is as good as leaving the key out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, Final

from ruamel.yaml import YAML, MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.error import MarkedYAMLError, YAMLError

MAX_FILE_BYTES: Final = 4 * 1024 * 1024
"""10,000 agents take about 1 MiB."""
MAX_NODES: Final = 500_000
"""Stops aliases that refer to aliases (a "billion laughs") long before memory does."""
MAX_DEPTH: Final = 20

_EMPTY: Final = frozenset({"", "~", "null", "Null", "NULL"})

Path = tuple[str | int, ...]
Raw = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was written: a line of a file (1-based), or an environment variable."""

    name: str
    line: int | None = None

    def __str__(self) -> str:
        return self.name if self.line is None else f"{self.name}:{self.line}"


@dataclass(slots=True)
class Source:
    """What was written, where, and what was wrong with the writing itself."""

    file: str
    raw: Raw = field(default_factory=dict)
    origins: dict[Path, Origin] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def origin(self, path: Path) -> Origin:
        """Where `path` was written, or the nearest thing around it that was."""
        while path:
            if path in self.origins:
                return self.origins[path]
            path = path[:-1]
        return Origin(self.file)

    def problem(self, path: Path, what: str) -> str:
        """One sentence: where, which key, what is wrong and what to write."""
        return f"{self.origin(path)}: {dotted(path)}: {what}" if path else f"{self.origin(path)}: {what}"

    def at(self, *path: str | int) -> Any:
        """The raw value at `path`, or None."""
        value: Any = self.raw
        for step in path:
            match value, step:
                case dict(), str():
                    value = value.get(step)
                case list(), int() if step < len(value):
                    value = value[step]
                case _:
                    return None
        return value

    def entries(self, *path: str | int) -> Iterator[tuple[Path, Any]]:
        """The elements of the mapping or list at `path`, each with its own path; none if it is neither."""
        value = self.at(*path)
        pairs: Any = ()
        if isinstance(value, Mapping):
            pairs = value.items()
        elif isinstance(value, list):
            pairs = enumerate(value)
        for key, element in pairs:
            yield (*path, key), element


def dotted(path: Path) -> str:
    """`queues.sales.relax[0].require`; what is not printable is escaped."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else ("." if text else "") + shown(step, quote=False)
    return text


def shown(value: object, quote: bool = True) -> str:
    """A value from outside, fit for a message: one line, printable, at most 60 characters."""
    text = str(value)
    text = text if len(text) <= 60 else text[:57] + "..."
    if quote or not text.isprintable() or not text:
        return repr(text)
    return text


def read(file: FilePath | None) -> Source:
    """Read a YAML file; faults of the file itself are in `problems`. None: an empty configuration."""
    if file is None:
        return Source("environment")
    source = Source(str(file))
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        source.problems.append(f"{file}: cannot be read ({error.strerror}); name a file that exists")
        return source
    if len(data) > MAX_FILE_BYTES:
        source.problems.append(f"{file}: larger than {MAX_FILE_BYTES} bytes; this cannot be meant")
        return source
    node = _compose(data, source)
    if node is not None:
        _Reader(source).top(node)
    return source


def parse_value(text: str) -> Any:
    """A YAML value from an environment variable, such as `["74951234567"]`; ValueError if it is not one."""
    source = Source("value")
    node = _compose(text.encode(), source)
    value = _Reader(source).whole(node) if node is not None else None
    if source.problems:
        raise ValueError(source.problems[0].partition(": ")[2])
    return value


def _compose(data: bytes, source: Source) -> Node | None:
    try:
        return YAML(typ="safe", pure=True).compose(data.decode())  # type: ignore[no-any-return]
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        source.problems.append(f"{source.file}:{line}: is not UTF-8; save the file as UTF-8")
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        source.problems.append(f"{source.file}:{line}: is not YAML: {error.problem or error.context}")
    except (YAMLError, RecursionError) as error:
        source.problems.append(f"{source.file}: is not YAML: {' '.join(str(error).split())}")
    return None


class _TooMuchError(Exception):
    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class _Reader:
    """Turns nodes into plain data, noting lines and faults in the source."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._nodes = 0

    def top(self, node: Node) -> None:
        value = self.whole(node)
        if isinstance(value, dict):
            self._source.raw = value
        elif value is not None:
            self._fault(node, "expected `key: value` lines at the top")

    def whole(self, node: Node) -> Any:
        """The plain value of a root node; None where it cannot be had, with the reason noted."""
        try:
            return self._value(node, (), 0)
        except _TooMuchError as error:
            where = Origin(self._source.file, error.line)
            self._source.problems.append(f"{where}: nested too deeply, or too much of it; write it out plainly")
            return None

    def _value(self, node: Node, path: Path, depth: int) -> Any:
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise _TooMuchError(_line(node))
        match node:
            case MappingNode():
                return self._mapping(node, path, depth)
            case SequenceNode():
                return self._sequence(node, path, depth)
            case ScalarNode():
                return None if node.style is None and node.value in _EMPTY else str(node.value)
        return None

    def _mapping(self, node: MappingNode, path: Path, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._fault(key_node, f"{dotted(path)}: a key must be a plain word")
                continue
            key, line = str(key_node.value), _line(key_node)
            if key in lines:
                where = dotted((*path, key))
                self._fault(key_node, f"{where}: written twice, first in line {lines[key]}; keep one of the two")
                continue
            lines[key] = line
            self._source.origins[(*path, key)] = Origin(self._source.file, line)
            result[key] = self._value(value_node, (*path, key), depth + 1)
        return result

    def _sequence(self, node: SequenceNode, path: Path, depth: int) -> list[Any]:
        items = []
        for index, item in enumerate(node.value):
            self._source.origins[(*path, index)] = Origin(self._source.file, _line(item))
            items.append(self._value(item, (*path, index), depth + 1))
        return items

    def _fault(self, node: Node, what: str) -> None:
        self._source.problems.append(f"{self._source.file}:{_line(node)}: {what}")


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1
