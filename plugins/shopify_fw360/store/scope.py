"""What every function of the store needs: the connection, the pair, the clock; and SQL both databases understand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeAlias

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    CursorResult,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    column,
    func,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY

from shopify_fw360.records import Flow
from shopify_fw360.store.codec import dump_json

Finish: TypeAlias = Callable[[Any], Any]
"""Completes an INSERT; built once per function, because the same statement is executed again and again."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One database transaction on the rows of one pair.

    Args:
        connection: the connection, within a transaction.
        pair_id: the pair whose rows are seen; no function reaches beyond it.
        clock: returns the present aware UTC time.
    """

    connection: Connection
    pair_id: str
    clock: Callable[[], datetime]

    def mine(self, table: Table) -> ColumnElement[bool]:
        """Condition: the row belongs to the pair."""
        clause: ColumnElement[bool] = table.c.pair_id == self.pair_id
        return clause

    def of_flow(self, table: Table, flow: Flow) -> ColumnElement[bool]:
        """Condition: the row belongs to the pair and the flow."""
        return self.mine(table) & (table.c.entity == flow.entity.value) & (table.c.source == flow.source.value)

    def insert(self, table: Table) -> postgresql.Insert | sqlite.Insert:
        """Return an INSERT that knows ON CONFLICT, in the dialect of the connection."""
        if self.connection.dialect.name == "postgresql":
            return postgresql.insert(table)
        return sqlite.insert(table)

    def insert_rows(self, table: Table, rows: Sequence[Mapping[str, Any]], finish: Finish) -> CursorResult[Any]:
        """Insert many rows in one statement.

        Args:
            table: where to.
            rows: at least one, all with the same keys.
            finish: a function of a module, which adds ON CONFLICT and RETURNING to the INSERT.

        Returns:
            The result; rows that are returned come in no particular order.
        """
        if self.connection.dialect.name == "postgresql":
            statement = _insert_from_json(table, tuple(rows[0]), finish)
            return self.connection.execute(statement, {"rows": dump_json(list(rows))})
        return self.connection.execute(_insert_values(table, finish), rows)

    def among(self, column: ColumnElement[Any], values: Sequence[str] | Sequence[int]) -> ColumnElement[bool]:
        """Condition: the column has one of the values; one bound parameter however many values there are."""
        if self.connection.dialect.name == "postgresql":
            kind = BigInteger if isinstance(column.type, BigInteger) else Text
            return column == any_(literal(list(values), ARRAY(kind)))
        return column.in_(select(func.json_each(dump_json(list(values))).table_valued("value").c.value))

    def in_code_order(self, column: ColumnElement[str]) -> ColumnElement[str]:
        """Sort key: text by code points, as Python sorts it, whatever the collation of the database."""
        return column.collate("C") if self.connection.dialect.name == "postgresql" else column


@cache
def _insert_values(table: Table, finish: Finish) -> Any:
    return finish(sqlite.insert(table))


@cache
def _insert_from_json(table: Table, names: tuple[str, ...], finish: Finish) -> Any:
    """An INSERT that takes all rows as one JSON parameter.

    With one parameter per value PostgreSQL and its driver would spend most of their time on parsing a long statement
    that differs with the number of rows.
    """
    given = (
        func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON))
        .table_valued(*(column(name, table.c[name].type) for name in names), name="given")
        .render_derived(with_types=True)
    )
    return finish(postgresql.insert(table).from_select(names, select(*(given.c[name] for name in names))))
