"""Rows that come as objects, one by one, and not in a file: checked as the rows of a log are."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from emotide.log.batch import ROW, Batch
from emotide.log.checks import Header, check, dimensions_in
from emotide.log.jsonl_file import cell
from emotide.log.media import NoMedia
from emotide.log.rejects import no_rejects
from emotide.log.sources import TableFile
from emotide.log.tables import Table

NAME = "event"  # what messages call where the rows came from


def read_objects(objects: Sequence[Mapping[str, Any]], table: Table) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of a table in its schema, and the rows that do not fit, with the reasons; `row` numbers them from 0.

    Args:
        objects: of one row each; what the table does not have is ignored, but for numbers of labels, which are
            dimensions.
        table: of the contract.
    """
    found = list(dict.fromkeys(name for one in objects for name in one))
    theirs = {name: name for name in table.names if name in found and name != "dimensions"}
    others = (
        [name for name in found if name not in theirs and _numeric(objects, name)] if table.name == "labels" else []
    )
    columns = [*theirs, *others]
    cells = [[cell(one.get(name)) for name in columns] for one in objects]
    rows = pl.DataFrame(cells, schema=dict.fromkeys(columns, pl.String), orient="row")
    numbers = pl.Series(ROW, range(len(objects)), dtype=pl.Int64)
    batch = Batch(rows.insert_column(0, numbers) if columns else numbers.to_frame(), no_rejects())
    header = Header(theirs, others, {})
    file = TableFile(table, NAME, Path(f"{NAME}.jsonl"), NoMedia())
    return check(file, header, dimensions_in(table, header, batch.rows), batch)


def _numeric(objects: Sequence[Mapping[str, Any]], name: str) -> bool:
    return any(isinstance(one.get(name), int | float) and not isinstance(one.get(name), bool) for one in objects)
