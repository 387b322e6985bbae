"""Events that come one after the other: kept in the tables of the log, and their order in the journal (DESIGN 6).

A line of the journal is the key of a row, in columns that all tables share. It is written in the transaction of the
row, so that what was acknowledged can be told again in the same order.
"""

from dataclasses import dataclass
from hashlib import sha256

import polars as pl

from emotide.log import ROW, TABLES, Kind, Table, Types
from emotide.store.connection import Connection
from emotide.store.consent import NO_CONSENT, Refusals
from emotide.store.erase import REASON, Tombstones
from emotide.store.schema import SINCE_EVER
from emotide.store.writing import NUMBER, held_otherwise, in_database, write

ORDER = ("items", "posts", "interactions", "ties", "labels", "feedback")  # in which one delivery is written
KEYS = {  # the columns of a table that stand as source_id, target_id, kind and post_id
    "posts": ("user_id", None, None, "post_id"),
    "interactions": ("source_id", "target_id", "kind", "post_id"),
    "ties": ("source_id", "target_id", "kind", None),
    "labels": ("user_id", "category", "space", "post_id"),
    "items": (None, "item_id", None, None),
    "feedback": ("user_id", "item_id", None, None),
}
LINE = {
    "seq": pl.Int64(), "event_id": pl.String(), "table_name": pl.String(), "network": pl.String(), "time": pl.Int64(),
    "source_id": pl.String(), "target_id": pl.String(), "kind": pl.String(), "post_id": pl.String(),
}  # fmt: skip
COLUMNS = ", ".join(LINE)
DETAILS = {"said": pl.String(), "dimensions": pl.String(), "number": pl.Float64(), "until": pl.Int64(),
           "propensity": pl.Float64()}  # fmt: skip
EVENT, DERIVED, JOURNAL = "stage_events", "stage_derived", "stage_journal"


@dataclass(frozen=True)
class Arrival:
    """What became of one delivery.

    Attributes:
        lines: of the journal that are new, with their details.
        known: numbers of rows whose event, or whose very row, is there already.
        refused: number, and why.
    """

    lines: pl.DataFrame
    known: list[int]
    refused: dict[int, str]


def arrive(connection: Connection, rows: dict[str, pl.DataFrame], after: int = 0) -> Arrival:
    """Write a delivery in the connection's transaction; the caller commits.

    Args:
        rows: by table, in its schema, with `row` (their numbers in the delivery) and `event_id`.
        after: numbers go on from here at least: lines of erased people leave gaps, also at the end.
    """
    connection.execute("UPDATE state SET digest = digest")  # writers wait here for each other
    graves, refusals = Tombstones(connection), Refusals(connection)
    known: list[int] = []
    refused: dict[int, str] = {}
    lines: list[pl.DataFrame] = []
    digest = sha256(str(connection.rows("SELECT digest FROM state")[0][0]).encode())
    for name in ORDER:
        table, mine = TABLES[name], rows.get(name)
        if mine is None or mine.is_empty():
            continue
        for out, reason in ((graves, REASON), (refusals, NO_CONSENT)):
            mine, away = out.turned_away(mine, table)
            refused |= dict.fromkeys(away[ROW].to_list(), reason)
        there = _known(connection, mine)
        known += there
        mine = mine.filter(~pl.col(ROW).is_in(there))
        held, other = _held(connection, table, mine)
        known += held
        refused |= dict.fromkeys(other, held_otherwise(table))
        mine = mine.filter(~pl.col(ROW).is_in([*held, *other]))
        if mine.is_empty():
            continue
        _touched(connection, mine, table)
        write(connection, table, mine.drop("event_id"))
        digest.update(f"{name} {mine.drop(ROW).write_ndjson()}".encode())
        lines += [_lines(mine, table), _derived(connection)]
    told = pl.concat(lines).sort("time", maintain_order=True) if lines else pl.DataFrame(schema=LINE)
    first = max(last_line(connection), after) + 1
    told = told.with_columns(seq=pl.int_range(first, first + len(told), dtype=pl.Int64, eager=True))
    if len(told):
        connection.stage(JOURNAL, told.select(*LINE))
        connection.insert(f"INSERT INTO journal ({COLUMNS}) SELECT {COLUMNS} FROM {JOURNAL}")
        mark = connection.mark(1)
        connection.execute(f"UPDATE state SET digest = {mark}", (digest.hexdigest(),))
    return Arrival(with_details(connection, told), known, refused)


def last_line(connection: Connection) -> int:
    """The number of the journal's last line; 0 where there is none."""
    return connection.number("SELECT COALESCE(MAX(seq), 0) FROM journal")


def read_journal(connection: Connection, after: int, most: int) -> pl.DataFrame:
    """The next lines behind `after`, with their details."""
    where = f"(SELECT {COLUMNS} FROM journal WHERE seq > {int(after)} ORDER BY seq LIMIT {int(most)}) AS j"
    return with_details(connection, connection.frame(LINE, where).sort("seq"))


