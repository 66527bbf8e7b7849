"""Statements that write a row where it is missing and better an older one: writing twice is writing once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from sqlalchemy import Column, Connection, Dialect, Table, and_, case, literal_column, or_

from acd.records.tables import agent_sessions, agents, call_events, calls, life, offers, surveys, voicemails


@dataclass(frozen=True, slots=True)
class _Form:
    """A statement as the driver takes it, and how a row becomes its parameters."""

    text: str
    columns: tuple[tuple[str, Callable[[Any], Any] | None], ...]

    @classmethod
    def of(cls, statement: Any, dialect: Dialect, row: Mapping[str, Any]) -> _Form:
        compiled = statement.compile(dialect=dialect, column_keys=list(row))
        types = {column.name: column.type.dialect_impl(dialect) for column in statement.table.columns}
        names = compiled.positiontup
        return cls(str(compiled), tuple((name, types[name].bind_processor(dialect)) for name in names))

    def row(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple([values[name] if bind is None else bind(values[name]) for name, bind in self.columns])


class Upserts(Mapping[str, Any]):
    """By table name, in the order in which they must run: a call before its parts."""

    def __init__(self, dialect: str) -> None:
        self._insert: Any = import_module(f"sqlalchemy.dialects.{dialect}").insert  # the other one would cost the start
        self._forms: dict[str, _Form] = {}
        self._statements = {
            "calls": self._newer_wins(calls),
            "call_events": self._insert(call_events).on_conflict_do_nothing(),
            "offers": self._stays(offers.c.result),
            "surveys": self._stays(surveys.c.result),
            "voicemails": self._stays(voicemails.c.heard_at),
            "agent_sessions": self._insert(agent_sessions).on_conflict_do_nothing(),
            "agents": self._last_wins(agents),
            "life": self._last_wins(life),
        }

    def write(self, connection: Connection, table: str, values: Sequence[Mapping[str, Any]]) -> None:
        """Write rows that all have the same columns.

        The statement is compiled once, and the driver gets plain tuples: to have SQLAlchemy bind every row anew cost
        as much as the rest of the batch.
        """
        form = self._forms.get(table)
        if form is None:
            form = self._forms[table] = _Form.of(self._statements[table], connection.dialect, values[0])
        connection.exec_driver_sql(form.text, [form.row(one) for one in values])

    def __getitem__(self, table: str) -> Any:
        return self._statements[table]

    def __iter__(self) -> Iterator[str]:
        return iter(self._statements)

    def __len__(self) -> int:
        return len(self._statements)

    def _newer_wins(self, table: Table) -> Any:
        """What was made nobody's stays so: a daemon that still has the call in memory may write it once more."""
        statement = self._insert(table)
        nobodys = and_(table.c.ended_at.is_not(None), table.c.number == literal_column("''"))
        kept = {
            name: case((nobodys, table.c[name]), else_=statement.excluded[name])
            for name in ("number", "number_norm", "name")
        }
        return statement.on_conflict_do_update(
            index_elements=list(table.primary_key),
            set_=_all_but_key(table, statement) | kept,
            where=table.c.seq < statement.excluded.seq,
        )

    def _last_wins(self, table: Table) -> Any:
        """By the order of writing: moments of two daemons' clocks are not to be compared."""
        statement = self._insert(table)
        return statement.on_conflict_do_update(
            index_elements=list(table.primary_key), set_=_all_but_key(table, statement)
        )

    def _stays(self, result: Column[Any]) -> Any:
        """Whoever comes late and does not know the result yet changes nothing."""
        table = result.table
        assert isinstance(table, Table)
        statement = self._insert(table)
        return statement.on_conflict_do_update(
            index_elements=list(table.primary_key),
            set_=_all_but_key(table, statement),
            where=or_(result.is_(None), statement.excluded[result.name].is_not(None)),
        )


def _all_but_key(table: Table, statement: Any) -> dict[str, Any]:
    return {column.name: statement.excluded[column.name] for column in table.columns if not column.primary_key}
