"""What is written into the page: escaped, bounded, and honest about what is missing."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotide.api.influencing import sources_table
from emotide.demo.agreement import influence_ranking, pleasure_correlation, with_true_weight
from emotide.demo.colours import colours_of
from emotide.demo.content import ReportContent
from emotide.demo.drawing import MOST_DRAWN, draw_network
from emotide.demo.markup import Markup, data_block, join, number, table, tag
from emotide.demo.people import MOST_PEOPLE, MOST_STEPS, chosen_people, page_data
from emotide.demo.report import page, write_report
from emotide.demo.town import TownConfig, simulate
from emotide.demo.truth import Truth

DAY = datetime(2024, 5, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return simulate(tmp_path_factory.mktemp("town"), TownConfig(people=20, days=20))


@pytest.fixture(scope="module")
def content(truth: Truth, report_of) -> ReportContent:
    return report_of(truth)


class Tags(HTMLParser):
    """Every element of a page, its attributes, and whether it was closed."""

    VOID = ("meta", "link", "img")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def tags(text: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser.seen


def embedded(text: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)[1])


def many(people: int, quiet: int = 0) -> ReportContent:
    """So many people in a ring; the first few, the quiet, are read once, the others twice."""
    names = [f"u{k:04}" for k in range(people)]
    steps = [1 if k < quiet else 2 for k in range(people)]
    rows = [
        (name, "n", DAY.replace(day=1 + d), 0, "polarity", "positive", 0.7, 0.3)
        for name, count in zip(names, steps, strict=True)
        for d in range(count)
    ]
    columns = ["user_id", "network", "time", "horizon", "space", "reading", "positive", "negative"]
    pairs = {
        "source_id": names,
        "target_id": names[1:] + names[:1],
        "network": "n",
        "effect": 0.1,
        "strength": 0.2,
        "p_value": 0.01,
        "q_value": 0.01,
    }
    return ReportContent(
        "many", readings=pl.DataFrame(rows, schema=columns, orient="row"), influence=pl.DataFrame(pairs)
    )


def test_the_page_is_whole_and_asks_for_nothing(tmp_path, content):
    write_report(tmp_path / "deep" / "report.html", content)
    text = (tmp_path / "deep" / "report.html").read_text("utf-8")
    found = tags(text)
    sources = [
        value for _, given in found for key, value in given.items() if key in ("src", "href", "action", "srcset")
    ]
    assert all(source.startswith(("#", "data:")) for source in sources)
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)
    ids = [given["id"] for _, given in found if "id" in given]
    assert len(ids) == len(set(ids))
    assert {value[1:] for value in sources if value.startswith("#")} <= set(ids)


def test_the_same_content_gives_the_same_page(content):
    assert page(content) == page(content)


def test_an_empty_report_says_why_for_each_part():
    text = page(ReportContent("nothing"))
    tags(text)
    for sentence in (
        "no figures yet",
        "Nobody was read",
        "No influence was measured",
        "Nothing was scored",
        "nothing to recommend",
        "Nothing was noted",
        "were not kept",
        "not known for this log",
    ):
        assert sentence in text


@pytest.mark.parametrize(
    "field",
    ["facts", "readings", "pleasure", "influence", "evaluation", "recommendations", "items", "truth", "commands"],
)
def test_any_one_part_may_be_missing(content, field):
    gone = {"facts": {}, "evaluation": {}, "items": None, "truth": None, "commands": []}.get(field, pl.DataFrame())
    assert embedded(page(replace(content, **{field: gone})))["people"]


@pytest.mark.parametrize("field", ["readings", "pleasure", "influence", "recommendations"])
def test_a_frame_with_columns_and_no_rows_is_missing_too(content, field):
    assert page(replace(content, **{field: getattr(content, field).clear()}))


def test_a_name_cannot_leave_its_place(content):
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'"
    frames = {}
    for field in ("readings", "pleasure", "recommendations", "influence"):
        columns = [c for c in ("user_id", "source_id", "target_id", "reason") if c in getattr(content, field).columns]
        frames[field] = getattr(content, field).with_columns(pl.col(columns).replace("ana", evil))
    frames["items"] = content.items.with_columns(title=pl.lit(evil))
    text = page(replace(content, title=evil, facts={evil: evil}, commands=[evil], **frames))
    found = tags(text)
    assert sum(tag == "script" for tag, _ in found) == 2
    assert not any(tag == "img" or "onerror" in given for tag, given in found)
    assert evil in {person["name"] for person in embedded(text)["people"]}


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_a_data_block_is_read_back_and_never_ends_early(value):
    block = data_block(value, "d")
    inside = block.removeprefix('<script type="application/json" id="d">').removesuffix("</script>")
    assert "<" not in inside
    assert json.loads(inside) == value


@given(st.text(), st.text())
def test_markup_shows_every_text_as_it_is(text, value):
    class Reader(HTMLParser):
        said, given_ = "", ""

        def handle_data(self, data):
            self.said += data

        def handle_starttag(self, tag, attrs):
            assert tag == "p"
            self.given_ = dict(attrs)["data-x"]

    reader = Reader()
    reader.feed(tag("p", text, data_x=value))
    reader.close()
    assert (reader.said, reader.given_) == (text, value)


def test_markup_passes_markup_and_leaves_out_none():
    assert join(tag("b", 1), "<", None) == "<b>1</b>&lt;"
    assert tag("p", class_=None) == "<p></p>"
    assert isinstance(table("c", ["a"], [["x"]]), Markup)


@pytest.mark.parametrize(("value", "shown"), [(0.456, "0.46"), (-1.0, "−1.00"), (None, "–"), (float("nan"), "–")])
def test_a_number_is_shown(value, shown):
    assert number(value) == shown


def test_scores_stand_beside_the_baselines_and_the_best_is_bold(content):
    text = page(content)
    assert "post logistic" in text
    assert "best baseline, lstm: 0.64" in text
    beaten = json.loads(json.dumps(content.evaluation))
    beaten["baselines"]["lstm"]["recognition"]["weighted_f1"] = 0.9
    assert "<b>0.90</b>" not in text
    assert "<b>0.90</b>" in page(replace(content, evaluation=beaten))


def test_dimensional_spaces_are_scored_and_drawn_without_stack(content):
    pad = {"recognition": {"ccc": 0.41, "pearson": 0.5, "mae": 0.2, "n": 9}, "baselines": {}, "space": "pad"}
    axes = content.pleasure.select(
        "user_id",
        "network",
        "time",
        "horizon",
        pl.lit("pad").alias("space"),
        pl.lit("").alias("reading"),
        "pleasure",
        "arousal",
        "dominance",
    )
    text = page(replace(content, readings=axes, evaluation=pad))
    assert "concordance" in text
    assert embedded(text)["categories"] == []


def test_the_space_drawn_is_the_one_evaluated(content):
    other = content.readings.select(
        *content.readings.columns[:4],
        pl.lit("polarity").alias("space"),
        pl.lit("good").alias("reading"),
        pl.lit(1.0).alias("good"),
    )
    both = pl.concat([other, content.readings], how="diagonal")
    assert embedded(page(replace(content, readings=both)))["categories"][0] == "anger"
    asked = replace(content, readings=both, evaluation={**content.evaluation, "space": "polarity"})
    assert embedded(page(asked))["categories"] == ["good"]


def test_people_are_at_most_so_many_and_the_most_active():
    content = many(MOST_PEOPLE + 50, quiet=50)
    people = chosen_people(content)
    assert len(people) == MOST_PEOPLE
    assert people["label"].min() == "u0050"
    assert f"{MOST_PEOPLE} most active" in page(content)


def test_the_network_is_at_most_so_many_and_says_so():
    content = many(MOST_DRAWN + 30, quiet=30)
    drawing = draw_network(content, chosen_people(content))
    assert drawing.svg.count('class="node"') == MOST_DRAWN
    assert f"among the {MOST_DRAWN} most active of {MOST_DRAWN + 30} people" in drawing.says


def test_where_nothing_stands_out_the_strongest_are_drawn():
    content = many(60)
    drawing = draw_network(
        replace(content, influence=content.influence.with_columns(q_value=pl.lit(0.5))), chosen_people(content)
    )
    assert drawing.says.startswith("No pair stands out")
    assert drawing.svg.count("<title>") == 40 + drawing.svg.count('class="node"')


def test_pairs_are_counted_as_the_command_counts_sources():
    """Small p-values of many pairs are no finding: what counts is the share of false ones among them."""
    content = many(60)
    said = [0.1 if k < 7 else 0.11 for k in range(60)]
    pairs = content.influence.with_columns(p_value=pl.lit(0.02), q_value=pl.Series(said))
    clear = sources_table(pairs)["moved"].sum()
    assert clear == 7
    report = replace(content, influence=pairs)
    assert draw_network(report, chosen_people(report)).says.startswith("All 7 pairs")
    text = page(report)
    assert '<p class="value">7</p><p class="says">of 60 pairs stand out from' in text
    none = page(replace(report, influence=pairs.with_columns(q_value=pl.lit(0.11))))
    assert '<p class="value">0</p><p class="says">of 60 pairs stand out from' in none


def test_users_of_one_name_in_two_networks_are_two_people(content):
    twins = pl.concat([content.readings, content.readings.with_columns(network=pl.lit("hamlet"))])
    labels = chosen_people(replace(content, readings=twins))["label"].to_list()
    assert {"ana (town)", "ana (hamlet)"} <= set(labels)


def test_a_person_has_readings_then_forecasts_truth_items_and_ties(content, truth):
    people = chosen_people(content)
    data = page_data(content, people)
    ana = next(person for person in data["people"] if person["name"] == "ana")
    mine = content.pleasure.filter(pl.col("user_id") == "ana").sort("time")
    assert ana["times"] == mine["time"].dt.epoch("ms").to_list()
    assert ana["horizons"] == sorted(ana["horizons"])
    assert ana["pleasure"] == pytest.approx(mine["pleasure"].to_list(), abs=1e-3)
    assert all(abs(sum(row) - 1000) <= 4 for row in ana["shares"])
    hers = truth.emotion.filter(pl.col("user_id") == "ana").sort("time")
    assert [data["categories"][k] for k in ana["truth"]["category"]] == hers["category"].to_list()
    wanted = content.recommendations.filter(pl.col("user_id") == "ana").sort("rank")
    assert [item["title"] for item in ana["items"]] == [f"The story of {name}" for name in wanted["item_id"]]
    strongest = content.influence.filter(pl.col("target_id") == "ana").sort("strength", descending=True)
    assert [name for name, *_ in ana["moved"]] == strongest["source_id"].head(4).to_list()


def test_forecasts_are_only_of_what_lies_ahead(content):
    back = content.readings.filter(pl.col("horizon") == 0).with_columns(horizon=pl.lit(1))
    doubled = replace(
        content, readings=pl.concat([content.readings.filter(pl.col("horizon") == 0), back]), pleasure=pl.DataFrame()
    )
    assert all(set(person["horizons"]) == {0} for person in page_data(doubled, chosen_people(doubled))["people"])


def test_long_lives_and_many_categories_are_cut_and_named():
    names = [f"c{k:02}" for k in range(20)]
    rows = [
        {
            "user_id": "a",
            "network": "n",
            "time": DAY.replace(year=2000 + k // 300, month=1 + k % 12, day=1 + k // 12 % 25),
            "horizon": 0,
            "space": "s",
            "reading": "c00",
        }
        | dict.fromkeys(names, 0.05)
        for k in range(MOST_STEPS + 100)
    ]
    content = ReportContent("long", readings=pl.DataFrame(rows))
    data = page_data(content, chosen_people(content))
    assert len(data["people"][0]["times"]) == MOST_STEPS
    assert len(data["categories"]) == 9
    assert data["categories"][-1] == "other"
    assert all(abs(sum(row) - 1000) <= 5 for row in data["people"][0]["shares"])


def test_agreement_is_one_with_the_truth_and_chance_without(truth, content):
    told = truth.emotion.select("user_id", "time", "pleasure", horizon=pl.lit(0))
    assert pleasure_correlation(told, truth) == pytest.approx(1)
    assert pleasure_correlation(told.with_columns(pleasure=-pl.col("pleasure")), truth) == pytest.approx(-1)
    weights = truth.influence.select("source_id", "target_id", strength=pl.col("weight").abs())
    assert influence_ranking(weights, truth) == 1
    assert influence_ranking(weights.with_columns(strength=pl.lit(0.5)), truth) == 0.5
    assert with_true_weight(content.influence, truth)["true_weight"].null_count() == 0


def test_every_category_has_a_colour_of_its_own():
    names = ["anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise", "hope", "awe"]
    assert len(set(colours_of(names))) == len(names)
