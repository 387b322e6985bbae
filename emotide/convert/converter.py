"""What a converter is, and how its tables become a social log on disk."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from emotide.convert.tables import Tables
from emotide.errors import BadInput
from emotide.log.tables import TABLES

SPACES = Path(__file__).parent / "spaces"


@dataclass(frozen=True)
class Converter:
    """A public data set and how to read it.

    Args:
        read: from the folder (or the one file) of the set, and its options, to the tables of DESIGN 4.
        about: what the set holds, in one line.
        licence: of the data, and whom to cite: one line.
        options: name -> what it does; each is a keyword of `read`.
        spaces: files of `spaces/` for emotion spaces that only this set has.
        media: archives of the set whose entries the posts name in `image`, `audio` or `video`.
    """

    read: Callable[..., Tables]
    about: str
    licence: str
    options: Mapping[str, str] = field(default_factory=dict)
    spaces: tuple[str, ...] = ()
    media: tuple[str, ...] = ()

    def space_files(self) -> list[Path]:
        """The files of its own emotion spaces."""
        return [SPACES / f"{space}.toml" for space in self.spaces]


def write_log(tables: Tables, spaces: list[Path], out: Path) -> dict[str, int]:
    """Writes a social log as Parquet and returns its rows per table; tables of an earlier log in `out` go.

    Only tables with rows are written, and only the space files whose labels occur. Rows that were turned away stand in
    `rejects.csv`, and are counted as `rejects` where there are any.
    """
    if out.exists() and not out.is_dir():
        raise BadInput("is a file; the social log needs a folder", out)
    out.mkdir(parents=True, exist_ok=True)
    written = {name: tables[name] for name in TABLES if name in tables and tables[name].height}
    for name in TABLES:
        file = out / f"{name}.parquet"
        if name in written:
            written[name].write_parquet(file)
        else:
            file.unlink(missing_ok=True)
    rejects, turned = out / "rejects.csv", tables.get("rejects", pl.DataFrame())
    rejects.unlink(missing_ok=True)
    if turned.height:
        turned.write_csv(rejects)
    used = written["labels"]["space"].unique() if "labels" in written else pl.Series([], dtype=pl.String)
    for file in (file for file in spaces if file.stem in used):
        (out / "spaces").mkdir(exist_ok=True)
        shutil.copyfile(file, out / "spaces" / file.name)
    counts = {name: rows.height for name, rows in written.items()}
    return counts | ({"rejects": turned.height} if turned.height else {})
