"""Checked rows go into their table, in the transaction of whoever calls; what follows from them comes along."""

from dataclasses import dataclass

import polars as pl

from emotide.log import ROW, TIME, Kind, Table
from emotide.store.connection import Connection
from emotide.store.derive import derive, know_users
from emotide.store.schema import KEPT_EMPTY, SINCE_EVER

STAGE = "stage"
NUMBER = "file_row"  # `row` is a word of SQL


@dataclass(frozen=True)
class Written:
    """What became of some rows.

    Attributes:
        new: how many the table did not hold before.
        derived: interactions that they brought about.
        moved: rows whose media lie elsewhere now.
        refused: numbers of those of which the table holds another one of the same key.
    """

    new: int
    derived: int
    moved: int
    refused: pl.Series


def write(connection: Connection, table: Table, rows: pl.DataFrame) -> Written:
    """Put rows (numbered by `row`) into their table."""
    connection.stage(STAGE, in_database(rows, table))
    names = ", ".join(table.names)
    new = connection.insert(f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {STAGE}")
    refused, moved = pl.Series([], dtype=pl.Int64), 0
    if new < len(rows):
        refused, moved = _refused(connection, table)
    kept = rows.filter(~pl.col(ROW).is_in(refused.implode())) if len(refused) else rows
    know_users(connection, kept, table)
    return Written(new, derive(connection, kept, table), moved, refused)


def held_otherwise(table: Table) -> str:
    """Why a row is refused."""
    return f"the store holds another row of the same {', '.join(table.key)}"


def _refused(connection: Connection, table: Table) -> tuple[pl.Series, int]:
    """The numbers of staged rows that differ from the stored row of their key; and how many media followed a move."""
    paths = [column.name for column in table.columns if column.kind is Kind.PATH]
    values = [name for name in table.names if name not in table.key and name not in paths]
    same = " AND ".join(f"t.{name} = s.{name}" for name in table.key)
    differs = " OR ".join(f"t.{name} IS DISTINCT FROM s.{name}" for name in values) or "1 = 0"
    moved = 0
    if paths:
        elsewhere = " OR ".join(f"t.{name} IS DISTINCT FROM s.{name}" for name in paths)
        places = ", ".join(f"{name} = s.{name}" for name in paths)
        where = f"{same} AND NOT ({differs}) AND ({elsewhere})"
        moved = connection.change(f"UPDATE {table.name} AS t SET {places} FROM {STAGE} AS s WHERE {where}")
    refused = f"{STAGE} AS s JOIN {table.name} AS t ON {same} WHERE {differs}"
    return connection.frame({NUMBER: pl.Int64()}, refused).to_series(), moved


def in_database(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Rows as the database holds them, in the order of the key (so that they are appended rather than scattered)."""
    times = [column.name for column in table.columns if column.kind is Kind.TIME]
    kept = rows.rename({ROW: NUMBER}).with_columns(pl.col(times).to_physical())
    return kept.with_columns(pl.col(name).fill_null(SINCE_EVER) for name in times if name in table.key).sort(table.key)


def from_database(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Rows as the contract says them: times are times, absent is null."""
    columns = [column for column in table.columns if column.name in rows.columns]
    times = [column.name for column in columns if column.kind is Kind.TIME]
    absent = [column.name for column in columns if column.default == "" and column.name not in KEPT_EMPTY]
    rows = rows.with_columns(pl.col(times).replace(SINCE_EVER, None).cast(TIME)) if times else rows
    return rows.with_columns(pl.col(absent).replace("", None)) if absent else rows
