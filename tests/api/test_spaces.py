"""Readings in any space, with no retraining (DESIGN 3.5)."""

import zipfile

import numpy as np
import polars as pl
import pytest

from emotide import BadInput, Emotide, SocialLog, read_space

UNTRAINED = "the model was not trained on space"
pytestmark = pytest.mark.filterwarnings(f"always:{UNTRAINED}")
TIDES = """
name = "tides"
[categories.ebb]
pad = [-0.6, -0.4, -0.3]
[categories.flood]
pad = [0.6, 0.4, 0.3]
"""


@pytest.fixture
def tides(tmp_path):
    file = tmp_path / "tides.toml"
    file.write_text(TIDES)
    return file


@pytest.fixture
def copy(command, town, tmp_path):
    """A store of its own with the town's log."""
    store = tmp_path / "copy.db"
    assert command("ingest", town.log, "--store", store).code == 0
    return store


@pytest.mark.parametrize("space", ["circumplex", "pad"])
def test_dimensions_are_read_as_coordinates(command, town, space):
    names = [row["name"] for row in command("spaces", "--show", space, "--json").json]
    rows = pl.DataFrame(command(*town.ask("predict", "--space", space, "--horizon", 1, "--json")).json)
    assert rows.columns[6:] == names
    assert np.isfinite(rows.select(names).to_numpy()).all()
    assert rows[names[0]].n_unique() > 2


@pytest.mark.parametrize("space", ["plutchik", "goemotions", "polarity"])
def test_a_space_that_was_never_trained_on_can_be_read(command, town, space):
    names = [row["name"] for row in command("spaces", "--show", space, "--json").json]
    told = command(*town.ask("predict", "--space", space, "--json"))
    alone = "its readings come from names and places alone, and are not calibrated"
    assert told.err == f"emotide: warning: {UNTRAINED} '{space}': {alone}\n"
    rows = pl.DataFrame(told.json)
    assert rows.columns[6:] == names
    assert (rows.select(pl.sum_horizontal(names)).to_series() - 1).abs().max() < 1e-4
    assert rows["reading"].is_in(names).all()


def test_of_dimensions_the_reading_is_the_coordinate_furthest_from_the_middle(command, town):
    told = command(*town.ask("predict", "--space", "pad", "--json"))
    assert told.err == ""  # the town was trained on it
    rows = told.json
    assert {row["reading"].split()[0] for row in rows} == {"low", "high"}
    for row in rows:
        side, name = row["reading"].split()
        others = [abs(row[axis]) for axis in ("pleasure", "arousal", "dominance")]
        assert abs(row[name]) == max(others)
        assert (row[name] < 0) == (side == "low")


def test_polarity_follows_pleasure(command, town):
    ask = lambda space: pl.DataFrame(command(*town.ask("predict", "--space", space, "--json")).json)  # noqa: E731
    both = ask("polarity").with_columns(ask("pad")["pleasure"])
    assert both.select(pl.corr("positive", "pleasure", method="spearman")).item() > 0.5


def test_a_space_from_a_file_is_read_at_once(command, town, copy, tides):
    told = command("spaces", "--add", tides, "--store", copy, "--json")
    assert {"space": "tides", "kind": "categories", "names": "ebb, flood"} in told.json
    shown = command("spaces", "--show", "tides", "--store", copy, "--json").json
    assert [row["name"] for row in shown] == ["ebb", "flood"]
    assert shown[0]["pleasure"] == pytest.approx(-0.6)
    rows = pl.DataFrame(command("predict", "--store", copy, "--model", town.model, "--space", "tides", "--json").json)
    assert rows.columns[6:] == ["ebb", "flood"]
    assert (rows["ebb"] + rows["flood"] - 1).abs().max() < 1e-5
    pad = pl.DataFrame(command(*town.ask("predict", "--space", "pad", "--json")).json)
    assert rows.with_columns(pad["pleasure"]).select(pl.corr("flood", "pleasure", method="spearman")).item() > 0.5
    # the town's own store knows nothing of it
    assert command(*town.ask("predict", "--space", "tides")).code == 1


def test_a_space_is_added_to_a_model_in_memory(town, command, tides):
    emotide = Emotide.from_pretrained(town.model)
    emotide.add_space(read_space(tides))
    rows = emotide.predict(SocialLog.open(town.store), space="tides", user="ana")
    assert rows.columns[6:] == ["ebb", "flood"]
    assert "tides" in emotide.spaces()


