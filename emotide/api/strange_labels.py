"""Labels that name a space, or a category of one, that is not known: kept, since it may be added later, and told."""

from collections.abc import Iterable, Mapping
from itertools import groupby

from emotide.log.mapping import near
from emotide.model import EmotionSpace

SHOWN = 10  # categories of a space that are named, at most
NOWHERE = (
    "labels are of space {space!r}, which is not known yet: add it with 'emotide spaces --add FILE --store STORE', "
    "or it is made of the names in these labels"
)


def strange_labels(counts: Iterable[tuple[str, str, int]], known: Mapping[str, EmotionSpace]) -> list[str]:
    """A line for each space that is not known, or that lacks categories which labels of it name.

    Args:
        counts: space, category ("" for none) and number of labels, sorted.
        known: the spaces of which a file tells, by name.
    """
    lines = []
    for space, rows in groupby(counts, key=lambda row: row[0]):
        named = [(category, n) for _, category, n in rows]
        if space not in known:
            count = sum(n for _, n in named)
            lines.append(f"{count} {NOWHERE.format(space=space)}{near(space, known)}")
        elif lacking := [(name, n) for name, n in named if name and name not in known[space].names]:
            shown = ", ".join(f"{name!r} ({n})" for name, n in lacking[:SHOWN])
            more = f" and {len(lacking) - SHOWN} more" if len(lacking) > SHOWN else ""
            told = f"labels of space {space!r} name categories that it does not have: {shown}{more}"
            lines.append(f"{told}: they are left out of training")
    return lines
