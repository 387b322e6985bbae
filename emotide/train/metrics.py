"""How good readings are (DESIGN 5): every score is a fraction between 0 and 1, but for nll and mae."""

import warnings

import numpy as np
from jaxtyping import Float, Int

BINS = 15


def categorical(
    probability: Float[np.ndarray, "rows names"],
    truth: Int[np.ndarray, " rows"],
    decided: Int[np.ndarray, " rows"] | None = None,
) -> dict[str, float | int | None]:
    """Weighted and macro F1, accuracy, AUC (one against the rest, mean over the categories met), nll and calibration.

    F1 is over the categories that occur in the truth or in the answers, as scikit-learn has it. F1 and accuracy are of
    what was `decided` on, the most probable category by default; the others are of the probabilities.
    """
    from sklearn.metrics import f1_score

    if not len(truth):
        return {"weighted_f1": None, "macro_f1": None, "accuracy": None, "auc": None, "nll": None, "ece": None, "n": 0}
    answer = probability.argmax(1) if decided is None else decided
    return {
        "weighted_f1": float(f1_score(truth, answer, average="weighted", zero_division=0)),
        "macro_f1": float(f1_score(truth, answer, average="macro", zero_division=0)),
        "accuracy": float((answer == truth).mean()),
        "auc": _auc(probability, truth),
        "nll": float(-np.log(np.clip(probability[np.arange(len(truth)), truth], 1e-12, None)).mean()),
        "ece": calibration_error(probability, truth),
        "n": len(truth),
    }


def calibration_error(probability: Float[np.ndarray, "rows names"], truth: Int[np.ndarray, " rows"]) -> float:
    """Expected calibration error of the top answer, in 15 bins of equal width (Guo et al. 2017)."""
    confidence, right = probability.max(1), probability.argmax(1) == truth
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [abs(right[bins == b].mean() - confidence[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    return float(sum(gaps))


def dimensional(
    coordinates: Float[np.ndarray, "rows names"], truth: Float[np.ndarray, "rows names"]
) -> dict[str, float | int | None]:
    """Concordance (Lin 1989), Pearson correlation and mean absolute error, means over the dimensions."""
    scores = []
    for k in range(truth.shape[1]):
        given = ~np.isnan(truth[:, k])
        x, y = coordinates[given, k].astype(float), truth[given, k].astype(float)
        if len(x) < 2 or x.std() == 0 or y.std() == 0:
            continue
        covariance = ((x - x.mean()) * (y - y.mean())).mean()
        ccc = 2 * covariance / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
        scores.append((ccc, covariance / (x.std() * y.std()), np.abs(x - y).mean()))
    if not scores:
        return {"ccc": None, "pearson": None, "mae": None, "n": len(truth)}
    ccc, pearson, mae = np.mean(scores, 0)
    return {"ccc": float(ccc), "pearson": float(pearson), "mae": float(mae), "n": len(truth)}


def several(
    probability: Float[np.ndarray, "rows names"], truth: Float[np.ndarray, "rows names"]
) -> dict[str, float | None]:
    """Where several categories may hold at once: each is a question of its own, yes from a share of one half on.

    `several_macro_f1` and `several_auc` are means over the categories met, `several_precision` the mean precision at
    each true category of a row's ranking (label ranking average precision).
    """
    from sklearn.metrics import f1_score, label_ranking_average_precision_score

    held, met = truth >= 0.5, (truth >= 0.5).any(0)
    if not met.any():
        return {"several_macro_f1": None, "several_auc": None, "several_precision": None}
    yes = probability >= 0.5
    return {
        "several_macro_f1": float(f1_score(held[:, met], yes[:, met], average="macro", zero_division=0)),
        "several_auc": _mean_auc(probability, held),
        "several_precision": float(label_ranking_average_precision_score(held, probability)),
    }


def _auc(probability: np.ndarray, truth: np.ndarray) -> float | None:
    return _mean_auc(probability, truth[:, None] == np.arange(probability.shape[1]))


def _mean_auc(probability: np.ndarray, held: np.ndarray) -> float | None:
    """One against the rest, mean over the categories that hold in some rows and not in all."""
    from sklearn.metrics import roc_auc_score

    scores = []
    for positive, given in zip(held.T, probability.T, strict=True):
        if positive.any() and not positive.all():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                scores.append(roc_auc_score(positive, given))
    return float(np.mean(scores)) if scores else None
