"""Why an item is recommended, in one line that says what the numbers say."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float


def reasons(
    value: Float[np.ndarray, " n"],
    neutral: Float[np.ndarray, " n"],
    usual: float,
    titles: Sequence[str],
    moods: Sequence[str],
    explored: Bool[np.ndarray, " n"],
) -> list[str]:
    """One line for every recommended (user, item).

    The distance of a value from that of an average item in the average mood is parted in two:

        Q(H, a) − usual = (Q(H, a) − Q(H̄, a)) + (Q(H̄, a) − usual)
                           what the mood adds      what the item is worth in general

    and the line names the greater part, when it speaks for the item, and the other where it speaks against it.

    Args:
        value: Q(H, a).
        neutral: Q(H̄, a), of the same item at the mean state of all users.
        usual: mean of Q(H̄, a) over all items.
        titles: of the items.
        moods: the word for each user's state.
        explored: the item was shown by chance and not for its value.
    """
    parts = zip((value - neutral).tolist(), (neutral - usual).tolist(), titles, moods, explored.tolist(), strict=True)
    return [_reason(*part) for part in parts]


def _reason(mood: float, general: float, title: str, word: str, chance: bool) -> str:
    if chance:
        return f"{title}: shown by chance, to learn whether it is liked; {mood + general:+.2g} against the average item"
    if mood <= 0 and general <= 0:
        return f"{title}: the best of what is left, though {mood + general:+.2g} against the average item"
    if mood >= general:
        against = f", though {general:+.2g} in general" if general < 0 else ""
        return f"{title}: liked more in this mood ({word}), {mood:+.2g} over the average mood{against}"
    against = f", though {mood:+.2g} in this mood ({word})" if mood < 0 else ""
    return f"{title}: generally liked, {general:+.2g} over the average item{against}"
