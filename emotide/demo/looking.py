"""The part of the page about posts of several modalities: what was attended to, and what codes keep of media."""

import base64
import io

import numpy as np
import polars as pl
from jaxtyping import UInt8

from emotide.demo.content import PERSON, ReportContent
from emotide.demo.curve import curve
from emotide.demo.markup import Markup, join, number, table, tag
from emotide.vectors.encoders import PLURAL

MOST_PEOPLE = 12
STEP = [*PERSON, "time"]


def looking(content: ReportContent) -> Markup | None:
    """Nothing where posts are text alone."""
    if content.attention.is_empty():
        return None
    return tag(
        "section",
        tag("h2", "What is looked at", id="looking-title"),
        tag("p", "How a person's posts of a step share the attention: a text, an image, a sound, a video each for "
            "itself.", class_="lead"),
        _by_modality(content.attention),
        _by_person(content.attention),
        tag("h3", "What the codes keep"),
        tag("p", "Pictures and sounds are read as short codes. Above, what came; below, what is left of it after code "
            "and back. Of sounds: low tones at the bottom, time to the right.", class_="lead"),
        _codes(content),
        *(_pairs(content, kind) for kind in content.pairs),
        curve(content.inside),
        id="looking",
        aria_labelledby="looking-title",
    )  # fmt: skip


def _chosen_between(attention: pl.DataFrame) -> pl.DataFrame:
    """The rows of steps in which a person posted more than one thing, with `even`, the weight were all alike."""
    rows = attention.with_columns((1 / pl.len().over(STEP)).alias("even"))
    return rows.filter(pl.col("even") < 1)


def _by_modality(attention: pl.DataFrame) -> Markup:
    counts = attention.group_by("modality").len()
    mean = _chosen_between(attention).group_by("modality").agg(pl.col("weight", "even").mean())
    rows = counts.join(mean, on="modality", how="left").sort("len", "modality", descending=[True, False])
    cells: list[list[object]] = [
        [PLURAL[name], f"{n:,}", _bar(weight), number(even)] for name, n, weight, even in rows.iter_rows()
    ]
    head = ["Of posts", "read", "weight among several", "were all alike"]
    return table("Attention by modality", head, cells)


def _by_person(attention: pl.DataFrame) -> Markup:
    """How the attention to each of the most active is shared out, over all their steps."""
    names = attention.group_by("modality").len().sort("len", "modality", descending=[True, False])["modality"].to_list()
    total = attention.group_by(PERSON).agg(
        pl.len(), *(pl.col("weight").filter(pl.col("modality") == name).sum().alias(name) for name in names)
    )
    rows = total.sort("len", *PERSON, descending=[True, False, False]).head(MOST_PEOPLE)
    cells: list[list[object]] = [
        [row["user_id"], *(_bar(row[name] / sum(row[other] for other in names)) for name in names)]
        for row in rows.iter_rows(named=True)
    ]
    return table("What tells of the most active", ["Person", *(PLURAL[name] for name in names)], cells)


def _bar(share: float | None) -> Markup:
    bar = tag("span", class_="bar mine", style=f"--share:{min(max(share or 0.0, 0.0), 1.0):.3f}")
    return join(bar, number(share))


def _codes(content: ReportContent) -> Markup:
    cells: list[list[object]] = [
        [PLURAL[kind], f"{one.examples:,}", *(f"{error:.4g}" for error in (one.errors[one.best], one.principal)),
         f"{one.best} of {len(one.errors) - 1}"]
        for kind, one in content.taught.items()
    ]  # fmt: skip
    head = ["Encoder of", "examples", "squared error, held out", "by principal components", "epoch kept"]
    return table("How the encoders were taught, without labels", head, cells)


def _pairs(content: ReportContent, kind: str) -> Markup:
    shown = []
    for k, pair in enumerate(content.pairs[kind], 1):
        came, left = (f"{kind} {k}, {says}" for says in ("as it came", "after code and back"))
        shown.append(tag("span", _image(pair.before, came), _image(pair.after, left), class_="pairing"))
    return tag("figure", *shown, tag("figcaption", PLURAL[kind].capitalize()), class_="pairs")


def _image(pixels: UInt8[np.ndarray, "height width 3"], says: str) -> Markup:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    return tag("img", src=f"data:image/png;base64,{data}", alt=says, width=pixels.shape[1], height=pixels.shape[0])
