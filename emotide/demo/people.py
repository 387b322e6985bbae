"""What the page needs to know about each person who can be selected."""

from typing import Any

import polars as pl

from emotide.demo.agreement import click_chances
from emotide.demo.colours import colours_of
from emotide.demo.content import PERSON, ReportContent

MOST_PEOPLE = 200
MOST_STEPS = 400
MOST_CATEGORIES = 9  # more cannot be told apart in a stack; the rest is drawn as "other"
MOST_ITEMS = 10


def chosen_people(content: ReportContent, most: int = MOST_PEOPLE) -> pl.DataFrame:
    """network, user_id, activity (steps read), label, person (a row number): the most active, by name."""
    readings, influence = content.readings, content.influence
    frames = [readings, content.pleasure, content.recommendations]
    named = [frame.select(PERSON) for frame in frames if not frame.is_empty()]
    if not influence.is_empty():
        named += [influence.select("network", user_id=end) for end in ("source_id", "target_id")]
    people = pl.concat(named).unique() if named else pl.DataFrame(schema=dict.fromkeys(PERSON, pl.String))
    read = readings if not readings.is_empty() else content.pleasure
    if read.is_empty():
        people = people.with_columns(activity=pl.lit(0, pl.UInt32))
    else:
        counts = read.filter(pl.col("horizon") == 0).group_by(PERSON).agg(pl.col("time").n_unique().alias("activity"))
        people = people.join(counts, on=PERSON, how="left").with_columns(pl.col("activity").fill_null(0))
    people = people.sort("activity", *PERSON, descending=[True, False, False]).head(most).sort("user_id", "network")
    twice = pl.col("user_id").is_duplicated()
    label = pl.when(twice).then(pl.format("{} ({})", "user_id", "network")).otherwise("user_id")
    return people.with_columns(label.alias("label")).with_row_index("person")


def page_data(content: ReportContent, people: pl.DataFrame) -> dict[str, Any]:
    """What the page's script draws: categories with colours, and a person its times, readings, truth, items, ties."""
    probabilities, categories = _few_categories(content.probabilities())
    moments = _by_person(_moments(content.pleasure, probabilities, categories), people)
    truth = {} if content.truth is None else _by_person(content.truth.emotion.sort("time"), people)
    items = _by_person(_items(content), people)
    ties = _ties(content.influence, people)
    rows = [
        {
            "name": label,
            **_series(moments.get(k), categories),
            "truth": _true_series(truth.get(k), categories),
            "items": items[k].drop("person", *PERSON, strict=False).to_dicts() if k in items else [],
            **ties.get(k, {"moved": [], "moves": []}),
        }
        for k, label in people.select("person", "label").iter_rows()
    ]
    start = int(people["activity"].arg_max() or 0) if len(people) else 0
    return {"categories": categories, "colours": colours_of(categories), "people": rows, "start": start}


