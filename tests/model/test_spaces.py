"""Emotion spaces: names with places, points of affect space, and readings in any of them (DESIGN 3.5)."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from emotide.errors import BadInput, UnknownName
from emotide.model import EmotionSpace, Readings, built_in, read_space, space_named
from emotide.model.conversion import converted
from emotide.model.spaces import LabelEncoder

AFFECT, WIDTH = 7, 5


def test_every_built_in_space_is_well_formed():
    spaces = built_in()
    assert {"polarity", "ekman", "plutchik", "pad", "meld", "mood_report"} <= set(spaces)
    for name, space in spaces.items():
        assert space.name == name
        assert len(space.names) == len(set(space.names)) >= 2
        assert space.pad.shape == (len(space.names), 3)
        assert space.pad.abs().max() <= 1
        assert not (space.dimensional and space.categories)


def test_one_emotion_has_one_place_in_all_spaces():
    places = {}
    for space in built_in().values():
        for name, category in space.categories.items():
            assert places.setdefault(name, category.pad) == category.pad


def test_pleasure_tells_good_from_bad():
    spaces = built_in()
    polarity = dict(zip(spaces["polarity"].names, spaces["polarity"].pad[:, 0].tolist(), strict=True))
    assert polarity["negative"] < polarity["neutral"] == 0 < polarity["positive"]
    ekman = dict(zip(spaces["ekman"].names, spaces["ekman"].pad[:, 0].tolist(), strict=True))
    assert ekman["joy"] > 0 > max(ekman[name] for name in ("anger", "sadness", "fear", "disgust"))


def test_an_unknown_space_is_told_with_the_nearest():
    with pytest.raises(UnknownName, match="space 'ekmann' is not known; did you mean 'ekman'"):
        space_named("ekmann", built_in())


def test_ordered_takes_these_names_in_this_order():
    ekman = built_in()["ekman"]
    some = ekman.ordered(["sadness", "anger"])
    assert some.names == ["sadness", "anger"]
    assert torch.equal(some.pad[0], ekman.pad[ekman.names.index("sadness")])
    with pytest.raises(UnknownName, match="'bliss' is not known"):
        ekman.ordered(["bliss"])


@pytest.mark.parametrize("text", [
    'name = "x"', 'name = "x"\n[categories.a]\npad = [0, 0]', 'name = "x"\n[categories.a]\npad = [0, 0, 0]\ncolour = 1',
    'name = "x"\n[categories.a]\npad = [0, 0, 0]\n[dimensions.b]\npad = [1, 0, 0]', "name = ", "\x00",
])  # fmt: skip
def test_a_file_that_is_no_space_is_told(tmp_path, text):
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(BadInput, match=r"x\.toml"):
        read_space(tmp_path / "x.toml")
    with pytest.raises(BadInput, match=r"none\.toml"):
        read_space(tmp_path / "none.toml")


def test_a_space_from_a_file(tmp_path):
    (tmp_path / "x.toml").write_text(
        'name = "x"\n[categories.calm]\npad = [0.3, -0.5, 0.2]\n[categories.wild]\npad = [0, 0.9, 0]'
    )
    space = read_space(tmp_path / "x.toml")
    assert space.names == ["calm", "wild"]
    assert_close(space.pad[0], torch.tensor([0.3, -0.5, 0.2]))


@pytest.mark.parametrize("name", sorted(built_in()))
def test_a_space_is_what_its_file_says(tmp_path, name):
    (tmp_path / "x.toml").write_text(built_in()[name].toml(), "utf-8")
    assert read_space(tmp_path / "x.toml") == built_in()[name]


def encoder():
    torch.manual_seed(0)
    made = LabelEncoder(WIDTH, AFFECT).double()
    with torch.no_grad():
        made.sharpness.fill_(0.7)
        made.centre.normal_()
    return made


def test_points_are_pad_and_the_projected_names_seen_from_the_centre():
    made, pad, names = encoder(), torch.randn(4, 3).double(), torch.randn(4, WIDTH).double()
    got = made.points(pad, names)
    for k in range(4):
        centred = names[k] - made.centre
        unit = centred / centred.square().sum().sqrt()
        assert_close(got[k], torch.cat([pad[k], made.W.weight @ unit]))


def test_logits_are_nearness_in_pad_and_likeness_in_the_rest():
    made, Y, points = encoder(), torch.randn(5, AFFECT).double(), torch.randn(3, AFFECT).double()
    got = made.logits(Y, points)
    sharp = math.log(1 + math.exp(0.7))
    for i in range(5):
        for c in range(3):
            distance = sum((Y[i, a] - points[c, a]) ** 2 for a in range(3))
            alike = sum(Y[i, a] * points[c, a] for a in range(3, AFFECT))
            assert_close(got[i, c], alike - sharp * distance)


@given(st.integers(0, 2**32 - 1))
def test_probabilities_of_every_space_sum_to_one_and_coordinates_keep_to_their_range(model, seed):
    Y = 2 * torch.randn(4, 7, generator=torch.Generator().manual_seed(seed))
    for name, space in built_in().items():
        read = model.readings.read(name, Y)
        assert read.shape == (4, len(space.names))
        if space.dimensional:
            ends = space.dimensions.values()
            assert (read >= torch.tensor([end.low for end in ends])).all()
            assert (read <= torch.tensor([end.high for end in ends])).all()
            continue
        assert (read >= 0).all()
        assert_close(read.sum(1), torch.ones(4))


def test_the_axes_of_affect_space_read_the_coordinates_themselves(model):
    Y = torch.randn(6, 7)
    assert_close(model.readings.scores("pad", Y), Y[:, :3])
    assert_close(model.readings.read("pad", Y), Y[:, :3].clamp(-1, 1))


def test_a_dimension_of_another_range_and_place():
    stars = EmotionSpace.model_validate(
        {
            "name": "stars",
            "dimensions": {
                "pleasure": {"pad": (1, 0, 0), "low": 1, "high": 5},
                "warm": {"pad": (0.5, 0, 0.5), "low": 0},
            },
        }
    )
    readings = Readings(AFFECT, WIDTH, {})
    readings.add(stars, torch.randn(2, WIDTH))
    Y = torch.randn(3, AFFECT)
    got, point = readings.read("stars", Y), readings.points("stars")[1]
    for i in range(3):
        assert_close(got[i, 0], (1 + 4 * (Y[i, 0] + 1) / 2).clamp(1, 5))
        assert_close(got[i, 1], (torch.tanh(Y[i] @ point) + 1) / 2)


def test_categories_are_the_softmax_of_nearness_and_frequency(model):
    Y = torch.randn(3, 7)
    points, bias = model.readings.points("ekman"), model.readings.bias[model.readings.trained.index("ekman")]
    logits = model.readings.encoder.logits(Y, points) + bias
    assert_close(model.readings.read("ekman", Y), logits.exp() / logits.exp().sum(1, keepdim=True))
    other = model.readings.points("plutchik")  # has no labels in training: no frequencies
    assert_close(model.readings.read("plutchik", Y), torch.softmax(model.readings.encoder.logits(Y, other), 1))


def test_a_space_added_later_is_readable_at_once():
    readings, Y = Readings(AFFECT, WIDTH, {}), torch.randn(2, AFFECT)
    with pytest.raises(UnknownName, match="space 'tides' is not known"):
        readings.read("tides", Y)
    tides = EmotionSpace.model_validate(
        {"name": "tides", "categories": {"ebb": {"pad": (-0.9, 0, 0)}, "flow": {"pad": (0.9, 0, 0)}}}
    )
    readings.add(tides, torch.zeros(2, WIDTH))
    glad, grim = torch.zeros(2, AFFECT)
    glad[0], grim[0] = 0.9, -0.9
    read = readings.read("tides", torch.stack([glad, grim]))
    assert read[0, 1] > 0.9
    assert read[1, 0] > 0.9


def test_reported_categories_are_the_mean_of_their_points_by_share(model):
    points = model.readings.points("ekman")
    target = torch.tensor([[0.25, 0, 0.75, 0, 0, 0]])
    assert_close(model.readings.reported("ekman", target)[0], 0.25 * points[0] + 0.75 * points[2])


def test_reported_coordinates_are_that_place(model):
    target = torch.tensor([[0.5, -0.25, float("nan")], [float("nan")] * 3])
    got = model.readings.reported("pad", target)
    assert_close(got[:, :3], torch.tensor([[0.5, -0.25, 0.0], [0.0, 0.0, 0.0]]))


def words(name, names, multi=False):
    entries = {each: {"pad": (0.1 * k, -0.1 * k, 0.2)} for k, each in enumerate(names)}
    return EmotionSpace.model_validate({"name": name, "categories": entries, "multi": multi})


def test_an_emotion_is_one_point_in_whichever_space():
    readings, vectors = Readings(AFFECT, WIDTH, {}), torch.randn(5, WIDTH)
    readings.encoder.start(vectors)
    spaces = built_in()
    readings.add(spaces["ekman"].ordered(["joy", "fear"]), vectors[[0, 1]])
    readings.add(spaces["plutchik"].ordered(["trust", "fear", "joy"]), vectors[[2, 1, 0]])
    assert_close(readings.points("ekman"), readings.points("plutchik")[[2, 1]])


def test_points_start_as_alike_as_names_are():
    torch.manual_seed(1)
    made, names = LabelEncoder(20, 3 + 8), torch.randn(6, 20)
    made.start(names)
    got, seen = made.points(torch.zeros(6, 3), names)[:, 3:].detach(), made.seen(names)
    assert_close(got @ got.T, (got[0] @ got[0]) * (seen @ seen.T), rtol=1e-4, atol=1e-4)
    assert float(got.norm(dim=1).mean()) == pytest.approx(1, abs=1e-5)


def test_a_new_emotion_in_a_trained_space_leaves_the_scores_of_the_others():
    vectors, Y = torch.randn(4, WIDTH), torch.randn(3, AFFECT)
    readings = Readings(AFFECT, WIDTH, {"x": words("x", "abc")})
    with torch.no_grad():
        readings.bias[0].copy_(torch.tensor([1.0, 2.0, 6.0]))
    readings.add(words("x", "abc"), vectors[:3])
    before = readings.scores("x", Y)
    readings.add(words("x", "abcd"), vectors)
    got = readings.scores("x", Y)
    assert_close(got[:, :3], before)
    assert_close(got[:, 3], readings.encoder.logits(Y, readings.points("x"))[:, 3] + 3.0)  # as frequent as the mean
    readings.add(words("x", "abc").ordered("ca"), vectors[[2, 0]])
    assert_close(readings.scores("x", Y), before[:, [2, 0]])


def test_several_emotions_at_once_have_a_probability_each_where_that_was_trained():
    many, vectors, Y = words("x", "abc", multi=True), torch.randn(3, WIDTH), torch.randn(4, AFFECT)
    trained, later = Readings(AFFECT, WIDTH, {"x": many}), Readings(AFFECT, WIDTH, {})
    for readings in (trained, later):
        readings.add(many, vectors)
    assert_close(trained.read("x", Y), torch.sigmoid(trained.scores("x", Y)))
    assert_close(later.read("x", Y).sum(1), torch.ones(4))  # one at a time, as long as nobody says more
    point = trained.reported("x", torch.tensor([[1.0, 1.0, 0.0]]))
    assert_close(point[0], trained.points("x")[:2].mean(0))


def test_valence_from_1_to_5_is_pleasure(model):
    Y = torch.tensor([[0.5, -1.0, 0.0, 9, 9, 9, 9], [7.0, 0, 0, 0, 0, 0, 0]])
    assert_close(model.readings.read("vad", Y), torch.tensor([[4.0, 1.0, 3.0], [5.0, 3.0, 3.0]]))
    assert_close(model.readings.reported("vad", torch.tensor([[4.0, 1.0, 3.0]]))[0, :3], torch.tensor([0.5, -1.0, 0]))


@pytest.mark.parametrize("space", [
    words("x", "a"), words("x", "a", multi=True),
    EmotionSpace.model_validate({"name": "x", "dimensions": {"warm": {"pad": (0.5, 0, 0.5), "low": 0, "high": 10}}}),
])  # fmt: skip
@pytest.mark.parametrize("rows", [0, 1, 3])
@pytest.mark.parametrize("trained", [False, True])
def test_a_space_of_one_name_and_batches_of_no_rows(space, rows, trained):
    readings = Readings(AFFECT, WIDTH, {"x": space} if trained else {})
    readings.add(space, torch.randn(1, WIDTH))
    read = readings.read("x", torch.randn(rows, AFFECT))
    assert read.shape == (rows, 1)
    assert read.isfinite().all()
    assert readings.reported("x", read).shape == (rows, AFFECT)


def test_an_unknown_space_is_one_clear_error_everywhere(model):
    for ask in (model.readings.read, model.readings.scores, model.readings.reported):
        with pytest.raises(UnknownName, match="space 'ekmann' is not known; did you mean 'ekman'"):
            ask("ekmann", torch.zeros(0, 7))
    with pytest.raises(UnknownName, match="space 'ekmann' is not known"):
        model.readings.points("ekmann")


def test_every_name_is_once_in_the_vocabulary(model):
    pad, names = model.readings.vocabulary()
    assert len(pad) == len(names) == len({name for space in built_in().values() for name in space.categories})


@pytest.mark.parametrize(("space", "reason"), [
    ({"name": "x", "dimensions": {"a": {"pad": (1, 0, 0), "low": 5, "high": 1}}}, "low end"),
    ({"name": "x", "multi": True, "dimensions": {"a": {"pad": (1, 0, 0)}}}, "multi is for categories"),
])  # fmt: skip
def test_what_cannot_be_a_space(space, reason):
    with pytest.raises(ValueError, match=reason):
        EmotionSpace.model_validate(space)


def test_the_wheel_at_three_intensities_holds_the_primary_emotions():
    wheel = built_in()["plutchik_intensity"].categories
    assert len(wheel) == 24
    for name, middle in built_in()["plutchik"].categories.items():
        assert wheel[name] == middle
    assert list(wheel)[1::3] == ["joy", "trust", "fear", "surprise", "sadness", "disgust", "anger", "anticipation"]


def test_a_coarser_space_is_read_through_the_trained_one(model):
    """Σ p(c | Y) p(t | c): what both have keeps its probability."""
    Y = torch.randn(4, 7)
    ekman = model.readings.read("ekman", Y)
    assert_close(model.readings.read("polarity", Y), converted(ekman, built_in()["ekman"], built_in()["polarity"]))
    few = built_in()["ekman"].ordered(["joy", "anger"]).model_copy(update={"name": "few"})
    readings = Readings(AFFECT, WIDTH, {"ekman": built_in()["ekman"]})
    for space in (built_in()["ekman"], few):
        readings.add(space, torch.randn(len(space.names), WIDTH))
    got, whole = readings.read("few", Y), readings.read("ekman", Y)
    assert (got[:, 0] > whole[:, 3]).all()  # joy, and what else lies near it
    assert_close(got.sum(1), torch.ones(4))
    same = built_in()["ekman"].model_copy(update={"name": "same"})
    readings.add(same, torch.randn(6, WIDTH))
    assert_close(readings.read("same", Y), whole)
