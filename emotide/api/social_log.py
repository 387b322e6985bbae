"""A social log behind a store's URL, compiled to timelines as they are asked for."""

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import polars as pl

from emotide.api.caches import forget_in_caches
from emotide.api.strange_labels import strange_labels
from emotide.api.workers import ThisProcess, Workers
from emotide.errors import UnknownName
from emotide.log import Pseudonyms
from emotide.log.archive import open_archive, unpack
from emotide.model import Category, EmotionSpace, built_in, read_space
from emotide.model.spaces import AXES
from emotide.store import IngestReport, Store
from emotide.timeline import FORMAT, Timeline, TimelineConfig
from emotide.vectors import default_cache
from emotide.vectors.encoders import Contents

Progress = Callable[[int, int, str], None]
MEDIA = ("image", "audio", "video")
COMPILED = {  # what a timeline is made of beside the interactions: the columns wanted, or all
    "posts": ["post_id", "user_id", "network", "time", "split"],
    "ties": None,
    "labels": None,
    "feedback": ["user_id", "network"],
}


class SocialLog:
    """What people did on a social network: posts, interactions, ties, labels, items and feedback (DESIGN 4)."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @classmethod
    def open(cls, url: str | Path, create: bool = True) -> "SocialLog":
        """The log behind a URL: a path, sqlite:///path or postgresql://….

        Args:
            url: where it is.
            create: whether an empty one may be made where there is none.

        Raises:
            StoreError: the store cannot be opened.
        """
        return cls(Store.open(url, create))

    def ingest(
        self,
        source: Path | str,
        mapping: Path | None = None,
        rejects: Path | None = None,
        progress: Progress | None = None,
        pseudonyms: Pseudonyms | None = None,
    ) -> IngestReport:
        """Read, validate and store a social log: a folder or a zip of one; doing it twice changes nothing.

        Args:
            source: the folder or zip.
            mapping: a TOML file that renames the columns of a foreign log.
            rejects: where rows that are wrong are kept, with the reason.
            progress: called with (rows done, rows in all, what).
            pseudonyms: what stands in the place of everybody's ids.

        Raises:
            BadInput: the source or one of its files is unusable as a whole.

        Labels of spaces or categories that are not known are kept, since a space may be added later; where labels came,
        the report warns of all those in the store.
        """
        source = Path(source)
        with _space_files(source) as files:
            spaces = [(read_space(file), file.read_text("utf-8")) for file in files]
        report = self.store.ingest(source, mapping=mapping, rejects=rejects, progress=progress, pseudonyms=pseudonyms)
        for user, done in report.erased:
            forget_in_caches(user, done.texts, done.media)
        for space, text in spaces:
            self.store.keep_space(space.name, text)
        if not any(file.table == "labels" for file in report.files):
            return report
        return replace(report, loose=report.loose + strange_labels(self.store.label_counts(), self._told_of()))

    def add_space(self, file: Path) -> EmotionSpace:
        """Keep the emotion space of a TOML file beside the log.

        Raises:
            BadInput: the file is not a space.
        """
        space = read_space(file)
        self.store.keep_space(space.name, file.read_text("utf-8"))
        return space

    def table(self, name: str) -> pl.DataFrame:
        """A table of the log, whole; times are Datetime("us", "UTC")."""
        return self.store.table(name)

    def spaces(self) -> dict[str, EmotionSpace]:
        """All spaces by name: those built in, those that came with the log, and one for each other space of its labels.

        A space of which no file tells is made of the categories that occur; each takes the place that a category of the
        same name has elsewhere, or the origin.
        """
        known = self._told_of()
        places = {name: c for space in known.values() for name, c in space.categories.items()}
        found = self.store.table("labels", ["space", "category", "dimensions"])
        for (space,), rows in found.filter(~pl.col("space").is_in(list(known))).group_by("space"):
            names = rows["category"].drop_nulls().unique().sort().to_list()
            nowhere = Category(pad=(0, 0, 0))
            if names:
                entries = {name: places.get(name, nowhere).model_dump() for name in names}
                known[str(space)] = EmotionSpace.model_validate({"name": space, "categories": entries})
            else:
                met = {name for text in rows["dimensions"].drop_nulls().unique() for name in json.loads(text)}
                entries = {name: {"pad": places.get(name, nowhere).pad} for name in sorted(met)}
                known[str(space)] = EmotionSpace.model_validate({"name": space, "dimensions": entries})
        return known

    def _told_of(self) -> dict[str, EmotionSpace]:
        """The spaces of which a file tells: those built in and those that came with the log or were added."""
        return dict(built_in()) | {name: space_of(text) for name, text in self.store.spaces().items()}

    def timeline(
        self, config: TimelineConfig, spaces: Mapping[str, EmotionSpace] | None = None, kinds: list[str] | None = None,
        workers: Workers | None = None,
    ) -> Timeline:  # fmt: skip
        """The log compiled to steps; kept in the cache folder and mapped from there the next time.

        Args:
            config: how to cut it.
            spaces: whose categories give the order of the columns of labels; the log's own by default.
            kinds: of interaction, in the order wanted; from the log by default.
            workers: who compiles; this process by default.
        """
        spaces = spaces or self.spaces()
        names = {name: space.names for name, space in spaces.items()}
        multi = [name for name, space in spaces.items() if space.multi]
        digest = self.store.digest()
        wanted = json.dumps([FORMAT, digest, config.model_dump(), names, kinds, multi], sort_keys=True)
        folder = default_cache() / "timelines" / hashlib.sha256(wanted.encode()).hexdigest()[:32]
        if not (folder / "timeline.json").exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            # a room of one's own: another process may compile the same log at the same time
            with TemporaryDirectory(prefix=folder.name, dir=folder.parent) as room:
                place = Path(room) / "timeline"
                place.mkdir()
                tables, crew = self._compiled(names), workers or ThisProcess()
                crew.compile(self.store, tables, config, names, kinds, digest, multi, place).save(place)
                with suppress(OSError):  # the other was quicker
                    place.rename(folder)
        return Timeline.load(folder)

    def _compiled(self, names: Mapping[str, list[str]]) -> dict[str, pl.DataFrame]:
        """The tables of which a timeline is made, but the interactions."""
        tables = {name: self.store.table(name, columns) for name, columns in COMPILED.items()}
        tables["labels"] = _understood(tables["labels"], names)
        return tables

    def contents(self, timeline: Timeline) -> Contents:
        """Title and text of every post, and the locations of its media, in the timeline's order."""
        posts = self.store.table("posts", ["network", "post_id", "title", "text", *MEDIA])
        said = pl.concat_str(pl.col("title", "text"), separator="\n", ignore_nulls=True).fill_null("").alias("said")
        kinds = [kind for kind in MEDIA if posts[kind].null_count() < len(posts)]
        ordered = timeline.posts.select("network", "post_id").join(
            posts.select("network", "post_id", said, *kinds), on=["network", "post_id"], how="left",
            maintain_order="left",
        )  # fmt: skip
        return Contents(ordered["said"].fill_null("").to_list(), {kind: ordered[kind].to_list() for kind in kinds})

    def texts(self, timeline: Timeline) -> list[str]:
        """Title and text of every post, in the timeline's order."""
        return self.contents(timeline).texts


