"""A social log is read: folders and zips of CSV, JSONL and Parquet, checked row by row (DESIGN 4)."""

from emotide.log.batch import ROW, Batch
from emotide.log.checks import Header, check, dimensions_in, read_header, unknown_columns
from emotide.log.mapping import Mapping, TableMapping, read_mapping
from emotide.log.media import open_media
from emotide.log.mentions import mentions_in, renamed
from emotide.log.pseudonyms import Pseudonyms
from emotide.log.readers import count_rows, read_batches
from emotide.log.rejects import RejectFile, are_kept, no_rejects, reject_rows
from emotide.log.scan import Scan, scan
from emotide.log.sources import TableFile, open_source
from emotide.log.tables import TABLES, TIME, Column, Kind, Table, Types
from emotide.log.times import parse_times

__all__ = [
    "ROW",
    "TABLES",
    "TIME",
    "Batch",
    "Column",
    "Header",
    "Kind",
    "Mapping",
    "Pseudonyms",
    "RejectFile",
    "Scan",
    "Table",
    "TableFile",
    "TableMapping",
    "Types",
    "are_kept",
    "check",
    "count_rows",
    "dimensions_in",
    "mentions_in",
    "no_rejects",
    "open_media",
    "open_source",
    "parse_times",
    "read_batches",
    "read_header",
    "read_mapping",
    "reject_rows",
    "renamed",
    "scan",
    "unknown_columns",
]
