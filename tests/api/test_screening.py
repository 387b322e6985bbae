"""Under a budget only posts that are worth it are opened, and an index of posts not fetched yet is put in order."""

import json
import re
import shutil

import polars as pl
import pytest

from emotide.api import Emotide, SocialLog
from emotide.bench.chatter import chatter
from emotide.demo.town import TownConfig, simulate
from emotide.errors import BadInput

LIST = ["post_id", "user_id", "network", "time", "importance", "chance", "rank"]


@pytest.fixture(scope="module")
def busy(tmp_path_factory, command, recipe):
    """A town that talks much, and a model that has learned which posts are worth opening."""
    folder = tmp_path_factory.mktemp("busy")
    simulate(folder, TownConfig(people=10, days=20))
    chatter(folder / "log", 4.0, 20, 0)
    assert command("ingest", folder / "log", "--store", folder / "busy.db").code == 0
    made = ("--store", folder / "busy.db", "--model", folder / "model")
    told = command("train", *made, "--config", recipe(3), "--screening")
    assert told.code == 0, told.err
    last = told.out.strip().splitlines()[-1]
    assert re.fullmatch(r"screening: the fifth of .* gets \d+ % of the attention \(\d+ % .*, \d+ % at most; .*\)", last)
    return made


@pytest.fixture
def opened(monkeypatch):
    """The texts that an encoder is asked for, in the order asked."""
    from emotide.vectors import WordVectors

    texts, encode = [], WordVectors.encode

    def counted(self, some):
        texts.extend(some)
        return encode(self, some)

    monkeypatch.setattr(WordVectors, "encode", counted)
    return texts


def test_evaluate_opens_as_many_posts_as_it_says(busy, command, opened):
    names = 0
    for choice in ("top", "sample", "recent"):
        opened.clear()
        told = command("evaluate", *busy, "--budget", "0.2", "--choice", choice, "--json").json
        posts = told["opened"]
        assert told["baselines"] == {}
        assert posts["posts"] < 0.5 * posts["of"]
        assert posts["share"] == posts["posts"] / posts["of"]
        names = len(opened) - posts["posts"]  # names of emotions are texts too
        assert 0 <= names < 100
    opened.clear()
    whole = command("evaluate", *busy, "--budget", "1", "--json").json
    assert len(opened) - names == whole["opened"]["posts"] == whole["opened"]["of"]
    plain = command("evaluate", *busy, "--no-baselines", "--json").json
    assert whole["recognition"]["accuracy"] == plain["recognition"]["accuracy"]
    assert "opened" not in plain


def test_predict_reads_everybody_from_the_posts_it_opened(busy, command, opened):
    whole, few = (
        command("predict", *busy, "--horizon", "1", *more, "--json").json for more in ((), ("--budget", "0.2"))
    )
    assert [row["user_id"] for row in whole] == [row["user_id"] for row in few]
    assert whole != few
    again = command("predict", *busy, "--horizon", "1", "--budget", "0.2", "--json").json
    assert few == again
    assert len(set(opened)) > 0


@pytest.mark.parametrize("words", [("--behaviour",), ("--explain", "--user", "ana")])
def test_a_budget_goes_with_readings_alone(busy, command, words):
    told = command("predict", *busy, "--budget", "0.2", *words)
    assert told.code == 2
    assert "--budget is for readings" in told.err


def test_what_was_learned_is_saved_with_its_figures(busy, command):
    folder = busy[-1] / "screening"
    facts = json.loads((folder / "importance.json").read_text())["facts"]
    assert facts["lessons"] > 5
    assert facts["cross_entropy"]["entropy"] < facts["cross_entropy"]["even"]
    recipe = json.loads((busy[-1] / "recipe.json").read_text())
    assert recipe["screening"]["epochs"] == 60
    made = Emotide.from_pretrained(busy[-1])
    assert made.screening is not None
    assert made.screening.facts == facts


