"""Train, dev and test: by the log's own column, or by time, never at random (DESIGN 4)."""

import numpy as np
import polars as pl

SPLITS = ("train", "dev", "test")
SHARES = (0.70, 0.85)


def split_of(rows: pl.DataFrame, instant: str) -> pl.Series:
    """int8 per row: 0 train, 1 dev, 2 test.

    Args:
        rows: labels, with a column `split` (a name of SPLITS, or null where the log gives none).
        instant: the column by which time is cut: the distinct instants are divided 70/15/15 in their order.
    """
    named = rows["split"].cast(pl.Enum(SPLITS), strict=False).to_physical().cast(pl.Int8)
    if rows.height == 0 or named.null_count() == 0:
        return named
    instants = rows[instant].unique().sort()
    rank = instants.search_sorted(rows[instant])
    dev, test = (int(share * len(instants)) for share in SHARES)
    by_time = (rank >= dev).cast(pl.Int8) + (rank >= test).cast(pl.Int8)
    return named.fill_null(by_time)


def contact_split(contacts: pl.DataFrame, posts: pl.DataFrame, labels: pl.DataFrame, clock: pl.DataFrame) -> np.ndarray:
    """int8 per contact: 0 train, 1 dev, 2 test; as the log splits the posts of its network, else by time.

    By time they are cut where the labels are, so that nothing of one part is trained on with the other; without labels,
    70/15/15 of the instants at which their steps begin. What has no instant comes before everything: contacts of a
    dialogue without a turn.

    Args:
        contacts: with network_row, step.
        posts: with network_row and `split`.
        labels: with network_row, step, `split` and `split_code`.
        clock: network_row, step, time at which it begins.
    """
    place = ["network_row", "step"]
    began = contacts.select(place).join(clock, on=place, how="left", maintain_order="left")["time"]
    cut = labels.filter(pl.col("split").is_null()).select(*place, "split_code").join(clock, on=place)
    if cut.height:
        ends = [cut.filter(pl.col("split_code") <= code)["time"].max() for code in (0, 1)]
        late = [began.is_not_null() if end is None else began > end for end in ends]
        by_time = late[0].cast(pl.Int8) + late[1].cast(pl.Int8)
    else:
        by_time = split_of(pl.DataFrame({"time": began}).with_columns(split=pl.lit(None, pl.String)), "time")
    named = posts.drop_nulls("split").group_by("network_row").agg(pl.col("split").first())
    held = contacts.select("network_row").join(named, on="network_row", how="left", maintain_order="left")["split"]
    code = held.cast(pl.Enum(SPLITS), strict=False).to_physical().cast(pl.Int8)
    return code.fill_null(by_time).fill_null(0).cast(pl.Int8).to_numpy()