def before_journal(connection: Connection) -> pl.DataFrame:
    """The rows that came otherwise, by ingest, as lines in order of time; `seq` is 0."""
    lines = []
    for name in ORDER:
        table = TABLES[name]
        kept = {column.name: table.schema[column.name] for column in table.columns}
        wanted = {c: pl.Int64() if table.column(c).kind is Kind.TIME else kept[c] for c in table.key}
        same = " AND ".join(f"j.{ours} = t.{theirs}" for ours, theirs in _same(name))
        source = f"{name} AS t WHERE NOT EXISTS (SELECT 1 FROM journal AS j WHERE j.table_name = '{name}' AND {same})"
        owner = {"user_id": pl.String(), "time": pl.Int64()} if name == "posts" else {}
        found = connection.frame(wanted | owner, source).with_columns(pl.lit("").alias("event_id"))
        lines.append(_lines(found, table))
    told = pl.concat(lines).sort("time", "table_name", "network", "source_id", "target_id", "kind", "post_id")
    return with_details(connection, told.with_columns(seq=pl.lit(0, pl.Int64)))


def still_there(connection: Connection, lines: pl.DataFrame) -> pl.DataFrame:
    """Those of some lines whose rows the store still holds, with their details as they are now."""
    numbered, here = lines.select(*LINE).with_row_index("place"), [pl.Series("place", [], pl.Int64)]
    for (name,), some in numbered.group_by("table_name"):
        connection.stage(EVENT, some.cast({"place": pl.Int64}))
        same = " AND ".join(f"j.{ours} = t.{theirs}" for ours, theirs in _same(str(name)))
        here.append(connection.frame({"place": pl.Int64()}, f"{EVENT} AS j JOIN {name} AS t ON {same}").to_series())
    return with_details(connection, numbered.filter(pl.col("place").is_in(pl.concat(here).implode())).drop("place"))


def with_details(connection: Connection, lines: pl.DataFrame) -> pl.DataFrame:
    """The lines with what their rows say besides: text, dimensions, weight or reward, end of a tie, propensity."""
    parts = []
    for (name,), some in lines.group_by("table_name", maintain_order=True):
        parts.append(_detailed(connection, str(name), some))
    empty = lines.clear().with_columns(pl.lit(None, dtype).alias(name) for name, dtype in DETAILS.items())
    return pl.concat([empty, *parts]).sort("seq", "time", maintain_order=True)


def _detailed(connection: Connection, name: str, some: pl.DataFrame) -> pl.DataFrame:
    details: dict[str, Types] = {
        "posts": {"title": pl.String(), "text": pl.String()},
        "labels": {"dimensions": pl.String(), "weight": pl.Float64()},
        "ties": {"until": pl.Int64()},
        "feedback": {"reward": pl.Float64(), "propensity": pl.Float64()},
    }
    wanted, some = details.get(name, {}), some.with_row_index("place")
    if not wanted:
        found = some
    else:
        connection.stage(EVENT, some.select(pl.col("place").cast(pl.Int64), *LINE))
        same = " AND ".join(f"j.{ours} = t.{theirs}" for ours, theirs in _same(name))
        columns: Types = {"place": pl.Int64(), **wanted}
        more = connection.frame(columns, f"{EVENT} AS j JOIN {name} AS t ON {same}")
        found = some.join(more.cast({"place": pl.UInt32}), on="place", how="left", maintain_order="left")
    said = pl.concat_str("title", "text", separator="\n", ignore_nulls=True) if name == "posts" else pl.lit(None)
    number = {"labels": "weight", "feedback": "reward"}.get(name)
    return found.select(
        *LINE,
        said.cast(pl.String).alias("said"),
        (pl.col("dimensions") if name == "labels" else pl.lit(None)).cast(pl.String).alias("dimensions"),
        (pl.col(number) if number else pl.lit(None)).cast(pl.Float64).alias("number"),
        (pl.col("until") if name == "ties" else pl.lit(None)).cast(pl.Int64).alias("until"),
        (pl.col("propensity") if name == "feedback" else pl.lit(None)).cast(pl.Float64).alias("propensity"),
    )


def _same(name: str) -> list[tuple[str, str]]:
    """Columns of the journal and of a table that are equal where they speak of one row."""
    ours = dict(zip(("source_id", "target_id", "kind", "post_id"), KEYS[name], strict=True))
    theirs = TABLES[name].key
    pairs = [(mine, their) for mine, their in ours.items() if their in theirs]
    return [*pairs, *((column, column) for column in ("network", "time") if column in theirs)]