def _few_categories(rows: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    names = rows.columns[5:]
    if len(names) <= MOST_CATEGORIES:
        return rows, names
    mean = {name: float(rows[name].mean() or 0) for name in names}  # type: ignore[arg-type]
    kept = sorted(sorted(names, key=lambda name: -mean[name])[: MOST_CATEGORIES - 1])
    rest = [name for name in names if name not in kept]
    rows = rows.with_columns(pl.sum_horizontal(rest).alias("other")).drop(name for name in rest if name != "other")
    return rows, [*kept, "other"]


def _moments(pleasure: pl.DataFrame, probabilities: pl.DataFrame, categories: list[str]) -> pl.DataFrame:
    """network, user_id, time, horizon, pleasure, probabilities; forecasts only of what comes after the last step."""
    keys = [*PERSON, "time", "horizon"]
    if pleasure.is_empty() and probabilities.is_empty():
        return pl.DataFrame()
    if pleasure.is_empty():
        rows = probabilities.with_columns(pleasure=pl.lit(None, pl.Float64))
    elif probabilities.is_empty():
        rows = pleasure.select(*keys, "pleasure")
    else:
        rows = pleasure.select(*keys, "pleasure").join(probabilities, on=keys, how="full", coalesce=True)
    last = pl.col("time").filter(pl.col("horizon") == 0).max().over(PERSON)
    beyond = (pl.col("horizon") == 0) | last.is_null() | (pl.col("time") > last)
    return rows.filter(beyond).select(*keys, "pleasure", *categories).sort("time", "horizon")


def _by_person(rows: pl.DataFrame, people: pl.DataFrame) -> dict[int, pl.DataFrame]:
    if rows.is_empty() or people.is_empty():
        return {}
    keys = [key for key in PERSON if key in rows.columns]
    joined = rows.join(people.select("person", *PERSON), on=keys, how="inner", maintain_order="left")
    return {int(k): part for (k,), part in joined.partition_by("person", as_dict=True).items()}


def _series(rows: pl.DataFrame | None, categories: list[str]) -> dict[str, list[Any]]:
    """Times in milliseconds since 1970, horizons, pleasures, and probabilities in thousandths."""
    if rows is None:
        return {"times": [], "horizons": [], "pleasure": [], "shares": []}
    rows = rows.tail(MOST_STEPS)
    shares = (
        rows.select((pl.col(name) * 1000).round().cast(pl.Int32) for name in categories).rows() if categories else []
    )
    return {
        "times": rows["time"].dt.epoch("ms").to_list(),
        "horizons": rows["horizon"].to_list(),
        "pleasure": rows["pleasure"].cast(pl.Float64).round(3).fill_nan(None).to_list(),
        "shares": [None if None in row else list(row) for row in shares],
    }


def _true_series(rows: pl.DataFrame | None, categories: list[str]) -> dict[str, list[Any]] | None:
    if rows is None:
        return None
    rows = rows.tail(MOST_STEPS)
    return {
        "times": rows["time"].dt.epoch("ms").to_list(),
        "pleasure": rows["pleasure"].round(3).to_list(),
        "category": [categories.index(name) if name in categories else -1 for name in rows["category"]],
    }


def _items(content: ReportContent) -> pl.DataFrame:
    """network, user_id, title, value, reason, chance (of a click, in truth; null where not known), best first."""
    rows = content.recommendations
    if rows.is_empty():
        return rows
    titles = (
        content.items if content.items is not None else pl.DataFrame(schema={"item_id": pl.String, "title": pl.String})
    )
    chances = click_chances(content)
    if chances.is_empty():
        chances = pl.DataFrame(schema={"user_id": pl.String, "item_id": pl.String, "chance": pl.Float64})
    return (
        rows.filter(pl.col("rank") <= MOST_ITEMS)
        .join(titles.select("item_id", "title").unique("item_id"), on="item_id", how="left")
        .join(chances, on=["user_id", "item_id"], how="left")
        .sort("rank")
        .select(
            *PERSON,
            pl.coalesce("title", "item_id").alias("title"),
            pl.col("value").cast(pl.Float64).round(3).fill_nan(None),
            "reason",
            pl.col("chance").round(3),
        )
    )


def _ties(influence: pl.DataFrame, people: pl.DataFrame, most: int = 4) -> dict[int, dict[str, list[Any]]]:
    """For each person the strongest pairs: [name of the other, effect, strength], by whom moved and whom moving."""
    if influence.is_empty() or people.is_empty():
        return {}
    found: dict[int, dict[str, list[Any]]] = {int(k): {"moved": [], "moves": []} for k in people["person"]}
    label = {(n, u): (int(k), name) for k, n, u, name in people.select("person", *PERSON, "label").iter_rows()}
    rows = influence.sort("strength", descending=True).select("network", "source_id", "target_id", "effect", "strength")
    for network, source_id, target_id, effect, strength in rows.iter_rows():
        ends = label.get((network, source_id)), label.get((network, target_id))
        for key, me, other, name in (("moved", ends[1], ends[0], source_id), ("moves", ends[0], ends[1], target_id)):
            if me is not None and len(found[me[0]][key]) < most:
                found[me[0]][key].append([other[1] if other else name, round(effect, 4), round(strength, 4)])
    return found
