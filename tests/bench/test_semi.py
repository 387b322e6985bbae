"""Labels are taken from whole dialogues of train and dev, never from test, and no post is lost."""

import polars as pl
import pytest

from emotide.api import Recipe
from emotide.bench import calibration
from emotide.bench.semi import thinned, with_lexicon


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """20 dialogues of train, 10 of dev and of test, each of 3 labelled posts."""
    folder = tmp_path_factory.mktemp("log")
    rows = [
        {
            "network": f"{split}/{dialogue}", "user_id": "ab"[turn % 2], "time": 3600 * (100 * k + dialogue) + turn,
            "post_id": f"{split}{dialogue}-{turn}", "split": split,
        }
        for k, (split, count) in enumerate({"train": 20, "dev": 10, "test": 10}.items())
        for dialogue in range(count)
        for turn in range(3)
    ]  # fmt: skip
    posts = pl.DataFrame(rows).with_columns(text=pl.lit("hm"))
    posts.write_parquet(folder / "posts.parquet")
    labels = posts.drop("split", "text").with_columns(space=pl.lit("polarity"), category=pl.lit("neutral"))
    labels.write_parquet(folder / "labels.parquet")
    return folder


@pytest.mark.parametrize(("share", "train", "dev"), [(0.01, 1, 1), (0.1, 2, 1), (0.25, 5, 3), (1.0, 20, 10)])
def test_whole_dialogues_lose_their_labels(log, share, train, dev):
    with thinned(log, share, 3) as thin:
        assert thin.store.counts()["posts"] == 120
        kept = thin.table("labels")
    found = kept.with_columns(pl.col("network").str.split("/").list.first().alias("split"))
    assert (found.group_by("network").len()["len"] == 3).all()
    counts = dict(found.group_by("split").agg(pl.col("network").n_unique()).iter_rows())
    assert counts == {"train": train, "dev": dev, "test": 10}


def test_the_seed_draws_the_dialogues(log):
    drawn = []
    for seed in (0, 0, 1):
        with thinned(log, 0.1, seed) as thin:
            drawn.append(sorted(thin.table("labels")["network"].unique()))
    assert drawn[0] == drawn[1] != drawn[2]


def test_weak_labels_are_all_that_differs():
    plain = Recipe()
    weak = with_lexicon(plain)
    assert weak.train.weak_labels == ("vader",)
    assert weak.changed({}, train={"weak_labels": ()}) == plain


def test_figures_before_and_after_by_task_and_regime():
    def one(value):
        return {task: {"ece": value} for task in ("recognition", "forecast")}

    before = {"hidden": [one(0.2), one(0.4)], "known": [one(0.1), one(0.1)]}
    after = {"hidden": [one(0.02), one(0.04)], "known": [one(0.01), one(0.01)]}
    hidden, known = {"before": [0.3, 0.1], "after": [0.03, 0.01]}, {"before": [0.1, 0.0], "after": [0.01, 0.0]}
    assert calibration._both(before, after, "ece") == {
        "recognition": hidden,
        "forecast": hidden,
        "known": {"recognition": known, "forecast": known},
    }