@pytest.mark.parametrize("packed", [False, True])
def test_spaces_come_with_a_log(command, tmp_path, packed):
    log = tmp_path / "log"
    (log / "spaces").mkdir(parents=True)
    (log / "spaces" / "tides.toml").write_text(TIDES)
    (log / "labels.csv").write_text("user_id,time,space,category\nana,2024-01-01,tides,ebb\n")
    source = log
    if packed:
        source = tmp_path / "log.zip"
        with zipfile.ZipFile(source, "w") as archive:
            for file in ("labels.csv", "spaces/tides.toml"):
                archive.write(log / file, f"town/{file}")
    store = tmp_path / "log.db"
    assert command("ingest", source, "--store", store).code == 0
    assert SocialLog.open(store).spaces()["tides"].names == ["ebb", "flood"]


def test_a_broken_space_leaves_the_store_as_it_was(command, tmp_path):
    log = tmp_path / "log"
    (log / "spaces").mkdir(parents=True)
    (log / "spaces" / "tides.toml").write_text('name = "tides"')
    (log / "labels.csv").write_text("user_id,time,space,category\nana,2024-01-01,tides,ebb\n")
    told = command("ingest", log, "--store", tmp_path / "log.db")
    assert told.code == 1
    assert "a space has either categories or dimensions" in told.err
    assert SocialLog.open(tmp_path / "log.db").store.counts()["labels"] == 0


def test_a_space_that_no_file_tells_of_is_made_of_its_labels(command, tmp_path):
    labels = ["user_id,time,space,category,warmth,joy"]
    labels += ["ana,2024-01-01,rooms,attic,,", "bo,2024-01-02,rooms,joy,,", "bo,2024-01-03,weather,,0.5,0.1"]
    (tmp_path / "labels.csv").write_text("\n".join(labels))
    store = tmp_path / "rooms.db"
    assert command("ingest", tmp_path / "labels.csv", "--store", store).code == 0
    spaces = SocialLog.open(store).spaces()
    assert spaces["rooms"].names == ["attic", "joy"]
    assert spaces["rooms"].categories["attic"].pad == (0, 0, 0)
    assert spaces["rooms"].categories["joy"].pad == spaces["ekman"].categories["joy"].pad
    assert spaces["weather"].dimensional
    assert spaces["weather"].names == ["joy", "warmth"]


def test_labels_of_what_is_not_known_are_warned_of_once_a_space(command, tmp_path, tides):
    labels = ["user_id,time,space,category,pleasure", "ana,2024-01-01,ekman,Joy,", "bo,2024-01-02,pad,,0.5"]
    labels += ["ana,2024-01-03,ekman,hapy,", "bo,2024-01-04,ekman,hapy,", "ana,2024-01-05,ekmann,joy,"]
    labels += ["ana,2024-01-06,tides,ebb,", "bo,2024-01-06,tides,flood,", "bo,2024-01-07,goemotions,joy,"]
    labels += ["bo,2024-01-07,goemotions,love,"]
    (tmp_path / "labels.csv").write_text("\n".join(labels))
    store = tmp_path / "strange.db"
    add = "add it with 'emotide spaces --add FILE --store STORE', or it is made of the names in these labels"
    lacking = "labels of space 'ekman' name categories that it does not have: 'Joy' (1), 'hapy' (2): "
    lines = [
        f"warning: {lacking}they are left out of training",
        f"warning: 1 labels are of space 'ekmann', which is not known yet: {add}; did you mean 'ekman'?",
        f"warning: 2 labels are of space 'tides', which is not known yet: {add}",
    ]
    told = command("ingest", tmp_path / "labels.csv", "--store", store, "--json")
    assert (told.json[0]["new"], told.err.splitlines()) == (9, lines)
    assert command("spaces", "--add", tides, "--store", store).code == 0
    assert SocialLog.open(store).ingest(tmp_path / "labels.csv").warnings == [
        line.removeprefix("warning: ") for line in lines[:2]
    ]
    (tmp_path / "posts.csv").write_text("post_id,user_id,time\np1,ana,2024-01-01\n")
    assert SocialLog.open(store).ingest(tmp_path / "posts.csv").warnings == []


