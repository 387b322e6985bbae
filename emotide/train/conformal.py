"""Sets and intervals that hold the truth as often as is asked for (split conformal prediction).

Guarantee (Vovk et al. 2005; Lei et al. 2018): let n rows be set aside that taught the reading nothing, and a further
row be exchangeable with them. Then the set of the further row holds its truth with a probability of at least
`coverage`, for every n and whatever the reading is worth; and, without ties, of at most coverage + 1 / (n + 1). It is a
probability over all n + 1 rows, not one for each kind of row.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from emotide.errors import BadInput


def strangeness(
    probability: Float[np.ndarray, "rows names"], truth: Int[np.ndarray, " rows"]
) -> Float[np.ndarray, " rows"]:
    """How strange each truth is: one minus its probability, in ascending order (Sadinle et al. 2019)."""
    return np.sort(1.0 - probability[np.arange(len(truth)), truth])


def limit(strange: Float[np.ndarray, " aside"], coverage: float) -> float:
    """The ⌈(n + 1) · coverage⌉-th smallest strangeness: what is stranger is left out; infinite where n is too small."""
    rank = int(np.ceil((len(strange) + 1) * coverage - 1e-9))  # 1e-9: 10 · 0.9 is nine, however it is rounded
    return float(strange[rank - 1]) if rank <= len(strange) else float("inf")


def category_sets(
    probability: Float[np.ndarray, "rows names"],
    decided: Int[np.ndarray, " rows"],
    strange: Float[np.ndarray, " aside"],
    coverage: float,
) -> Bool[np.ndarray, "rows names"]:
    """Which categories are not too strange; the one that was decided on is always among them."""
    held = 1.0 - probability <= limit(strange, coverage)
    held[np.arange(len(decided)), decided] = True
    return held


def intervals(
    coordinate: Float[np.ndarray, " rows"], error: Float[np.ndarray, " aside"], coverage: float, low: float, high: float
) -> Float[np.ndarray, "rows 2"]:
    """The ends of each row's interval along one dimension, from ascending absolute errors; within its range."""
    reach = limit(error, coverage)
    return np.clip(np.stack([coordinate - reach, coordinate + reach], 1), low, high)


def checked_coverage(coverage: float) -> float:
    """The coverage, when it is one.

    Raises:
        BadInput: it is not between 0 and 1.
    """
    if not 0 < coverage < 1:
        raise BadInput(f"coverage {coverage} is not between 0 and 1: 0.9 gives sets that hold the truth 9 times in 10")
    return coverage
