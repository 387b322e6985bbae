"""A small town whose people post words, pictures, sounds and clips, from its files to readings and their reasons."""

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from emotide import BadInput, Emotide, ModelMismatch, Recipe, SocialLog
from emotide.api import workers
from emotide.api.skimming import inside_curve
from emotide.demo.town import TownConfig, simulate
from emotide.vectors.image import ImageVectors

SIZES = {"state": 8, "influence": 4, "observed": 8, "width": 16, "pair_width": 8}
RUN = Recipe.model_validate(
    {
        "text_width": 8,
        "network": SIZES,
        "media": {"width": 4, "learning": {"epochs": 1}},
        "train": {"epochs": 1, "updates": 2},
        "recommend": {"steps": 2},
    }
)
KINDS = ["image", "audio", "video"]


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTIDE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The log of six people and ten days."""
    place = tmp_path_factory.mktemp("town")
    simulate(place, TownConfig(people=6, days=10, pictures=0.5, sounds=0.5, clips=0.3, seed=2))
    return place / "log"


def stored(folder: Path, store: Path) -> SocialLog:
    log = SocialLog.open(store)
    log.ingest(folder)
    return log


@pytest.fixture(scope="module")
def log(folder, tmp_path_factory):
    return stored(folder, tmp_path_factory.mktemp("store") / "town.db")


@pytest.fixture(scope="module")
def made(log):
    return Emotide.fit(log, RUN)


@pytest.fixture
def saved(made, tmp_path):
    made.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def changed(folder, tmp_path):
    """`changed(…)`: the log with other columns of posts, and media that may be spoiled."""

    def write(**columns):
        copy = tmp_path / "changed"
        shutil.copytree(folder, copy)
        posts = pl.read_csv(copy / "posts.csv").with_columns(**columns)
        posts.write_csv(copy / "posts.csv")
        return copy, posts

    return write


def test_all_four_are_read(made, log):
    assert made.trained.layout.names == ["text", *KINDS]
    timeline, vectors = made.compiled(log)
    posts = pl.concat([log.table("posts")])
    words = posts.filter(pl.col("text").is_not_null())
    counts = dict(timeline.posts.group_by("modality").len().iter_rows())
    assert counts == {"text": len(words)} | {kind: posts[kind].drop_nulls().len() for kind in KINDS}
    assert len(vectors) == sum(counts.values())
    taught = vectors[timeline.posts["train"].to_numpy()]
    for name in made.trained.layout.names:  # one scale
        rows = taught[taught[:, made.trained.layout.mark(name)] == 1]
        block = rows[:, made.trained.layout.block(name)]
        assert abs(float(block.mean())) < 0.05
        assert 0.3 < float(block.std()) < 1.1


def test_each_of_them_can_move_a_reading(made, log):
    """Without one of the modalities the network reads people otherwise."""
    timeline, vectors = made.compiled(log)
    network, [step, *_] = made.trained.model.network, timeline_steps(timeline, vectors)
    state = network.initial(len(timeline.users), timeline.group().pairs)
    whole = network.advance(state, step.seen, vectors)
    kinds = timeline.posts["modality"].to_numpy()[step.seen.post.numpy()]
    for kind in set(kinds):
        kept = np.flatnonzero(kinds != kind)
        view = step.seen._replace(post=step.seen.post[kept], owner=step.seen.owner[kept])
        assert not np.allclose(network.advance(state, view, vectors).X.detach(), whole.X.detach())


def timeline_steps(timeline, vectors):
    from emotide.model import Batch

    return [step for step in Batch(timeline.group()).steps() if len(step.seen.post) > 8]


def test_saved_and_loaded_it_reads_the_same(made, saved, log):
    back = Emotide.from_pretrained(saved)
    assert_frame_equal(back.predict(log, horizon=1), made.predict(log, horizon=1))
    assert sorted(file.name for file in (saved / "media").iterdir()) == sorted(
        f"{kind}.{ending}" for kind in KINDS for ending in ("json", "safetensors")
    )
    assert {file.suffix for file in saved.rglob("*") if file.is_file()} == {".json", ".md", ".safetensors"}


def test_training_again_gives_the_same_model(made, log):
    assert_frame_equal(Emotide.fit(log, RUN).predict(log), made.predict(log))


@pytest.mark.parametrize("what", ["gone", "cut", "another"])
def test_a_model_without_its_encoders_is_refused_in_one_line(saved, what):
    file = saved / "media" / "image.safetensors"
    if what == "gone":
        file.unlink()
    elif what == "cut":
        file.write_bytes(file.read_bytes()[:-64])
    else:
        from safetensors.torch import load_file, save_file

        weights = load_file(file)
        save_file(weights | {"linear.mean": weights["linear.mean"] + 1}, file)
    said = {"gone": "cannot be loaded", "cut": "cannot be loaded", "another": "is not the one"}[what]
    with pytest.raises(ModelMismatch, match=said) as told:
        Emotide.from_pretrained(saved)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("kind", ["text", *KINDS])
def test_any_of_them_may_be_missing(made, changed, tmp_path, kind):
    copy, _ = changed(**{kind: pl.lit(None, pl.String)})
    log = stored(copy, tmp_path / "store.db")
    read = made.predict(log)
    assert len(read) > 0
    assert kind not in made.compiled(log)[0].posts["modality"]


def test_a_broken_file_costs_its_row_alone(made, changed, tmp_path, log):
    copy, posts = changed()
    broken = posts["image"].drop_nulls()[:2].to_list()
    for name in broken:
        (copy / name).write_bytes(b"no picture")
    spoiled = stored(copy, tmp_path / "store.db")
    named = posts["image"].drop_nulls().len()
    with pytest.warns(UserWarning, match=f"2 of {named} images cannot be read and count as absent; the first: .*"):
        timeline, _ = made.compiled(spoiled)
    with warnings.catch_warnings():  # it is told once
        warnings.simplefilter("error")
        made.compiled(spoiled)
    before = made.compiled(log)[0].posts.select("post_id", "modality").rows()
    lost = posts.filter(pl.col("image").is_in(broken))["post_id"]
    gone = {(post, "image") for post in lost}
    assert set(timeline.posts.select("post_id", "modality").rows()) == set(before) - gone
    assert gone <= set(before)


def test_a_model_of_text_reads_a_log_with_pictures_as_if_there_were_none(log, changed, tmp_path):
    run = RUN.changed({"modalities": ("text",)})
    plain = Emotide.fit(log, run)
    assert plain.trained.layout.plain
    copy, _ = changed(**{kind: pl.lit(None, pl.String) for kind in KINDS})
    words = stored(copy, tmp_path / "store.db")
    never = Emotide.fit(words, RUN)  # it could have read them, had there been any
    assert_frame_equal(plain.predict(log), never.predict(words))
    with pytest.warns(UserWarning, match=r"\d+ images, \d+ sounds, \d+ videos are not read: .* from texts alone"):
        assert_frame_equal(never.predict(log), plain.predict(log))


def test_what_comes_only_after_the_training_part_is_not_read(changed, tmp_path):
    copy, posts = changed()
    log = stored(copy, tmp_path / "first.db")
    train = Emotide.fit(log, RUN.changed({"modalities": ("text",)})).compiled(log)[0].posts.filter("train")["post_id"]
    late = pl.when(pl.col("post_id").is_in(train.implode())).then(None).otherwise(pl.col("audio"))
    posts.with_columns(late.alias("audio")).write_csv(copy / "posts.csv")
    log = stored(copy, tmp_path / "second.db")
    with pytest.warns(UserWarning, match=r"^\d+ sounds are not read: .* from texts and images and videos alone"):
        made = Emotide.fit(log, RUN)
    assert made.trained.layout.names == ["text", "image", "video"]


def test_pictures_alone(log, made):
    seen = Emotide.fit(log, RUN.changed({"modalities": ("image",)}), media=made.trained.media)
    assert seen.trained.layout.names == ["image"]
    assert seen.trained.media.digests["image"] == made.trained.media.digests["image"]
    assert set(seen.compiled(log)[0].posts["modality"]) == {"image"}


def test_nothing_to_read_is_told(changed, tmp_path):
    copy, _ = changed(**{kind: pl.lit(None, pl.String) for kind in KINDS})
    log = stored(copy, tmp_path / "store.db")
    with pytest.raises(BadInput, match="the training part hold nothing of what is to be read: image, audio"):
        Emotide.fit(log, RUN.changed({"modalities": ("image", "audio")}))


def test_reasons_tell_modality_and_weight(made, log):
    attention = made.attention(log)
    sums = attention.group_by("user_id", "network", "time").agg(pl.col("weight").sum())
    assert sums["weight"].to_list() == pytest.approx([1.0] * len(sums), abs=1e-5)
    assert set(attention["modality"]) == {"text", *KINDS}
    user = attention["user_id"].mode()[0]
    table = made.explain(log, user, window=5)
    number, without = (table.filter(pl.col("kind") == kind)["share"].item() for kind in ("reading", "without"))
    posts, words = (table.filter(pl.col("kind") == kind) for kind in ("post", "word"))
    assert abs(posts["share"].sum() - (number - without)) < 1e-3
    assert posts["modality"].n_unique() > 1
    assert set(words["modality"]) == {"text"}
    both = posts.join(attention, on=["post_id", "modality"], suffix="_told")
    assert len(both) == len(posts)
    assert (both["weight"] - both["weight_told"]).abs().max() < 1e-6


def test_the_command_shows_them(made, saved, folder, tmp_path, command, monkeypatch):
    user = "ana"
    stored(folder, tmp_path / "store.db")
    told = command("predict", "--store", tmp_path / "store.db", "--model", saved, "--explain", "--user", user, "--json")
    assert told.code == 0, told.err
    rows = [row for row in json.loads(told.out) if row["kind"] == "post"]
    assert rows
    assert all(row["modality"] in ("text", *KINDS) and 0 < row["weight"] <= 1 for row in rows)


def test_pictures_and_sounds_beside_what_codes_keep_of_them(made, log):
    found = made.reconstructions(log, most=3)
    assert {kind: len(shown) for kind, shown in found.items()} == {"image": 3, "audio": 3}
    for shown in found.values():
        for before, after in shown:
            assert before.shape == after.shape
            assert before.dtype == after.dtype == np.uint8
            assert before.std() > 10
            others = [one.before for one in shown if one.before.shape == before.shape]
            errors = [np.square(after.astype(float) - one).mean() for one in others]
            assert min(errors) == np.square(after.astype(float) - before).mean()  # it is nearest to its own


def test_parts_of_media_are_read_by_train_and_by_predict_alike(log, made, tmp_path, monkeypatch):
    run = RUN.changed({"media": RUN.media.model_dump() | {"inside": 0.5}})
    partly = Emotide.fit(log, run, media=made.trained.media)
    assert partly.trained.media.by_kind["image"].digest == made.trained.media.by_kind["image"].digest
    assert all(partly.trained.media.digests[kind] != made.trained.media.digests[kind] for kind in KINDS)
    _, whole = made.compiled(log)
    timeline, some = partly.compiled(log)
    text = (timeline.posts["modality"] == "text").to_numpy()
    assert np.array_equal(text, (made.compiled(log)[0].posts["modality"] == "text").to_numpy())
    assert not np.allclose(whole[~text], some[~text], atol=1e-2)
    partly.save_pretrained(tmp_path / "model")
    back = Emotide.from_pretrained(tmp_path / "model")
    assert back.recipe.media.inside == 0.5
    monkeypatch.setenv("EMOTIDE_CACHE", str(tmp_path / "cold"))  # nothing is remembered: the same parts are taken again
    assert_frame_equal(back.predict(log), partly.predict(log))
    monkeypatch.setattr(ImageVectors, "encode", None)  # nothing is read whole
    monkeypatch.setenv("EMOTIDE_CACHE", str(tmp_path / "colder"))
    assert len(back.predict(log))


@pytest.mark.parametrize("what", ["gone", "another"])
def test_what_parts_matter_belongs_to_the_model(log, made, tmp_path, what):
    run = RUN.changed({"media": RUN.media.model_dump() | {"inside": 0.5}})
    Emotide.fit(log, run, media=made.trained.media).save_pretrained(tmp_path / "model")
    file = tmp_path / "model" / "media" / "image.parts.json"
    if what == "gone":
        file.unlink()
    else:
        file.write_text(file.read_text().replace('"weights": [', '"weights": [1', 1))
    with pytest.raises(ModelMismatch, match={"gone": "no readable salience", "another": "is not the one"}[what]):
        Emotide.from_pretrained(tmp_path / "model")


def test_the_curve_of_parts_ends_with_whole_files_as_they_are_evaluated(log, made):
    space = made.evaluate(log, baselines=False)["space"]
    curve = inside_curve(made.trained, log, space, shares=(0.2, 0.6))
    assert curve["share"].to_list() == [0.2, 0.6, 1.0]
    skipped = curve["skipped"].to_list()
    assert skipped[0] > skipped[1] > skipped[2] == 0
    assert curve["time_ratio"][2] == 1
    assert (curve["seconds"] > 0).all()
    whole = made.evaluate(log, space=space, baselines=False)
    last = curve.row(2, named=True)
    for task in ("recognition", "forecast"):
        assert last[task] == pytest.approx(whole[task]["accuracy"])


def test_posts_are_hidden_in_training_where_they_have_several_modalities(log, made, monkeypatch):
    asked, plain = [], workers.fit
    monkeypatch.setattr(
        workers, "fit", lambda one, timeline, vectors, config, *more: asked.append(config.hidden)
        or plain(one, timeline, vectors, config, *more),
    )  # fmt: skip
    Emotide.fit(log, RUN, media=made.trained.media)
    Emotide.fit(log, RUN.changed({"modalities": ("text",)}))
    Emotide.fit(log, RUN.changed({"modalities": ("text",), "screening": {"epochs": 1}}))
    assert asked == [0.5, 0.0, 0.5]
