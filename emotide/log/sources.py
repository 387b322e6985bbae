"""Which file of a log is which table: a folder, a zip of one, or a single file."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from emotide.errors import BadInput
from emotide.log.archive import open_archive, unpack, unpack_gzip
from emotide.log.mapping import Mapping, TableMapping, near
from emotide.log.media import Media, MediaArchive, MediaFolder
from emotide.log.tables import TABLES, Table

FORMATS = (".csv", ".jsonl", ".parquet")
ENDINGS = tuple(ending + packed for ending in FORMATS for packed in ("", ".gz"))


@dataclass(frozen=True)
class TableFile:
    """One file that holds one table.

    Attributes:
        name: what messages call it.
        path: where its unpacked bytes lie.
        media: where the media paths in it lead.
        mapping: how its columns are named, when not as in the contract.
    """

    table: Table
    name: str
    path: Path
    media: Media
    mapping: TableMapping | None = None

    @property
    def format(self) -> str:
        """.csv, .jsonl or .parquet."""
        return next(ending for ending in FORMATS if self.path.name.lower().endswith(ending))


@contextmanager
def open_source(source: Path, mapping: Mapping | None = None) -> Iterator[list[TableFile]]:
    """The table files of a log, in the order of the contract; what was packed is unpacked while the context is open.

    Args:
        source: a folder, a zip of one, or one table's file.
        mapping: how its files and columns are named.

    Raises:
        BadInput: there is nothing to read, one table lies there in two formats, or an archive is refused.
    """
    with TemporaryDirectory(prefix="emotide-") as room:
        if source.is_dir():
            files = {str(path.relative_to(source)): path for path in source.iterdir()}
            yield _chosen(_Place(source, files, MediaFolder(source), None, Path(room)), mapping)
        elif not source.exists():
            raise BadInput("no such folder or file", source)
        elif source.suffix.lower() == ".zip":
            with open_archive(source) as archive:
                yield _chosen(_zip_place(source, archive, Path(room)), mapping)
        else:
            yield _chosen(_Place(source, {source.name: source}, MediaFolder(source.parent), None, Path(room)), mapping)


@dataclass(frozen=True)
class _Place:
    """A folder or a zip: its entries by name (relative to where the tables lie)."""

    source: Path
    entries: dict[str, Path]
    media: Media
    archive: ZipFile | None
    room: Path

    def file(self, table: Table, name: str, mapping: TableMapping | None) -> TableFile:
        label = self.source.name if self.source.is_file() and not self.archive else f"{self.source.name}/{name}"
        path = self.entries.get(name) or self._named(name)
        target = self.room / name.replace("/", "_")
        if self.archive:
            path = unpack(self.archive, path.as_posix(), target)
        if path.name.lower().endswith(".gz"):
            path = unpack_gzip(path, target.with_suffix(""))
        return TableFile(table, label, path, self.media, mapping)

    def _named(self, name: str) -> Path:
        """A file that a mapping names in a folder below."""
        place, reason = self.media.locate(name)
        if place is None or self.archive:
            raise BadInput(f"{reason or 'no such entry'}{near(name, self.entries)}", f"{self.source.name}/{name}")
        return Path(place)


def _zip_place(source: Path, archive: ZipFile, room: Path) -> _Place:
    """The tables of a zip may lie in a folder inside it; the one nearest to the top counts."""
    names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
    tables = [name for name in names if _table_of(PurePosixPath(name).name)] or names or [""]
    prefix = min(
        (name[: len(name) - len(PurePosixPath(name).name)] for name in tables), key=lambda p: (p.count("/"), p)
    )
    entries = {name.removeprefix(prefix): Path(name) for name in names if name.startswith(prefix)}
    return _Place(source, entries, MediaArchive(archive, prefix), archive, room)


def _chosen(place: _Place, mapping: Mapping | None) -> list[TableFile]:
    mapping = mapping or {}
    files = []
    for name, table in TABLES.items():
        if name in mapping:
            files += [place.file(table, entry.file, entry) for entry in mapping[name]]
            continue
        found = sorted(entry for entry in place.entries if _table_of(entry) == name)
        if len(found) > 1:
            raise BadInput(f"table {name} lies there more than once ({', '.join(found)}): keep one", place.source)
        files += [place.file(table, entry, None) for entry in found]
    for file in files:
        if not file.path.name.lower().endswith(FORMATS):
            raise BadInput(f"the format is none of {', '.join(ENDINGS)}", file.name)
    if not files:
        wanted = f"{', '.join(TABLES)} as {', '.join(FORMATS)}"
        raise BadInput(f"no table to read: wanted any of {wanted}, or a mapping file that names them", place.source)
    return files


def _table_of(name: str) -> str | None:
    """posts for posts.csv or Posts.csv.gz; None for any other file."""
    stem = next((name[: -len(ending)] for ending in ENDINGS if name.lower().endswith(ending)), "").lower()
    return stem if stem in TABLES else None
