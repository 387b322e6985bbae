"""Items with pictures: read where the model has an encoder of images, masked where an item has none."""

import shutil

import numpy as np
import polars as pl
import pytest

from emotide import Emotide, ModelMismatch, Recipe, SocialLog
from emotide.api.items import items_of
from emotide.demo.town import TownConfig, simulate

RUN = Recipe.model_validate(
    {
        "text_width": 8,
        "network": {"state": 8, "influence": 4, "observed": 8, "width": 16, "pair_width": 8},
        "media": {"width": 4, "learning": {"epochs": 1}},
        "train": {"epochs": 1, "updates": 2},
        "recommend": {"steps": 2},
    }
)


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """A log whose items have the pictures of posts, but for every third; and a model of it."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("town")
        patch.setenv("EMOTIDE_CACHE", str(folder / "cache"))
        simulate(folder, TownConfig(people=6, days=8, pictures=0.6, seed=2))
        items, posts = folder / "log" / "items.csv", pl.read_csv(folder / "log" / "posts.csv")
        pictures = posts["image"].drop_nulls().to_list()
        table = pl.read_csv(items)
        own = [None if k % 3 == 0 else pictures[k % len(pictures)] for k in range(len(table))]
        table.with_columns(image=pl.Series(own)).write_csv(items)
        log = SocialLog.open(folder / "town.db")
        log.ingest(folder / "log")
        yield log, Emotide.fit(log, RUN), folder


def test_pictures_stand_beside_words_and_are_masked_where_there_are_none(seen):
    log, made, _ = seen
    items, words = items_of(made.trained, log), items_of(made.trained, log, pictures=False)
    assert items.vectors.shape == (len(words), 8 + 4 + 1)
    np.testing.assert_array_equal(items.vectors[:, :8], words.vectors)
    there = np.array([place is not None for place in log.table("items").sort("item_id")["image"].to_list()])
    np.testing.assert_array_equal(items.vectors[:, -1], there)
    assert not items.vectors[~there, 8:].any()
    assert items.vectors[there, 8:12].std(0).min() > 0.01
    assert made.recommender.network.item == 13


def test_a_new_item_with_a_picture_is_recommended_at_once(seen, tmp_path):
    _, made, folder = seen
    shutil.copytree(folder / "log", tmp_path / "log")
    file = tmp_path / "log" / "items.csv"
    table = pl.read_csv(file)
    new = table.tail(1).with_columns(item_id=pl.lit("brand-new"))
    pl.concat([table, new]).write_csv(file)
    log = SocialLog.open(tmp_path / "new.db")
    log.ingest(tmp_path / "log")
    shown = made.recommend(log, user="ana", top=len(table) + 1, guarded=False)
    assert "brand-new" in shown["item_id"].to_list()
    twin = table["item_id"][-1]
    value = dict(shown.select("item_id", "value").rows())
    assert value["brand-new"] == pytest.approx(value[twin], abs=1e-6)


def test_it_is_saved_and_other_logs_need_no_pictures(seen, tmp_path):
    log, made, folder = seen
    made.save_pretrained(tmp_path / "model")
    again = Emotide.from_pretrained(tmp_path / "model")
    assert again.recommend(log).equals(made.recommend(log))
    shutil.copytree(folder / "log", tmp_path / "log")
    file = tmp_path / "log" / "items.csv"
    pl.read_csv(file).drop("image").write_csv(file)
    plain = SocialLog.open(tmp_path / "plain.db")
    plain.ingest(tmp_path / "log")
    assert len(again.recommend(plain, user="ana", top=3)) == 3
    with pytest.raises(ModelMismatch, match="no encoder of kind 'audio'"):
        made.trained.scaled_codes("audio", [None])
