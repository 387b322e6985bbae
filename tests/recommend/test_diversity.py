import numpy as np

from emotide.recommend import QConfig, Recommender
from emotide.recommend.diversity import diversified

rng = np.random.default_rng(0)


def test_without_diversity_the_order_is_that_of_values():
    values, vectors = rng.normal(size=(3, 20)).astype(np.float32), rng.normal(size=(20, 4))
    got = diversified(values, np.ones((3, 20), bool), vectors, 5, 0.0)
    np.testing.assert_array_equal(np.argsort(-got, axis=1), np.argsort(-values, axis=1))


def test_marginal_relevance_as_written():
    values, vectors = rng.normal(size=(1, 12)).astype(np.float32), rng.normal(size=(12, 4))
    allowed = np.ones((1, 12), bool)
    allowed[0, 4] = False
    got = diversified(values, allowed, vectors, 4, 0.6)
    centred = vectors - vectors.mean(0)
    cosine = (centred @ centred.T) / np.outer(*(2 * [np.linalg.norm(centred, axis=1)]))
    left = [k for k in range(12) if k != 4]
    v = values[0, left]
    z = dict(zip(left, (v - v.mean()) / v.std(), strict=True))
    chosen: list[int] = []
    for _ in range(4):  # slow and literal
        worth = {a: 0.4 * z[a] - 0.6 * max((cosine[a, b] for b in chosen), default=0.0) for a in left}
        chosen.append(max(worth, key=lambda a: worth[a]))
        left.remove(chosen[-1])
    assert np.argsort(-got[0])[:4].tolist() == chosen
    assert got[0, 4] == -np.inf


def test_slates_of_a_recommender_are_less_alike_and_keep_their_values():
    kinds = np.repeat(np.eye(4), 10, axis=0)
    vectors = kinds + 0.05 * rng.normal(size=(40, 4))
    made, H = Recommender.new(3, vectors, QConfig(width=8)), rng.normal(size=(6, 3))
    alike, mixed = (made.recommend(H, 4, epsilon=0.0, diversity=d) for d in (0.0, 0.9))
    of_kind = lambda got: np.mean([len(set(row // 10)) for row in got.item])  # noqa: E731
    assert of_kind(mixed) > of_kind(alike) + 1
    scores = made.scores(H)
    np.testing.assert_array_equal(mixed.value, np.take_along_axis(scores, mixed.item, 1))
    np.testing.assert_array_equal(mixed.propensity, 1)
