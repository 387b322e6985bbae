"""Scores against scikit-learn and the formulas themselves."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score

from emotide.train.metrics import calibration_error, categorical, dimensional, several

SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed, rows=40, names=4):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(names), rows), rng.integers(0, names, rows)


@given(SEEDS, st.integers(2, 40))
def test_categories_are_scored_as_scikit_learn_does(seed, rows):
    probability, truth = drawn(seed, rows)
    got, answer = categorical(probability, truth), probability.argmax(1)
    assert got["n"] == rows
    assert got["accuracy"] == pytest.approx(accuracy_score(truth, answer))
    for average in ("weighted", "macro"):
        assert got[f"{average}_f1"] == pytest.approx(f1_score(truth, answer, average=average, zero_division=0))
    assert got["nll"] == pytest.approx(log_loss(truth, probability, labels=range(4)))
    met = [c for c in range(4) if 0 < (truth == c).sum() < rows]
    wanted = [roc_auc_score(truth == c, probability[:, c]) for c in met]
    assert got["auc"] == (pytest.approx(np.mean(wanted)) if met else None)


def test_auc_is_the_chance_that_a_right_row_scores_above_a_wrong_one():
    probability = np.array([[0.9, 0.1], [0.4, 0.6], [0.6, 0.4], [0.4, 0.6]])
    # of four pairs (positive, negative) for category 1: .6 > .1, .6 > .4, .6 > .1, .6 > .4 … and one is turned
    assert categorical(probability, np.array([0, 1, 1, 0]))["auc"] == pytest.approx((0.5 + 1 + 1 + 0) / 4)


def test_one_category_alone_has_no_auc_and_no_rows_no_scores():
    assert categorical(np.array([[0.8, 0.2]]), np.array([0]))["auc"] is None
    empty = categorical(np.zeros((0, 3)), np.zeros(0, int))
    assert empty == {
        "weighted_f1": None,
        "macro_f1": None,
        "accuracy": None,
        "auc": None,
        "nll": None,
        "ece": None,
        "n": 0,
    }


@given(SEEDS)
def test_calibration_error_is_the_weighted_gap_of_fifteen_bins(seed):
    probability, truth = drawn(seed, names=2)
    bins = {}
    for row, right in zip(probability, truth, strict=True):
        bins.setdefault(min(int(row.max() * 15), 14), []).append((row.max(), row.argmax() == right))
    gaps = [abs(sum(c - bool(r) for c, r in held)) for held in bins.values()]
    assert calibration_error(probability, truth) == pytest.approx(sum(gaps) / len(truth))


def test_certain_and_right_is_calibrated_and_certain_and_wrong_is_not():
    sure = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert calibration_error(sure, np.array([0, 1])) == 0
    assert calibration_error(sure, np.array([1, 0])) == 1


@given(SEEDS)
def test_coordinates_are_scored_by_concordance_correlation_and_error(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(30, 2)), rng.normal(size=(30, 2))
    y[rng.random((30, 2)) < 0.3] = np.nan
    ccc, pearson, mae = [], [], []
    for k in range(2):
        a, b = zip(*[(p, q) for p, q in zip(x[:, k], y[:, k], strict=True) if not math.isnan(q)], strict=True)
        n, ma, mb = len(a), sum(a) / len(a), sum(b) / len(b)
        sab = sum((p - ma) * (q - mb) for p, q in zip(a, b, strict=True)) / n
        saa, sbb = sum((p - ma) ** 2 for p in a) / n, sum((q - mb) ** 2 for q in b) / n
        ccc.append(2 * sab / (saa + sbb + (ma - mb) ** 2))  # Lin 1989
        pearson.append(sab / math.sqrt(saa * sbb))
        mae.append(sum(abs(p - q) for p, q in zip(a, b, strict=True)) / n)
    got = dimensional(x, y)
    assert got == {
        "ccc": pytest.approx(sum(ccc) / 2),
        "pearson": pytest.approx(sum(pearson) / 2),
        "mae": pytest.approx(sum(mae) / 2),
        "n": 30,
    }


def test_concordance_punishes_what_correlation_forgives():
    truth = np.linspace(-1, 1, 9)[:, None]
    assert dimensional(truth, truth)["ccc"] == pytest.approx(1)
    moved = dimensional(truth + 1, truth)
    assert moved["pearson"] == pytest.approx(1)
    assert moved["ccc"] < 0.6


def test_a_constant_has_no_concordance():
    assert dimensional(np.ones((4, 1)), np.arange(4.0)[:, None]) == {"ccc": None, "pearson": None, "mae": None, "n": 4}
    assert dimensional(np.ones((0, 1)), np.ones((0, 1)))["n"] == 0


def test_several_categories_at_once_are_questions_of_their_own():
    truth = np.array([[1, 1, 0], [1, 0, 0], [0, 1, 0], [0.4, 0, 0]])
    read = np.array([[0.9, 0.3, 0.1], [0.6, 0.2, 0.7], [0.7, 0.8, 0.1], [0.1, 0.1, 0.2]])
    got = several(read, truth)
    assert got["several_macro_f1"] == pytest.approx((2 * 2 / 5 + 2 * 1 / 3) / 2)  # of the two that are ever true
    assert got["several_auc"] == pytest.approx((3 / 4 + 4 / 4) / 2)
    assert got["several_precision"] == pytest.approx((1 + 1 / 2 + 1 + 1) / 4)
    assert set(several(np.zeros((0, 3)), np.zeros((0, 3))).values()) == {None}
