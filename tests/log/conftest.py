"""Reads a log wholly, as the store does, into typed rows and rejects of each table."""

from pathlib import Path

import polars as pl
import pytest

from emotide.log import (
    check,
    dimensions_in,
    no_rejects,
    open_source,
    read_batches,
    read_header,
    read_mapping,
    scan,
    unknown_columns,
)


class Reading:
    """Typed rows, rejects and warnings of a log."""

    def __init__(self, source: Path, mapping: Path | None = None) -> None:
        self.rows: dict[str, pl.DataFrame] = {}
        self.rejects, self.warnings = no_rejects(), []
        with open_source(source, read_mapping(mapping) if mapping else None) as files:
            for file in files:
                self._file(file)

    def _file(self, file) -> None:
        found = scan(file.path, file.name, file.format != ".parquet")
        header = read_header(file)
        dimensions, parts = None, [self.rows.get(file.table.name, file.table.empty())]
        for batch in read_batches(file, found, header.wanted(file.table)):
            if dimensions is None:
                dimensions = dimensions_in(file.table, header, batch.rows)
            rows, rejects = check(file, header, dimensions, batch)
            parts.append(rows.drop("row"))
            self.rejects = pl.concat([self.rejects, rejects])
        self.rows[file.table.name] = pl.concat(parts)
        self.warnings += unknown_columns(file, header, dimensions or [])

    @property
    def faults(self) -> list[tuple]:
        """Row, column and reason of every reject."""
        return self.rejects.sort("row").select("row", "column", "reason").rows()


@pytest.fixture
def read(tmp_path):
    """`read("posts", lines…)` writes posts.csv and reads the folder; an ending in the name is kept."""

    def reading(name: str, *lines: str | bytes, mapping: str | None = None) -> Reading:
        folder = tmp_path / "log"
        folder.mkdir(exist_ok=True)
        content = b"".join((line if isinstance(line, bytes) else line.encode()) + b"\n" for line in lines)
        (folder / (name if "." in name else f"{name}.csv")).write_bytes(content)
        if mapping is None:
            return Reading(folder)
        (tmp_path / "mapping.toml").write_text(mapping)
        return Reading(folder, tmp_path / "mapping.toml")

    return reading


@pytest.fixture
def reading():
    return Reading