def test_a_field_of_a_category_that_is_not_known(tmp_path):
    (tmp_path / "x.toml").write_text('name = "x"\n[categories.pad]\npda = [1, 2, 3]\n')
    with pytest.raises(BadInput, match=r"categories\.pad\.pda: .* 'pda' is not known; did you mean 'pad'"):
        read_space(tmp_path / "x.toml")


def test_a_file_that_is_no_space(tmp_path):
    (tmp_path / "x.toml").write_text('name = "x"\n[categories.a]\npad = [1, 2]\n')
    with pytest.raises(BadInput, match=r"x\.toml: categories\.a\.pad"):
        read_space(tmp_path / "x.toml")


def test_a_few_labels_sharpen_a_space_and_are_saved_with_the_model(command, town, copy, tides, tmp_path):
    """The town's own moods under other names, at places that say nothing: only the labels can tell them apart."""
    mood = pl.DataFrame(command(*town.ask("predict", "--space", "polarity", "--reports", "hidden", "--json")).json)
    lucky = mood["positive"] - mood["negative"] > (mood["positive"] - mood["negative"]).median()
    rows = ["user_id,network,time,space,category"] + [
        f"{row['user_id']},{row['network']},{row['time']},luck,{'up' if up else 'down'}"
        for row, up in zip(mood.iter_rows(named=True), lucky, strict=True)
    ]
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "labels.csv").write_text("\n".join(rows))
    assert command("ingest", tmp_path / "more", "--store", copy).code == 0
    model = tmp_path / "model"
    Emotide.from_pretrained(town.model).save_pretrained(model)

    def agreement():
        told = command(
            "evaluate",
            "--store",
            copy,
            "--model",
            model,
            "--space",
            "luck",
            "--split",
            "train",
            "--no-baselines",
            "--json",
        )
        return told.json["recognition"]["accuracy"], UNTRAINED in told.err

    before, warned = agreement()
    assert warned
    told = command("spaces", "--sharpen", "luck", "--store", copy, "--model", model, "--json")
    assert told.json[0]["labels"] > 10
    after, warned = agreement()
    assert after > max(before, 0.8)
    assert not warned
    for words, reason in (
        (("--sharpen", "cped", "--store", copy, "--model", model), "space with labels in this log 'cped' is not known"),
        (("--sharpen", "pad", "--store", copy, "--model", model), "the model was trained on space 'pad'"),
    ):
        told = command("spaces", *words)
        assert told.code == 1
        assert reason in told.err


def test_readings_made_elsewhere_change_their_space(command, tmp_path):
    file, out = tmp_path / "moods.csv", tmp_path / "polarity.csv"
    file.write_text("who,anger,disgust,fear,joy,sadness,surprise\nana,0,0,0,1,0,0\nbo,0.5,0,0.2,0,0.3,0\n")
    assert command("spaces", "--convert", file, "--from", "ekman", "--to", "polarity", "--out", out).code == 0
    rows = pl.read_csv(out)
    assert rows.columns == ["who", "space", "reading", "negative", "neutral", "positive"]
    assert rows["who"].to_list() == ["ana", "bo"]
    assert rows["reading"].to_list() == ["positive", "negative"]
    assert (rows.select(pl.sum_horizontal("negative", "neutral", "positive")).to_series() - 1).abs().max() < 1e-6


@pytest.mark.parametrize(("text", "words", "reason"), [
    ("joy\n1\n", ("--from", "ekman", "--to", "pad"), "readings in space 'ekman' have the columns"),
    ("anger,disgust,fear,joy,sadness,surprise\nx,0,0,0,0,0\n", ("--from", "ekman", "--to", "pad"), "are numbers"),
    ("anger,disgust,fear,joy,sadness,surprise\n,0,0,0,0,0\n", ("--from", "ekman", "--to", "pad"), "are probabilities"),
    ("joy\n1\n", ("--from", "ekmann", "--to", "pad"), "did you mean 'ekman'"),
    ("", ("--from", "pad", "--to", "pad"), "not a readable CSV"),
])  # fmt: skip
def test_readings_that_cannot_be_converted(command, tmp_path, text, words, reason):
    (tmp_path / "moods.csv").write_text(text)
    told = command("spaces", "--convert", tmp_path / "moods.csv", *words)
    assert told.code == 1
    assert reason in told.err
    assert command("spaces", "--convert", tmp_path / "moods.csv").code == 2