def _lines(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Rows as lines of the journal, without their place in it."""
    named = dict(zip(("source_id", "target_id", "kind", "post_id"), KEYS[table.name], strict=True))
    keyed = {ours: (pl.lit("") if theirs is None else pl.col(theirs).fill_null("")) for ours, theirs in named.items()}
    network = pl.col("network").fill_null("") if "network" in table.names else pl.lit("")
    time = pl.col("time").to_physical().cast(pl.Int64).fill_null(SINCE_EVER) if "time" in rows.columns else pl.lit(0)
    return rows.select(
        pl.lit(0, pl.Int64).alias("seq"), "event_id", pl.lit(table.name).alias("table_name"),
        network.alias("network"), time.cast(pl.Int64).alias("time"),
        *(keyed[name].cast(pl.String).alias(name) for name in ("source_id", "target_id", "kind", "post_id")),
    )  # fmt: skip


def _known(connection: Connection, rows: pl.DataFrame) -> list[int]:
    """The numbers of rows whose event is in the journal."""
    connection.stage(EVENT, rows.select(pl.col(ROW).alias(NUMBER), "event_id"))
    found = connection.frame({NUMBER: pl.Int64()}, f"{EVENT} AS s JOIN journal AS j ON j.event_id = s.event_id")
    return found.to_series().to_list()


def _held(connection: Connection, table: Table, rows: pl.DataFrame) -> tuple[list[int], list[int]]:
    """The numbers of rows that the table holds as they are, and of those of which it holds another one."""
    connection.stage(EVENT, in_database(rows.drop("event_id"), table))
    values = [name for name in table.names if name not in table.key]
    same = " AND ".join(f"t.{name} = s.{name}" for name in table.key)
    differs = " OR ".join(f"t.{name} IS DISTINCT FROM s.{name}" for name in values) or "1 = 0"
    source = f"{EVENT} AS s JOIN {table.name} AS t ON {same}"
    every = connection.frame({NUMBER: pl.Int64()}, source).to_series()
    other = connection.frame({NUMBER: pl.Int64()}, f"{source} WHERE {differs}").to_series()
    return every.filter(~every.is_in(other.implode())).to_list(), other.to_list()


def _touched(connection: Connection, rows: pl.DataFrame, table: Table) -> None:
    """Stage the posts of which rows to be written may bring about interactions, and which of these."""
    connection.execute(f"DROP TABLE IF EXISTS {DERIVED}")
    found = {"network": pl.String(), "post_id": pl.String(), "kind": pl.String(), "name": pl.String()}
    parts = [pl.DataFrame(schema=found)]
    if table.name == "posts":
        parts.append(rows.select("network", "post_id", kind=pl.lit(""), name=pl.lit("")))
        connection.stage(EVENT, rows.select("network", pl.col("post_id").alias("parent")))
        children = (
            f"(SELECT c.network AS network, c.post_id AS post_id, 'reply' AS kind, '' AS name FROM {EVENT} AS s "
            f"JOIN posts AS c {connection.by_index('posts_answered')} "
            "ON c.network = s.network AND c.reply_to = s.parent AND c.reply_to IS NOT NULL) AS children"
        )
        parts.append(connection.frame(found, children))
    people = [name for name in ("user_id", "source_id", "target_id") if name in table.names]
    if people:
        named = pl.concat([rows.select("network", pl.col(name).alias("person")) for name in people]).unique()
        connection.stage(EVENT, named)
        waiting = (
            f"(SELECT m.network AS network, m.post_id AS post_id, 'mention' AS kind, m.name AS name FROM {EVENT} AS s "
            "JOIN mentions AS m ON m.network = s.network AND m.name = s.person) AS waiting"
        )
        parts.append(connection.frame(found, waiting))
    connection.stage(DERIVED, pl.concat(parts))


def _derived(connection: Connection) -> pl.DataFrame:
    """The interactions that came about since `_touched`, as lines of the journal."""
    table = TABLES["interactions"]
    columns = {name: pl.Int64() if name == "time" else pl.String() for name in table.names}
    source = f"""(SELECT DISTINCT i.source_id AS source_id, i.target_id AS target_id, i.time AS time, i.kind AS kind,
        i.network AS network, i.post_id AS post_id FROM {DERIVED} AS s
        JOIN posts AS p ON p.network = s.network AND p.post_id = s.post_id
        JOIN interactions AS i ON i.network = p.network AND i.source_id = p.user_id AND i.post_id = p.post_id
        WHERE i.kind IN ('reply', 'mention') AND (s.kind = '' OR i.kind = s.kind)
        AND (s.name = '' OR i.target_id = s.name)
        AND NOT EXISTS (SELECT 1 FROM journal AS j WHERE j.table_name = 'interactions' AND j.network = i.network
        AND j.source_id = i.source_id AND j.target_id = i.target_id AND j.time = i.time AND j.kind = i.kind
        AND j.post_id = i.post_id)) AS d"""
    found = connection.frame(columns, source).sort("network", "time", "source_id", "target_id", "kind", "post_id")
    name = pl.concat_str(pl.lit("derived"), "network", "kind", "source_id", "target_id", "post_id", separator="\x1f")
    return _lines(found.with_columns(event_id=name), table)
