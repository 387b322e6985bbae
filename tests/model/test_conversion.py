"""Readings made elsewhere go from space to space through the places of both (DESIGN 3.5)."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from emotide.model import EmotionSpace, built_in
from emotide.model.conversion import converted

SPACES = built_in()


def sure(space, name):
    return torch.eye(len(SPACES[space].names))[[SPACES[space].names.index(name)]]


@pytest.mark.parametrize(("name", "polarity"), [
    ("joy", "positive"), ("anger", "negative"), ("sadness", "negative"), ("fear", "negative"), ("disgust", "negative"),
])  # fmt: skip
def test_ekman_becomes_polarity(name, polarity):
    read = converted(sure("ekman", name), SPACES["ekman"], SPACES["polarity"])[0]
    assert SPACES["polarity"].names[int(read.argmax())] == polarity


def test_it_is_the_posterior_to_be_expected():
    source, target = SPACES["ekman"], SPACES["circumplex"]
    shares = torch.rand(3, 6).softmax(1)
    got = converted(shares, source, target)
    for i in range(3):
        expected = [0.0] * 4
        for c in range(6):
            near = [math.exp(-float((source.pad[c] - place).square().sum()) / (2 * 0.09)) for place in target.pad]
            for t in range(4):
                expected[t] += float(shares[i, c]) * near[t] / sum(near)
        assert_close(got[i], torch.tensor(expected), rtol=1e-4, atol=1e-5)


def test_what_both_spaces_have_keeps_its_probability():
    shares = torch.rand(2, 6).softmax(1)
    got = converted(shares, SPACES["ekman"], SPACES["ekman_neutral"])
    assert_close(got[:, [0, 1, 2, 3, 5, 6]], shares)
    assert_close(got[:, 4], torch.zeros(2))


def test_categories_become_their_mean_place_in_the_range_of_the_target():
    shares = torch.tensor([[0, 0, 0, 0.5, 0.5, 0.0]])
    place = SPACES["ekman"].pad[3:5].mean(0)
    assert_close(converted(shares, SPACES["ekman"], SPACES["pad"])[0], place)
    assert_close(converted(shares, SPACES["ekman"], SPACES["vad"])[0], 3 + 2 * place)


def test_coordinates_become_categories_and_other_coordinates():
    read = torch.tensor([[5.0, 3.0, 3.0], [1.0, math.nan, math.nan]])
    assert_close(converted(read, SPACES["vad"], SPACES["pad"]), torch.tensor([[1.0, 0, 0], [-1.0, 0, 0]]))
    assert converted(read, SPACES["vad"], SPACES["polarity"]).argmax(1).tolist() == [2, 0]


@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(SPACES)), st.sampled_from(sorted(SPACES)), st.integers(0, 3))
def test_any_space_becomes_any_other(seed, source, target, rows):
    drawn = torch.rand(rows, len(SPACES[source].names), generator=torch.Generator().manual_seed(seed))
    read = converted(drawn, SPACES[source], SPACES[target])
    assert read.shape == (rows, len(SPACES[target].names))
    if SPACES[target].dimensional:
        low, high = SPACES[target].ends(read)
        assert ((read >= low) & (read <= high)).all()
    else:
        assert_close(read.sum(1), torch.ones(rows))


def test_a_row_of_nothing_is_no_error():
    one = EmotionSpace.model_validate({"name": "one", "categories": {"a": {"pad": (0, 0, 0)}}})
    assert converted(torch.zeros(1, 6), SPACES["ekman"], one).isfinite().all()
