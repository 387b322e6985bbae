"""What holds for the vectors of every kind of media."""

import sqlite3
from contextlib import closing
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest

from emotide.errors import ModelMismatch
from emotide.vectors.audio import BANDS, SoundVectors, log_mel, mel_filters
from emotide.vectors.cache import VectorCache
from emotide.vectors.image import ImageVectors
from emotide.vectors.media import MEDIA, content_digest, encode_once
from emotide.vectors.video import VideoVectors

from .conftest import LIMITS, QUICK, draw, film, play, tone

MAKE = {"image": (draw, "jpg"), "audio": (play, "wav"), "video": (film, "mp4")}
WIDTHS = {"image": 6, "audio": 5, "video": 4 + 5}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of each kind: those that teach, and one that is broken."""
    folder = tmp_path_factory.mktemp("media")
    made = {}
    for kind, (make, ending) in MAKE.items():
        made[kind] = [make(folder / f"{kind}{k}.{ending}", k) for k in range(8 if kind == "video" else 14)]
        (folder / f"broken.{ending}").write_bytes(b"\xff\xd8 this is nothing")
        made[kind].append(str(folder / f"broken.{ending}"))
    return made


def taught(files, seed=0):
    image = ImageVectors.fit(files["image"], 6, seed, QUICK, LIMITS, videos=files["video"][:2])
    sound = SoundVectors.fit(files["audio"] + files["video"][:2], 5, seed, QUICK, LIMITS)
    video = VideoVectors.fit(files["video"], image, sound, 4, seed, QUICK, LIMITS)
    return {"image": image, "audio": sound, "video": video}


@pytest.fixture(scope="module")
def encoders(files):
    return taught(files)


@pytest.fixture(params=sorted(MAKE))
def kind(request):
    return request.param


def test_vectors_have_one_width_one_scale_and_a_mask(kind, files, encoders, decoders):
    encoder = encoders[kind]
    found = encoder.encode([None, *files[kind], None], decoders)
    assert encoder.width == WIDTHS[kind]
    assert found.vectors.shape == (len(files[kind]) + 2, WIDTHS[kind])
    assert found.vectors.dtype == np.float32
    assert found.present.tolist() == [False, *[True] * (len(files[kind]) - 1), False, False]
    assert (found.vectors[~found.present] == 0).all()
    assert np.isfinite(found.vectors).all()
    assert 0.5 < np.sqrt((found.vectors[found.present] ** 2).mean()) < 2
    assert [fault is None for fault in found.faults] == [True] * (len(files[kind])) + [False, True]
    assert found.vectors[found.present].std(0).min() > 0.01
    assert min(found.decoding, found.encoding) > 0


def test_no_files_at_all(kind, encoders, decoders):
    for none in ([], [None, None]):
        found = encoders[kind].encode(none, decoders)
        assert found.vectors.shape == (len(none), WIDTHS[kind])
        assert not found.present.any()


def test_a_vector_depends_on_neither_order_nor_company(kind, files, encoders, decoders):
    whole = encoders[kind].encode(files[kind], decoders).vectors
    turned = encoders[kind].encode(files[kind][::-1], decoders).vectors
    np.testing.assert_allclose(turned[::-1], whole, atol=2e-5)
    alone = encoders[kind].encode(files[kind][2:3], decoders).vectors
    np.testing.assert_allclose(alone, whole[2:3], atol=2e-5)


def test_saved_and_loaded_it_is_the_same(kind, files, encoders, decoders, tmp_path):
    for encoder in encoders.values():
        encoder.save(tmp_path)
    back = MEDIA[kind].load(tmp_path)
    assert (back.width, back.digest) == (encoders[kind].width, encoders[kind].digest)
    assert back.learned == encoders[kind].learned
    one, two = (each.encode(files[kind][:4], decoders).vectors for each in (back, encoders[kind]))
    np.testing.assert_array_equal(one, two)
    (tmp_path / f"{kind}.safetensors").write_bytes(b"")
    with pytest.raises(ModelMismatch, match=f"the {kind} vectors cannot be loaded"):
        MEDIA[kind].load(tmp_path)


def test_a_seed_gives_the_same_encoder_and_another_another(files, encoders):
    again, other = taught(files), taught(files, seed=1)
    for kind in MAKE:
        assert again[kind].digest == encoders[kind].digest
        assert other[kind].digest != encoders[kind].digest
        assert again[kind].learned == encoders[kind].learned


def test_it_is_told_how_teaching_went(kind, encoders):
    learned = encoders[kind].learned
    assert learned.examples >= 8
    assert len(learned.errors) == len(learned.losses) == QUICK.epochs + 1
    assert all(np.isfinite([*learned.errors, learned.principal]))
    assert learned.losses[learned.best] == min(learned.losses)


def test_codes_tell_better_than_the_mean(files, encoders, decoders):
    sounds = [tone(1.0, seed) for seed in range(14)]
    assert encoders["audio"].errors(sounds).mean() < 0.7  # in variances: the mean has 1
    first, again = encoders["audio"].pictures(sounds[0])
    assert first.shape == again.shape == (52, BANDS)
    from emotide.vectors.decode import decode_image

    images = np.stack([decode_image(place, 64, LIMITS)[0] for place in files["image"][:14]])
    shown, left = encoders["image"].pictures(images)
    assert np.array_equal(shown, images)
    assert left.dtype == np.uint8
    spread = ((images - images.mean(0)) ** 2).mean()
    assert ((left.astype(float) - images) ** 2).mean() < 0.5 * spread


@pytest.mark.parametrize("given", [[], ["broken"]])
def test_taught_on_nothing_a_code_is_a_projection_that_tells_files_apart(given, kind, files, decoders):
    nothing = {each: [files[each][-1]] if given else [] for each in MAKE}
    encoder = taught(nothing)[kind]
    found = encoder.encode(files[kind], decoders)
    assert found.present.sum() == len(files[kind]) - 1
    assert np.isfinite(found.vectors).all()
    assert len(np.unique(found.vectors[found.present].round(4), axis=0)) == found.present.sum()


def test_equal_content_is_computed_once_whatever_its_name(kind, files, encoders, tmp_path, monkeypatch):
    ending = MAKE[kind][1]
    copy = tmp_path / f"copy.{ending}"
    copy.write_bytes(Path(files[kind][0]).read_bytes())
    cache = VectorCache(tmp_path / "vectors.sqlite")
    asked = []
    encode = type(encoders[kind]).encode
    monkeypatch.setattr(
        type(encoders[kind]), "encode", lambda self, places, *rest: asked.extend(places) or encode(self, places, *rest)
    )
    wanted = [files[kind][0], None, str(copy), files[kind][1], files[kind][-1], str(tmp_path / "nowhere")]
    found = encode_once(encoders[kind], wanted, cache)
    assert len(asked) == 3
    assert {wanted[3], wanted[4]} < set(asked)
    assert found.present.tolist() == [True, False, True, True, False, False]
    assert [fault is None for fault in found.faults] == [True, True, True, True, False, False]
    assert np.array_equal(found.vectors[0], found.vectors[2])
    assert (found.vectors[[1, 4, 5]] == 0).all()
    assert "no file" in found.faults[5]
    asked.clear()
    again = encode_once(encoders[kind], wanted, cache)
    assert asked == [wanted[4]]  # what could not be decoded is tried again, nothing else
    np.testing.assert_array_equal(again.vectors, found.vectors)
    with closing(sqlite3.connect(cache.file)) as kept:
        assert kept.execute("SELECT count(*) FROM vectors_of").fetchone() == (2,)
    copy.write_bytes(Path(files[kind][2]).read_bytes())  # other content under the same name
    assert not np.array_equal(encode_once(encoders[kind], [str(copy)], cache).vectors[0], found.vectors[2])


def test_the_key_is_of_the_weights(files, encoders):
    assert len({encoder.digest for encoder in encoders.values()}) == 3
    before = encoders["image"].digest
    with_other = ImageVectors(encoders["image"].network, encoders["image"].learned, LIMITS)
    assert with_other.digest == before
    other = ImageVectors(deepcopy(encoders["image"].network), encoders["image"].learned, LIMITS)
    other.network.linear.mean.data[0] += 1e-3
    assert other.digest != before
    video = encoders["video"]
    reading_it = VideoVectors(other, video.sound, video.network, video.learned, LIMITS)
    assert reading_it.digest != video.digest
    assert content_digest(files["image"][0], LIMITS) != content_digest(files["image"][1], LIMITS)


def test_a_video_has_its_sound_beside_it(encoders, decoders, tmp_path):
    loud, silent = film(tmp_path / "a.mp4", 0), film(tmp_path / "b.mp4", 0, sound=False)
    found = encoders["video"].encode([loud, silent, film(tmp_path / "c.mp4", 0, pictures=False)], decoders)
    assert found.present.tolist() == [True, True, False]
    np.testing.assert_allclose(found.vectors[0, :4], found.vectors[1, :4], atol=1e-4)
    np.testing.assert_array_equal(found.vectors[0, 4:], encoders["audio"].encode([loud], decoders).vectors[0])
    assert (found.vectors[1, 4:] == 0).all()
    assert found.faults[2] == "has no pictures"


def test_mel_frames_show_the_height_and_the_loudness_of_a_tone():
    time = np.arange(16_000) / 16_000
    filters = mel_filters()
    assert (filters.sum(0) > 0).all()
    for height in (300, 1000, 3000):
        sound = (0.5 * np.sin(2 * np.pi * height * time)).astype(np.float32)
        frames = log_mel(sound)
        assert frames.shape == (50, BANDS)
        nearest = int(filters[round(height / 8000 * 256)].argmax())
        assert abs(int(frames.mean(0).argmax()) - nearest) <= 1
        np.testing.assert_allclose(log_mel(sound / 10).max() - frames.max(), -2, atol=1e-3)
    assert np.isfinite(log_mel(np.zeros(3, np.float32))).all()
