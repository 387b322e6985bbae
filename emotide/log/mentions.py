"""Who is named in a text by @name; whether anybody bears that name is for the store to say."""

import re
from collections.abc import Callable

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


def renamed(texts: pl.Series, wanted: Callable[[str], bool], to: str) -> pl.Series:
    """The texts with another name behind the @ wherever a name is `wanted`."""

    def other(match: re.Match[str]) -> str:
        name = match[1].rstrip(".-")
        return f"{match[0][: -len(match[1])]}{to}{match[1][len(name) :]}" if wanted(name) else match[0]

    change = texts.str.contains("@", literal=True).fill_null(False)
    if not change.any():
        return texts
    changed = [re.sub(_MENTION, other, text) if at else text for text, at in zip(texts, change, strict=True)]
    return pl.Series(texts.name, changed, pl.String)
