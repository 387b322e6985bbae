"""The large log is what it says, and its measurement runs from files to readings."""

import numpy as np
import polars as pl
import pytest

from emotide.bench.speed import large_log, million


def test_the_large_log_is_seeded_and_written_in_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(large_log, "BLOCK", 700)
    assert large_log.write_large_log(tmp_path / "a", 200, 0) == 13 * 200
    large_log.write_large_log(tmp_path / "b", 200, 0)
    large_log.write_large_log(tmp_path / "c", 200, 1)
    for name in ("posts", "interactions", "labels"):
        first, again, other = (pl.read_parquet(tmp_path / folder / f"{name}.parquet") for folder in "abc")
        assert first.equals(again)
        assert not first.equals(other)
    posts = pl.read_parquet(tmp_path / "a" / "posts.parquet")
    assert posts["post_id"].n_unique() == len(posts) == 600
    labels = pl.read_parquet(tmp_path / "a" / "labels.parquet")
    assert 0 < len(labels) < 60
    told = labels.join(posts, on="post_id").select("category", pl.col("text").str.split(" ")).explode("text")
    number = told["text"].str.slice(1).cast(pl.Int64) - large_log.WORDS
    feeling = np.array(large_log.FEELINGS)[number.filter(number >= 0).to_numpy() // 20]
    assert (feeling == told["category"].filter(number >= 0).to_numpy()).all()
    assert 0.5 < (number >= 0).mean() < 0.8


def test_a_tenth_of_the_users_makes_most_of_the_contacts(tmp_path):
    large_log.write_large_log(tmp_path, 2000, 0)
    made = pl.read_parquet(tmp_path / "interactions.parquet")["source_id"].value_counts(sort=True)["count"]
    assert 0.55 < made.head(200).sum() / made.sum() < 0.75  # 0.1 ** (1 - ACTIVITY) is 0.63


def test_every_stage_is_measured_at_every_size(tmp_path, monkeypatch):
    monkeypatch.setattr(million, "SIZES", (150, 300))
    said = []
    found = million.run(tmp_path, [0], said.append, lambda *told: None)
    assert found["users"] == 300
    assert found["events"] == 3900
    assert set(found["seconds"]) == {"ingest", "compile", "text", "train", "infer"}
    assert all(taken > 0 for taken in found["seconds"].values())
    assert found["train_events_s"] == pytest.approx(3900 / found["seconds"]["train"], rel=0.05)
    assert found["infer_events_s"] == pytest.approx(3900 / found["seconds"]["infer"], rel=0.05)
    assert 0.05 < found["peak_gb"] < 4
    assert found["disk_gb"]["timeline"] > found["by_size"]["150"]["disk_gb"]["timeline"] > 0
    assert np.isfinite(found["exponent"])
    assert len(said) == 2