def test_screen_lists_the_posts_of_the_log_best_first(busy, command, tmp_path):
    out = tmp_path / "worth.csv"
    assert command("screen", *busy, "--budget", "15", "--out", out).code == 0
    table = pl.read_csv(out)
    assert table.columns == LIST
    assert len(table) == 15
    assert table["rank"].to_list() == list(range(1, 16))
    assert table["importance"].is_sorted(descending=True)
    assert table["chance"].is_between(0, 1).all()
    share = Emotide.from_pretrained(busy[-1]).screen(SocialLog.open(busy[1]), "25%")
    posts = len(SocialLog.open(busy[1]).table("posts"))
    assert len(share) == -(-posts // 4)


@pytest.mark.filterwarnings("always:.*left out")
def test_screen_reads_an_index_of_posts_that_nobody_has(busy, command, tmp_path):
    posts = SocialLog.open(busy[1]).table("posts")
    day = (posts["time"].max()).strftime("%Y-%m-%dT22:%M:%SZ")
    rows = [
        {"post_id": "n1", "user_id": "ana", "network": "town", "time": day, "tags": "music"},
        {"post_id": "n2", "user_id": "ana", "network": "town", "time": day, "title": "Half price", "tags": "deal"},
        {"post_id": "n3", "user_id": "nobody", "network": "town", "time": day, "tags": "garden"},
        {"post_id": "n4", "user_id": "bo", "network": "town", "time": "2021-13-40"},
    ]
    told = {}
    for ending in ("jsonl", "csv", "parquet"):
        file = tmp_path / f"index.{ending}"
        frame = pl.DataFrame(rows)
        {"jsonl": frame.write_ndjson, "csv": frame.write_csv, "parquet": frame.write_parquet}[ending](file)
        said = command("screen", *busy, "--index", file, "--budget", "2", "--json")
        assert "1 rows of the index are left out" in said.err
        assert "row 4, column time" in said.err
        told[ending] = said.json
    assert told["jsonl"] == told["csv"] == told["parquet"]
    (first, second) = told["csv"]
    assert {first["user_id"], second["user_id"]} == {"ana", "nobody"}  # everybody's best before any second one
    assert first["post_id"] == "n3"
    assert first["importance"] == 1.0
    whole = command("screen", *busy, "--index", tmp_path / "index.csv", "--budget", "100%", "--json").json
    assert sum(row["importance"] for row in whole) == pytest.approx(2)
    assert all(row["chance"] == 1 for row in whole)


@pytest.mark.parametrize("budget", ["0", "1.5", "-3", "many", "120%", "0%"])
def test_a_budget_that_is_none_is_told_so(busy, command, budget):
    told = command("screen", *busy, f"--budget={budget}")
    assert told.code == 1
    assert (
        told.err
        == f"emotide: budget '{budget}': wanted how many posts, such as 50, or a share of them, such as 0.2 or 20%\n"
    )


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        ("gone.csv", None, "no such file"),
        ("index.txt", "post_id", "the format is none of .csv, .jsonl, .parquet"),
        ("index.csv", "post_id,time\np,2024-01-01\n", "required column 'user_id' is missing"),
        ("index.csv", "post_id,user_id,time\np,a,never\n", "holds no usable row"),
    ],
)
@pytest.mark.filterwarnings("always:.*left out")
def test_an_index_that_cannot_be_used_is_told_so(busy, command, tmp_path, name, text, wrong):
    if text is not None:
        (tmp_path / name).write_text(text)
    told = command("screen", *busy, "--index", tmp_path / name, "--budget", "3")
    assert told.code == 1
    assert wrong in told.err


def test_a_model_without_screening_loads_and_says_what_it_lacks(busy, command, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(busy[-1], bare)
    shutil.rmtree(bare / "screening")
    made = Emotide.from_pretrained(bare)
    assert made.screening is None
    for words in (("predict", "--budget", "0.2"), ("evaluate", "--budget", "0.2"), ("screen", "--budget", "5")):
        told = command(words[0], *busy[:3], bare, *words[1:])
        assert told.code == 1
        assert "train it with --screening" in told.err
    with pytest.raises(BadInput, match="--screening"):
        made.predict(SocialLog.open(busy[1]), budget=0.5)
    (busy_file,) = busy[-1].glob("screening/*.safetensors")
    shutil.copytree(busy[-1] / "screening", bare / "screening")
    (bare / "screening" / busy_file.name).write_bytes(b"")
    told = command("predict", *busy[:3], bare)
    assert told.code == 1
    assert "no readable screening" in told.err
