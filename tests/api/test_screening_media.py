"""A log with pictures: files of posts that lose are never decoded, and may as well not be there."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from emotide.api import Emotide, Recipe, SocialLog
from emotide.vectors.image import ImageVectors

RECIPE = Recipe().changed(
    {"text_width": 8, "screening": {"epochs": 2}, "media": {"width": 4, "learning": {"epochs": 1}}},
    timeline={"step": "1d"},
    network={"state": 12, "influence": 4, "observed": 12, "width": 12, "pair_width": 8},
    train={"epochs": 1, "updates": 1},
)
EVERY = 3  # posts with a picture, of so many


@pytest.fixture
def pictured(tmp_path, monkeypatch):
    """Three people who write three posts a day, one of them with a picture, and the folder of the pictures."""
    from PIL import Image

    monkeypatch.setenv("EMOTIDE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "log"
    folder.mkdir()
    posts, labels = [], []
    for day in range(1, 13):
        for user in ("ana", "bo", "cleo"):
            for k in range(3):
                time, number = f"2024-01-{day:02}T1{k}:00:00Z", len(posts)
                row = {"post_id": f"p{number}", "user_id": user, "time": time, "text": f"word{number % 5} and {k}"}
                if k == day % EVERY:
                    row["image"] = f"{number}.jpg"
                    Image.new("RGB", (80, 80), (20 * day, 80 * k, 2 * number)).save(folder / row["image"])
                posts.append(row)
            labels.append({"user_id": user, "time": time, "space": "ekman", "category": ("joy", "fear")[day % 2]})
    pl.DataFrame(posts, infer_schema_length=None).write_ndjson(folder / "posts.jsonl")
    pl.DataFrame(labels).write_ndjson(folder / "labels.jsonl")
    log = SocialLog.open(tmp_path / "log.db")
    log.ingest(folder)
    return log, folder


@pytest.mark.filterwarnings("ignore:.*cannot be read")
def test_files_of_posts_that_lose_are_never_decoded(pictured, monkeypatch, tmp_path):
    log, folder = pictured
    made = Emotide.fit(log, RECIPE)
    made.save_pretrained(tmp_path / "model")
    made = Emotide.from_pretrained(tmp_path / "model")
    assert made.trained.layout.names == ["text", "image"]
    whole = made.predict(log)
    assert_frame_equal(made.predict(log, budget=1.0), whole, abs_tol=1e-5)

    decoded, encode = [], ImageVectors.encode

    def counted(self, locations, *more):
        decoded.extend(locations)
        return encode(self, locations, *more)

    monkeypatch.setattr(ImageVectors, "encode", counted)
    monkeypatch.setenv("EMOTIDE_CACHE", str(tmp_path / "cold"))
    few = made.predict(log, budget=0.3, choice="recent")
    names = sorted(place.rsplit("/", 1)[1] for place in decoded)
    last = log.table("posts").filter(pl.col("post_id").str.slice(1).cast(pl.Int32) % 3 == 2)["image"].drop_nulls()
    assert names == sorted(place.rsplit("/", 1)[1] for place in last)
    assert 0 < len(names) < 36
    for file in folder.glob("*.jpg"):
        if file.name not in names:
            file.write_bytes(b"no picture")
    monkeypatch.setenv("EMOTIDE_CACHE", str(tmp_path / "colder"))
    assert_frame_equal(made.predict(log, budget=0.3, choice="recent"), few, abs_tol=1e-6)
    assert not whole.equals(few)


@pytest.mark.filterwarnings("ignore:.*cannot be read")
def test_a_picture_that_cannot_be_opened_is_as_one_that_is_not_there(pictured):
    log, folder = pictured
    made = Emotide.fit(log, RECIPE)
    broken = sorted(folder.glob("*.jpg"))[5]
    broken.write_bytes(b"no picture")
    assert_frame_equal(made.predict(log, budget=1.0), made.predict(log), abs_tol=1e-5)
