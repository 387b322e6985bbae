"""Who is named in a text by @name; whether anybody bears that name is for the store to say."""

import polars as pl

_MENTION = r"(?:^|[^0-9A-Za-z_@./%+\-])@(\w[\w.\-]*)"


def mentions_in(posts: pl.DataFrame) -> pl.DataFrame:
    """Every different @name of every post.

    Args:
        posts: with network, post_id and text.

    Returns:
        network, post_id, name: all text; a mark that ends a sentence is not part of a name.
    """
    found = posts.filter(pl.col("text").str.contains("@", literal=True)).select(
        "network", "post_id", name=pl.col("text").str.extract_all(_MENTION)
    )
    names = pl.col("name").str.replace(r"(?s)^.*?@", "").str.strip_chars_end(".-")
    return found.explode("name").drop_nulls("name").with_columns(names).unique()
