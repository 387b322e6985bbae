"""The measurement of media: its folds, its probe and the form of its figures, on small made sets."""

import zipfile

import numpy as np
import pytest

from emotide.bench import media, probe, run_bench
from emotide.vectors.autoencoder import LearningConfig


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(probe, "FOLDS", 2)
    monkeypatch.setattr(probe, "INNER", 2)
    monkeypatch.setattr(media, "LearningConfig", lambda **given: LearningConfig(epochs=1))
    monkeypatch.setattr(media, "SOUND", 1)
    monkeypatch.setattr(media, "FILES", {"image": (3, "jpg"), "audio": (3, "wav"), "video": (1, "mp4")})


def made_sounds(folder) -> None:
    """Four speakers; who is angry speaks high, who is sad low."""
    import io
    import wave

    folder.mkdir()
    time, rng = np.arange(32_000) / 16_000, np.random.default_rng(0)
    lines, entries = [], {}
    for speaker in ("03", "08", "13", "16"):
        for k in range(12):
            emotion, height = (("anger", 1500), ("sadness", 400))[k % 2]
            sound = 0.3 * np.sin(2 * np.pi * height * rng.uniform(0.8, 1.2) * time) + rng.normal(0, 0.05, len(time))
            body = io.BytesIO()
            with wave.open(body, "wb") as out:
                out.setparams((1, 2, 16_000, 0, "NONE", ""))
                out.writeframes((sound * 20_000).astype("<i2").tobytes())
            entries[f"{speaker}{k}.wav"] = body.getvalue()
            lines.append(f"{speaker}{k}.wav,{speaker},a01,{emotion}\n")
    (folder / "labels.csv").write_text("file,speaker,sentence,emotion\n" + "".join(lines))
    for name in ("emodb_speakers_03_12.zip", "emodb_speakers_13_16.zip"):
        with zipfile.ZipFile(folder / name, "w") as file:
            for entry, content in entries.items():
                file.writestr(entry, content)


def run(name, data):
    return run_bench(name, data, 1, lambda said: None, lambda done, total, what: None)


@pytest.mark.usefixtures("small")
def test_codes_of_what_is_easily_told_apart(tmp_path):
    made_sounds(tmp_path / "emodb")
    found = run("media.codes", tmp_path)  # the other set is not there, and left out
    assert set(found) == {"probe", "reconstruction", "how"}
    assert set(found["probe"]) == {"emodb"}
    assert set(found["probe"]["emodb"]) == {"codes", "pca", "raw"}
    assert min(mean for mean, _ in found["probe"]["emodb"].values()) > 0.95
    assert found["reconstruction"]["emodb"]["codes"] > 0
    assert found["how"]["emodb"]["examples"] == 48


@pytest.mark.usefixtures("small")
def test_throughput_names_the_limit(tmp_path):
    found = media.joined({"throughput": run("media.throughput", tmp_path)})["throughput"]
    for kind in ("image", "audio", "video"):
        assert found[kind]["per_second"] > 0
        assert found[kind]["limit"] in ("decoding", "encoding")
        assert found[kind]["coarse_look_in_decodings"] > 0
        assert set(found[kind]["inside_time_ratio"]) == {"0.25", "0.5"}
        assert min(found[kind]["inside_time_ratio"].values()) > 0


def test_folds_hold_people_out_and_test_everybody_once():
    owner = np.repeat(np.arange(11), 3)
    tested = []
    for train, test in probe.folds(owner, seed=0):
        assert not set(owner[train]) & set(owner[test])
        assert len(train) + len(test) == len(owner)
        tested += test.tolist()
    assert sorted(tested) == list(range(len(owner)))


def test_the_probe_is_the_same_in_the_space_of_the_examples():
    rng = np.random.default_rng(0)
    label = np.array(["a", "b"] * 20)
    x = rng.normal(size=(40, 100)) + (label == "a")[:, None]
    train, test = np.arange(24), np.arange(24, 40)
    wide = probe.probed(x, label, np.arange(40), train, test)
    doubled = probe.probed(np.repeat(x, 3, axis=1) / np.sqrt(3), label, np.arange(40), train, test)
    assert (wide == doubled).mean() > 0.9
    assert (wide == label[test]).mean() > 0.9
    assert (probe.probed(rng.normal(size=(40, 100)), label, np.arange(40), train, test) == label[test]).mean() < 0.9
