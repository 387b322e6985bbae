"""Colours for emotions that people with any colour vision tell apart (Okabe & Ito 2008; Tol's muted scheme)."""

from collections.abc import Sequence

KNOWN = {
    "anger": "#d55e00",
    "disgust": "#009e73",
    "fear": "#b65f9a",
    "joy": "#eebf1f",
    "neutral": "#a3a7ad",
    "sadness": "#0072b2",
    "surprise": "#56b4e9",
    "positive": "#56b4e9",
    "negative": "#d55e00",
    "well": "#56b4e9",
    "distressed": "#d55e00",
    "other": "#c9ccd1",
}
SPARE = ("#cc6677", "#117733", "#88ccee", "#882255", "#999933", "#332288", "#44aa99", "#ddcc77", "#aa4499")


def colours_of(categories: Sequence[str]) -> list[str]:
    """A colour a category: its own where it has one, else the next spare one."""
    strangers = [name for name in categories if name not in KNOWN]
    return [KNOWN[name] if name in KNOWN else SPARE[strangers.index(name) % len(SPARE)] for name in categories]
