"""Demand as a table: what a person, a group, a mood or a network wants, now and lately (DESIGN 5)."""

from pathlib import Path

import numpy as np
import polars as pl

from emotide.api.frames import who_and_when
from emotide.api.items import chooser_over
from emotide.api.recommending import Scene, moods_of
from emotide.model.trace import states_before
from emotide.recommend.demand import clusters, topic_values, wanted

BY = ("network", "mood", "group", "user")
GROUPS = 5  # clusters of H


def demand_table(scene: Scene, by: str, user: str | None, moments: int, least: int) -> pl.DataFrame:
    """group, time, topic, value, share, n, change: see `Emotide.demand`."""
    trained, timeline = scene.trained, scene.timeline
    chooser, items = chooser_over(trained, scene.recommender, scene.log)
    topics, belongs = topics_of(items.tags)
    asked = np.arange(len(timeline.users))
    if user is not None:
        asked = np.flatnonzero((timeline.users["user_id"] == user).to_numpy())
        by, least = "user", 1
    last = timeline.networks["steps"].to_numpy()[timeline.users["network_row"].to_numpy()][asked]
    steps = np.maximum(last - np.arange(moments)[:, None], 0)  # the latest first
    who = np.tile(asked, moments)
    Hs, Ms = states_before(trained.model, timeline, scene.vectors, scene.shown, who, steps.ravel())
    frames, groups, names = [], np.zeros(0, int), [""]
    for back, step in enumerate(steps):  # the groups of the latest are those of all moments, but for moods
        H, M = (each[back * len(asked) : (back + 1) * len(asked)] for each in (Hs, Ms))
        if not back or by == "mood":
            groups, names = _groups(by, scene, asked, H, M)
        mean, share, n = wanted(topic_values(chooser.scores(H), belongs), groups, len(names), least)
        time = who_and_when(timeline, asked, step - 1)["time"].max()
        k, topic = (place.ravel() for place in np.indices(mean.shape))
        frames.append(
            pl.DataFrame({"group": [names[i] for i in k], "topic": [topics[i] for i in topic], "value": mean.ravel(),
                          "share": share.ravel(), "n": n[k]}).with_columns(pl.lit(time).alias("time"))
        )  # fmt: skip
    table = pl.concat(frames).filter(pl.col("value").is_not_nan())
    change = pl.col("value") - pl.col("value").shift(1).over("group", "topic", order_by="time")
    return table.with_columns(change.alias("change")).select(
        "group", "time", "topic", "value", "share", "n", "change"
    ).sort("time", "group", "value", descending=[True, False, True])  # fmt: skip


def draw_demand(table: pl.DataFrame, file: Path) -> None:
    """Draw each topic's value: a line over time, or a bar where there is one moment; a panel a group."""
    from matplotlib.figure import Figure

    groups = table["group"].unique(maintain_order=True).to_list()[:9]
    figure = Figure(figsize=(7, 2.2 * max(1, len(groups))), layout="constrained")
    for place, group in enumerate(groups):
        axes = figure.add_subplot(len(groups), 1, place + 1)
        rows = table.filter(pl.col("group") == group)
        axes.set_title(f"{group} ({int(rows['n'][0])})", fontsize=9, loc="left")
        if rows["time"].n_unique() == 1:
            axes.barh(rows["topic"].to_list()[::-1], rows["value"].to_list()[::-1])
            continue
        for topic in rows["topic"].unique(maintain_order=True).to_list():
            line = rows.filter(pl.col("topic") == topic).sort("time")
            axes.plot(line["time"].to_list(), line["value"].to_list(), label=topic)
        axes.legend(fontsize=7, ncols=4)
    figure.savefig(file)


def topics_of(tags: list[str | None]) -> tuple[list[str], np.ndarray]:
    """The tags of the items in order, and which items have them; an item without a tag is of the topic '(none)'."""
    own = [{tag.strip() for tag in (text or "").split(",") if tag.strip()} or {"(none)"} for text in tags]
    topics = sorted(set().union(*own))
    return topics, np.array([[topic in held for held in own] for topic in topics])


def _groups(by: str, scene: Scene, asked: np.ndarray, H: np.ndarray, M: np.ndarray) -> tuple[np.ndarray, list[str]]:
    users = scene.timeline.users
    if by == "group":
        found = clusters(H, GROUPS)
        return found, [f"group {k + 1}" for k in range(int(found.max(initial=0)) + 1)]
    if by == "mood":
        told = moods_of(scene.trained, scene.space, H, M)
    elif by == "user":
        told = users["user_id"].gather(asked).to_list()
    else:
        told = users["network"].gather(asked).to_list()
    names = sorted(set(told))
    return np.array([names.index(name) for name in told], int), names
