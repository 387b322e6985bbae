"""A linear probe for the category of posts, on whatever numbers stand for their media."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from emotide.convert import convert

FOLDS, INNER = 5, 3  # everybody is tested once; the probe's penalty is chosen within training
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)  # C of the logistic regression, on standardised inputs


def folds(owner: np.ndarray, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Numbers of examples to train and to test on; nobody's examples are in both."""
    people = np.random.default_rng(seed).permutation(np.unique(owner))
    for part in np.array_split(people, FOLDS):
        test = np.isin(owner, part)
        yield np.flatnonzero(~test), np.flatnonzero(test)


def probed(x: np.ndarray, label: np.ndarray, owner: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """What a logistic regression on standardised inputs says of the test examples."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, GroupKFold

    scaled = ((x - x[train].mean(0)) / np.maximum(x[train].std(0), 1e-6)).astype(np.float64)
    if scaled.shape[1] > len(train):  # turned into the space of the examples: the same regression, and quicker
        scaled = scaled @ np.linalg.svd(scaled[train], full_matrices=False)[2].T
    search = GridSearchCV(
        LogisticRegression(max_iter=3000, class_weight="balanced"), {"C": PENALTIES}, scoring="recall_macro",
        cv=GroupKFold(INNER),
    )  # fmt: skip
    search.fit(scaled[train], label[train], groups=owner[train])
    return np.asarray(search.predict(scaled[test]))


@contextmanager
def labelled_posts(name: str, data: Path) -> Iterator[pl.DataFrame]:
    """The posts of a set with the category of each, and media as locations, which go away afterwards."""
    with TemporaryDirectory(prefix="emotide-bench-") as folder:
        convert(name, data / name, Path(folder))
        posts = pl.read_parquet(Path(folder) / "posts.parquet")
        labels = pl.read_parquet(Path(folder) / "labels.parquet").select("post_id", "category")
        media = [column for column in ("image", "audio") if column in posts.columns]
        yield posts.join(labels, on="post_id").with_columns(
            pl.format("{}/{}", pl.lit(folder), pl.col(column)).alias(column) for column in media
        )
