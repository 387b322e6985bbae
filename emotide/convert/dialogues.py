"""Annotated dialogues: a network a dialogue, a post an utterance."""

import polars as pl

from emotide.convert.tables import Tables, clock, labels

POST = ["post_id", "user_id", "time", "network", "text", "split"]


def dialogue_tables(utterances: pl.DataFrame, **spaces: str) -> Tables:
    """Posts and labels of dialogues, in the order of the rows.

    The clock is synthetic: a dialogue begins an hour after the one before it, and its utterances stand a minute apart.

    Args:
        utterances: in order of time, with network, user_id, text, split and the columns of the spaces; `post_id` is
            made of the network and the number of the utterance in it.
        spaces: the space -> the column with its category; without any there are no labels.
    """
    turn = pl.int_range(pl.len()).over("network")
    dialogue = pl.col("network").rle_id()
    posts = utterances.with_columns(
        clock(dialogue.cast(pl.Int64) * 60 + turn), post_id=pl.format("{}/{}", "network", turn)
    )
    return {"posts": posts.select(POST), **({"labels": labels(posts, **spaces)} if spaces else {})}
