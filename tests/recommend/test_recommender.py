import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from emotide.errors import BadInput, ModelMismatch
from emotide.recommend import LOSSES, QConfig, Recommender, Transitions

QUICK = QConfig(width=8, steps=15, batch=32)


def log(n: int = 60, state: int = 3, items: int = 6, seed: int = 0) -> Transitions:
    rng = np.random.default_rng(seed)
    H = rng.normal(size=(n, state))
    return Transitions.from_feedback(np.arange(n) % 7, np.arange(n), H, rng.integers(0, items, n), rng.normal(size=n))


VECTORS = np.random.default_rng(9).normal(size=(6, 4))
H = np.random.default_rng(8).normal(size=(11, 3))


@pytest.fixture
def fitted() -> Recommender:
    return Recommender.fit(log(), VECTORS, QUICK, candidates=np.array([True] * 5 + [False]))


def test_what_is_saved_is_what_is_loaded(fitted, tmp_path):
    fitted.save(tmp_path / "new" / "model")
    loaded = Recommender.load(tmp_path / "new" / "model")
    np.testing.assert_array_equal(loaded.scores(H), fitted.scores(H))
    np.testing.assert_array_equal(loaded.neutral(), fitted.neutral())
    for name in ("item", "value", "propensity", "explored"):
        np.testing.assert_array_equal(getattr(loaded.recommend(H, 3), name), getattr(fitted.recommend(H, 3), name))
    assert loaded.config == fitted.config
    for one, other in zip(loaded.target.parameters(), fitted.target.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_folder_holds_nothing_of_any_person(fitted, tmp_path):
    fitted.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"recommender.json", "recommender.safetensors"}
    saved = load_file(tmp_path / "recommender.safetensors").values()
    assert not any(len(tensor) == 60 for tensor in saved if tensor.ndim)  # rows of the log
    assert len(Recommender.load(tmp_path).memory) == 0


def spoil(head: dict) -> dict:
    return {"format": head | {"format": 99}, "state": head | {"state": 4}, "config": head | {"config": {"gamma": 1}},
            "loss": head | {"config": head["config"] | {"loss": "magic"}}, "whole": []}  # fmt: skip


@pytest.mark.parametrize("what", ["format", "state", "config", "loss", "whole"])
def test_another_version_is_refused(fitted, tmp_path, what):
    fitted.save(tmp_path)
    head = json.loads((tmp_path / "recommender.json").read_text())
    (tmp_path / "recommender.json").write_text(json.dumps(spoil(head)[what]))
    with pytest.raises(ModelMismatch, match="fit it again"):
        Recommender.load(tmp_path)


@pytest.mark.parametrize("name", ["recommender.json", "recommender.safetensors"])
def test_a_broken_folder_is_refused(fitted, tmp_path, name):
    with pytest.raises(ModelMismatch, match="no readable recommender"):
        Recommender.load(tmp_path)
    fitted.save(tmp_path)
    (tmp_path / name).write_bytes(b"{")
    with pytest.raises(ModelMismatch, match="no readable recommender"):
        Recommender.load(tmp_path)


def test_the_same_seed_learns_the_same_and_leaves_torchs_alone():
    torch.manual_seed(5)
    first = Recommender.fit(log(), VECTORS, QUICK).scores(H)
    after = torch.rand(1)
    torch.manual_seed(6)
    np.testing.assert_array_equal(Recommender.fit(log(), VECTORS, QUICK).scores(H), first)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(1), after)
    other = Recommender.fit(log(), VECTORS, QUICK.model_copy(update={"seed": 1})).scores(H)
    assert not np.array_equal(other, first)


def test_slates_keep_to_candidates_and_exclusions(fitted):
    exclude = np.zeros((11, 6), bool)
    exclude[:, 0] = exclude[3] = True
    got = fitted.recommend(H, 6, epsilon=1.0, exclude=exclude)
    assert set(np.unique(got.item)) == {-1, 1, 2, 3, 4}
    assert (got.item[3] == -1).all()
    shown = got.item >= 0
    np.testing.assert_array_equal(got.value[shown], np.take_along_axis(fitted.scores(H), got.item, 1)[shown])


def test_many_users_are_ranked_in_blocks(fitted, monkeypatch):
    whole = fitted.recommend(H, 3, epsilon=0.0)
    monkeypatch.setattr("emotide.recommend.recommender.BLOCK", 13)
    np.testing.assert_array_equal(fitted.recommend(H, 3, epsilon=0.0).item, whole.item)
    assert fitted.recommend(H[:0], 3).item.shape == (0, 3)


def test_epsilon_is_the_configs_unless_given(fitted):
    many = np.repeat(H, 200, axis=0)
    assert 0.04 < fitted.recommend(many, 1).explored.mean() < 0.13  # ε (1 − 1/5) = 0.08
    assert not fitted.recommend(many, 1, epsilon=0.0).explored.any()


def test_progress_is_told():
    told = []
    Recommender.fit(log(), VECTORS, QUICK, progress=lambda *args: told.append(args))
    steps = told[-1][1]
    assert [step for step, _, _ in told] == list(range(1, steps + 1))
    assert told[-1][2].startswith("loss ")


@pytest.mark.parametrize("loss", LOSSES)
def test_the_unit_of_the_reward_changes_nothing(loss):
    config, rows = QUICK.model_copy(update={"loss": loss}), log()
    one = Recommender.fit(rows, VECTORS, config).scores(H)
    stars = Recommender.fit(replace(rows, reward=rows.reward * 100), VECTORS, config).scores(H)
    np.testing.assert_allclose(stars, 100 * one, rtol=1e-3, atol=0.02)


def test_every_online_step_learns_from_the_new_reward(fitted, monkeypatch):
    replayed, new = [], log(9, seed=1)
    monkeypatch.setattr(fitted.learner, "step", lambda rows, rate: replayed.append(rows))
    fitted.learn(new)
    assert [rows.reward[0] for rows in replayed] == new.reward.tolist()
    assert {len(rows) for rows in replayed} == {QUICK.online_batch}
    assert len(fitted.memory) == 69


def test_a_longer_log_is_kept_whole():
    assert len(Recommender.fit(log(), VECTORS, QUICK.model_copy(update={"memory": 5})).memory) == 60


def test_bad_input_reads_well(fitted):
    with pytest.raises(BadInput, match="0 feedbacks on 6 items"):
        Recommender.fit(log(0), VECTORS, QUICK)
    with pytest.raises(BadInput, match="60 feedbacks on 0 items"):
        Recommender.fit(log(), VECTORS, QUICK, candidates=np.zeros(6, bool))
    with pytest.raises(BadInput, match="not among the 6"):
        Recommender.fit(log(items=8), VECTORS, QUICK)
    with pytest.raises(BadInput, match="not among the 6"):
        fitted.learn(log(items=8))
    for asked in (lambda: fitted.recommend(H[:, :2], 1), lambda: fitted.learn(log(state=2))):
        with pytest.raises(ModelMismatch, match="reads states of width 3, these have 2"):
            asked()
