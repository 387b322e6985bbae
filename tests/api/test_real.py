"""Real sets, from the files as published to readings: only that it runs and says something sane."""

import gzip

import polars as pl
import pytest

SPLITS = {"train": 40, "dev": 8, "test": 12}  # dialogues


@pytest.fixture
def meld(data_dir, tmp_path):
    """The first dialogues of each part of MELD."""
    folder = tmp_path / "meld"
    folder.mkdir()
    for split, dialogues in SPLITS.items():
        name = f"{split}_sent_emo.csv"
        rows = pl.read_csv(gzip.decompress((data_dir / "meld" / f"{name}.gz").read_bytes()), infer_schema=False)
        rows.filter(pl.col("Dialogue_ID").cast(pl.Int64) < dialogues).write_csv(folder / name)
    return folder


def trained(command, tmp_path, recipe, *convert):
    store, model = tmp_path / "real.db", tmp_path / "model"
    assert command("convert", *convert, tmp_path / "log").code == 0
    assert command("ingest", tmp_path / "log", "--store", store).code == 0

    def ask(name, *words):
        told = command(name, "--store", store, "--model", model, *words)
        assert told.code == 0, told.err
        return told

    return ask


def test_dialogues_step_by_turn(command, meld, tmp_path, recipe):
    ask = trained(command, tmp_path, recipe, "meld", meld)
    ask("train", "--config", recipe(1), "--step", "turn", "--text", "words", "--space", "meld")
    found = ask("evaluate", "--reports", "known", "--json").json
    assert found["space"] == "meld"
    assert found["recognition"]["n"] == found["forecast"]["n"] > 80
    assert found["recognition"]["accuracy"] > 0.2
    assert set(found["baselines"]) == {"majority", "post_logistic", "lstm", "gru", "last_label", "history_logistic"}
    read = pl.DataFrame(ask("predict", "--horizon", 1, "--json").json)
    utterances = read.filter(pl.col("horizon") == 0)
    assert read["network"].n_unique() == sum(SPLITS.values())
    assert utterances.group_by("network").agg(pl.col("time").n_unique()).get_column("time").max() > 5
    assert read.filter(pl.col("horizon") == 1).select("user_id", "network").is_unique().all()
    moved = pl.DataFrame(ask("influence", "--total", "--top", 10_000, "--json").json)
    speakers = read.select("user_id", "network").unique()
    inside = moved.join(speakers, left_on=["source_id", "network"], right_on=["user_id", "network"], how="semi")
    assert len(inside) == len(moved) > 0


@pytest.mark.filterwarnings("always:the model was not trained on space")
def test_a_community_step_by_window(command, data_dir, tmp_path, recipe):
    words = ("fanchuan", data_dir / "fanchuan", "--option", "community=CampusLife")
    ask = trained(command, tmp_path, recipe, *words)
    ask("train", "--config", recipe(1), "--step", "10m")
    found = ask("evaluate", "--space", "polarity", "--no-baselines", "--json").json
    assert found["recognition"]["n"] > 100
    assert found["recognition"]["accuracy"] > 0.2
    read = pl.DataFrame(ask("predict", "--space", "ekman", "--json").json)
    assert (read.select(pl.sum_horizontal(read.columns[6:])).to_series() - 1).abs().max() < 1e-4
