"""One file of one table, whatever it is called: read whole, checked like a part of a log."""

from pathlib import Path

import polars as pl

from emotide.errors import BadInput
from emotide.log.batch import ROW
from emotide.log.checks import check, read_header
from emotide.log.media import MediaFolder
from emotide.log.readers import read_batches
from emotide.log.rejects import no_rejects
from emotide.log.scan import scan
from emotide.log.sources import FORMATS, TableFile
from emotide.log.tables import Table


def read_single(path: Path, table: Table) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of a file in the table's schema, and the rows that do not fit, with the reasons.

    Args:
        path: .csv, .jsonl or .parquet; media in it are relative to its folder and may not leave it.
        table: of the contract.

    Raises:
        BadInput: there is no such file, it is of none of these formats, damaged, or lacks a required column.
    """
    if not path.is_file():
        raise BadInput("no such file", path)
    if path.suffix.lower() not in FORMATS:
        raise BadInput(f"the format is none of {', '.join(FORMATS)}", path)
    file = TableFile(table, path.name, path, MediaFolder(path.parent))
    found, header = scan(path, path.name, file.format != ".parquet"), read_header(file)
    kept, rejected = [table.empty()], [no_rejects()]
    for batch in read_batches(file, found, header.wanted(table)):
        rows, rejects = check(file, header, [], batch)
        kept.append(rows.drop(ROW))
        rejected.append(rejects)
    return pl.concat(kept).unique(table.key, keep="first", maintain_order=True), pl.concat(rejected)
