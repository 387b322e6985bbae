"""Who moves most, paths of contagion, and why somebody is read as they are: the tables and commands."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from emotide.api import Emotide, SocialLog, influencing
from emotide.errors import BadInput, UnknownName
from emotide.timeline import TimelineConfig, compile_timeline
from emotide.vectors import MiniLM


@pytest.fixture(scope="module")
def asked(town):
    return Emotide.from_pretrained(town.model), SocialLog.open(str(town.store))


@pytest.fixture
def everything_clear(monkeypatch):
    """Every pair counts: a town of twelve is too small for anything to stand out."""
    monkeypatch.setattr(influencing, "CLEAR", 1.0)


def test_total_effects_are_weights_times_deviations(asked):
    made, log = asked
    steps = made.influence(log, shuffles=1)
    assert steps.group_by("source_id", "target_id").agg(pl.col("weight").n_unique())["weight"].max() == 1
    opposite = steps.filter(pl.col("weight") * pl.col("effect") > 0)
    assert 0 < len(opposite) < len(steps)


@pytest.mark.parametrize("how", ["history", "network"])
def test_q_values_are_no_smaller_than_p_values(asked, how):
    made, log = asked
    total = made.influence(log, total=True, shuffles=3, how=how)
    assert (total["q_value"] >= total["p_value"]).all()
    assert total["q_value"].max() <= 1
    assert ("weight" in total.columns) == (how == "history")


def test_whoever_has_a_tie_is_moved_while_it_stands(tables):
    ties = [("ana", "bo", 2, 4), ("ana", "cy", None, 3), ("ana", "di", 3, None)]
    posts = [(f"{name}.{step}", name, step) for step in range(6) for name in ("ana", "bo", "cy", "di", "ed")]
    met = [("ana", name, step, "like") for step in range(6) for name in ("bo", "cy", "di", "ed")]
    log = tables(posts=posts, ties=ties, interactions=met)
    timeline = compile_timeline(log, TimelineConfig(step="1h"), names={})
    sight = influencing.in_sight(timeline, log["ties"])
    e, names = timeline.events, timeline.users["user_id"].to_list()
    mine = np.asarray(e.pair_target) == names.index("ana")
    seen = {
        name: set(e.step["pair"][mine & sight & (e.pair_source == names.index(name))].tolist()) for name in names[1:]
    }
    assert seen == {"bo": {2, 3, 4}, "cy": {0, 1, 2, 3}, "di": {3, 4, 5}, "ed": set(range(6))}
    assert sight[~mine].all()  # they have no ties of their own: contacts bring ana near
    assert influencing.in_sight(timeline, log["ties"].clear()).all()


def test_an_unknown_way(asked):
    with pytest.raises(UnknownName, match="how 'histroy' is not known; did you mean 'history'"):
        asked[0].influence(asked[1], how="histroy")


def test_sources_sum_over_whom_they_move(asked, everything_clear):
    made, log = asked
    total, sources = made.influence(log, total=True, shuffles=1), made.sources(log, shuffles=1)
    assert sources["strength"].is_sorted(descending=True)
    sums = total.group_by("source_id", "network").agg(
        moved=pl.len(), neighbours=pl.len(), strength=pl.col("strength").sum(), effect=pl.col("effect").sum()
    )
    assert_frame_equal(sources, sums, check_row_order=False, check_dtypes=False)


def test_sources_count_only_pairs_that_stand_out(asked, monkeypatch):
    monkeypatch.setattr(influencing, "CLEAR", 0.0)
    assert asked[0].sources(asked[1], shuffles=1)["moved"].sum() == 0
    assert asked[0].paths(asked[1], "ana", shuffles=1).is_empty()


def test_paths_end_in_the_person_and_sum_up(asked, everything_clear):
    made, log = asked
    every, total = (made.paths(log, "ana", links=2, shuffles=1, total=whole) for whole in (False, True))
    assert set(every["links"]) == {1, 2}
    assert (every["begin"] < every["time"]).all()
    assert (every["target_id"] == "ana").all()
    chains = every["path"].str.split(" → ")
    assert (chains.list.last() == "ana").all()
    assert (chains.list.first() == every["source_id"]).all()
    assert (chains.list.len() == every["links"] + 1).all()
    assert every["strength"].is_sorted(descending=True)
    assert (every["strength"] == every["effect"].abs()).all()
    sums = every.group_by("path").agg(pl.col("effect", "strength").sum(), times=pl.len())
    both = total.join(sums, on="path")
    assert len(both) == len(total) == len(sums)
    for name in ("effect", "strength", "times"):
        assert abs(both[name] - both[f"{name}_right"]).max() < 1e-9


def test_reasons_sum_to_the_reading(asked):
    made, log = asked
    table = made.explain(log, "ana")
    assert table.columns == ["user_id", "network", "time", "space", "reading", "kind", "share", "post_id", "author_id",
                             "posted", "word"]  # fmt: skip
    number, without = (table.filter(pl.col("kind") == kind)["share"].item() for kind in ("reading", "without"))
    posts, words = (table.filter(pl.col("kind") == kind) for kind in ("post", "word"))
    assert abs(posts["share"].sum() - (number - without)) < 1e-3
    assert posts["share"].abs().is_sorted(descending=True)
    assert posts["author_id"].n_unique() > 1
    summed = words.group_by("post_id").agg(pl.col("share").sum()).join(posts, on="post_id")
    assert len(summed) == min(len(posts), 20)
    assert abs(summed["share"] - summed["share_right"]).max() < 1e-4
    read = made.predict(log, user="ana").sort("time")
    assert (table["time"][0], table["reading"][0]) == (read["time"][-1], read["reading"][-1])


def test_reasons_of_another_day_and_name(asked):
    made, log = asked
    read = made.predict(log, user="ana", space="pad").sort("time")
    then = read["time"][4]
    table = made.explain(log, "ana", at=then, space="pad", name="arousal", window=1)
    assert (table["time"][0], table["reading"][0]) == (then, "arousal")
    assert np.clip(table["share"][0], -1, 1) == pytest.approx(read["arousal"][4], abs=1e-4)
    assert (table["posted"].drop_nulls() >= then).all()


def test_what_cannot_be_explained(asked):
    made, log = asked
    first = made.predict(log, user="ana")["time"].min()
    with pytest.raises(BadInput, match="nothing is known of user 'ana' by "):
        made.explain(log, "ana", at=first.replace(year=2000))
    with pytest.raises(UnknownName, match="did you mean 'sadness'"):
        made.explain(log, "ana", name="sadnes")
    with pytest.raises(UnknownName, match="user 'anna' is not known"):
        made.explain(log, "anna")


def test_a_sentence_encoder_leaves_words_out(asked):
    from emotide.api.explaining import _words

    made, log = asked
    timeline, vectors = made.compiled(log)
    texts = log.texts(timeline)
    slope = vectors[0].numpy()

    class Sentences(MiniLM):
        """Any encoder of whole texts; this one needs no model."""

        name, width = "sentences", made.trained.text.width

        def encode(self, texts):
            return made.trained.text.encode(texts)

    shares = _words(replace(made.trained, text=Sentences()), texts[0], vectors[0].numpy(), slope)
    words = texts[0].split()
    assert [word for word, _ in shares] == words
    for k, (_, share) in enumerate(shares):
        without = made.trained.vectors([" ".join(words[:k] + words[k + 1 :])])[0].numpy()
        assert share == pytest.approx(float((vectors[0].numpy() - without) @ slope), abs=1e-4)


def test_commands(command, town, tmp_path, everything_clear):
    for words in (("--sources",), ("--paths", "--user", "ana", "--links", "1")):
        told = command(*town.ask("influence", *words, "--json"))
        assert (told.code, told.err) == (0, "")
        assert told.json
    told = command(*town.ask("predict", "--explain", "--user", "ana", "--at", "2024-03-10", "--json"))
    assert told.code == 0
    assert [row["kind"] for row in told.json[:2]] == ["reading", "without"]


def test_where_no_pair_stands_out_it_is_said(command, town, tmp_path, monkeypatch):
    monkeypatch.setattr(influencing, "CLEAR", -1.0)
    for words in (("--sources",), ("--paths", "--user", "ana")):
        told = command(*town.ask("influence", *words, "--json"))
        assert told.code == 0
        assert told.err.startswith("no pair stands out from chance here")
    told = command(*town.ask("influence", "--paths", "--user", "ana", "--picture", tmp_path / "paths.svg"))
    assert told.code == 0
    assert told.err.endswith("; no picture is drawn\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("predict", ("--explain",)),
        ("influence", ("--paths",)),
        ("influence", ("--paths", "--sources", "--user", "ana")),
        ("influence", ("--picture", "x.svg")),
    ],
)
def test_what_does_not_go_together_is_wrong_usage(command, town, name, words):
    assert command(*town.ask(name, *words)).code == 2


def test_the_picture(command, town, tmp_path, everything_clear):
    pytest.importorskip("matplotlib")
    file = tmp_path / "paths.svg"
    assert command(*town.ask("influence", "--paths", "--user", "ana", "--picture", file)).code == 0
    drawn = file.read_text("utf-8")
    assert "<svg" in drawn
    assert drawn.count("<path") > 10