def _understood(labels: pl.DataFrame, names: Mapping[str, list[str]]) -> pl.DataFrame:
    """The labels whose category is one of their space; a warning names the others, which are left out."""
    places = [{"space": space, "category": name} for space, known in names.items() for name in known]
    known = pl.DataFrame(places, schema={"space": pl.String, "category": pl.String})
    strange = labels.filter(pl.col("category").is_not_null(), pl.col("space").is_in(list(names))).join(
        known, on=["space", "category"], how="anti"
    )
    for space, category, n in strange.group_by("space", "category").len().sort("space", "category").iter_rows():
        fault = UnknownName(f"category of space {space!r}", category, names[space])
        warnings.warn(f"{n} of the labels left out: {fault}", stacklevel=4)
    return labels.join(strange.select("space", "category").unique(), on=["space", "category"], how="anti")


def known_spaces(log: SocialLog | None = None) -> dict[str, EmotionSpace]:
    """All spaces by name: those built in, and a log's where one is given."""
    return log.spaces() if log is not None else dict(built_in())


def spaces_table(spaces: Mapping[str, EmotionSpace]) -> pl.DataFrame:
    """space, kind, names; a row a space."""
    kinds = {(False, False): "categories", (False, True): "categories, several at once", (True, False): "dimensions"}
    rows = [(s.name, kinds[s.dimensional, s.multi], ", ".join(s.names)) for s in spaces.values()]
    return pl.DataFrame(rows, schema=["space", "kind", "names"], orient="row")


def space_table(space: EmotionSpace) -> pl.DataFrame:
    """name, pleasure, arousal, dominance; a row a category or dimension."""
    rows = [(name, *place) for name, place in zip(space.names, space.pad.tolist(), strict=True)]
    return pl.DataFrame(rows, schema=["name", *AXES], orient="row")


def space_of(text: str) -> EmotionSpace:
    """A space from the text of its file."""
    import tomllib

    return EmotionSpace.model_validate(tomllib.loads(text))


@contextmanager
def _space_files(source: Path) -> Iterator[list[Path]]:
    """The files of emotion spaces that come with a log: `spaces/*.toml` in its folder or zip."""
    if source.is_dir() or source.suffix.lower() != ".zip" or not source.exists():
        yield sorted((source / "spaces").glob("*.toml"))
        return
    with TemporaryDirectory(prefix="emotide-") as room, open_archive(source) as archive:
        names = [PurePosixPath(name) for name in archive.namelist()]
        found = [name for name in names if name.parent.name == "spaces" and name.suffix == ".toml"]
        yield [unpack(archive, str(name), Path(room) / name.name) for name in found]
