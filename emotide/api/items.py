"""The items of a log as vectors, from their words and their pictures (DESIGN 3.8)."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from jaxtyping import Float

from emotide.api.social_log import SocialLog
from emotide.errors import BadInput
from emotide.recommend import Recommender
from emotide.train import Trained


@dataclass(frozen=True)
class Items:
    """The items of a log, in the order of their ids.

    Attributes:
        table: item_id, title, tags.
        vectors: of title, text and tags; where pictures are read, the picture's code and whether there is one beside.
    """

    table: pl.DataFrame
    vectors: Float[np.ndarray, "items width"]

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def ids(self) -> list[str]:
        """By row."""
        return self.table["item_id"].to_list()

    @cached_property
    def titles(self) -> list[str]:
        """By row; the id of an item without a title."""
        return self.table["title"].fill_null(self.table["item_id"]).to_list()

    @cached_property
    def tags(self) -> list[str | None]:
        """By row, as in the log."""
        return self.table["tags"].to_list()


def items_of(trained: Trained, log: SocialLog, pictures: bool | None = None) -> Items:
    """The items of a log.

    Args:
        trained: whose encoders are asked.
        log: with items.
        pictures: whether pictures are read; where the model has an encoder of them and an item has one, by default.
    """
    items = log.table("items").sort("item_id")
    said = pl.concat_str(pl.col("title", "text", "tags"), separator="\n", ignore_nulls=True).fill_null("")
    texts = items.select(said).to_series().str.replace_all(",", " ").to_list()
    vectors, table = trained.vectors(texts).cpu().numpy(), items.select("item_id", "title", "tags")
    if pictures is None:
        pictures = "image" in trained.media.by_kind and items["image"].null_count() < len(items)
    if not pictures:
        return Items(table, vectors)
    codes, there = trained.scaled_codes("image", items["image"].to_list())
    return Items(table, np.concatenate([vectors, np.where(there[:, None], codes, 0), there[:, None]], 1).astype("f4"))


def chooser_over(trained: Trained, recommender: Recommender, log: SocialLog) -> tuple[Recommender, Items]:
    """The recommender over the items of this log, new ones among them, and these items.

    Raises:
        BadInput: the log has no items.
        ModelMismatch: their vectors are of another width.
    """
    if log.table("items").is_empty():
        raise BadInput("the log has no items to recommend")
    words = trained.scale.shape[1]
    items = items_of(trained, log, pictures=recommender.network.item > words)
    return recommender.over(items.vectors), items
