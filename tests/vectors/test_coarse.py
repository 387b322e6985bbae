"""The cheap view of a post."""

from pathlib import Path

import av
import numpy as np
import polars as pl
import pytest
from PIL import Image

from emotide.vectors.cache import VectorCache
from emotide.vectors.coarse import NUMBERS, PLACES, WIDTH, coarse_vectors
from emotide.vectors.decode import decode_frames, decode_image
from emotide.vectors.glance import SPOTS, THUMBNAIL, glance_image, glance_sound, glance_video
from emotide.vectors.media import content_digest

from .conftest import LIMITS, draw, film, play


@pytest.fixture(scope="module")
def posts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    (folder / "broken.jpg").write_bytes(b"nothing")
    return pl.DataFrame(
        {
            "title": ["Rain again", None, "", "sun", None],
            "tags": [None, "cats,Dogs", None, "dogs, cats", None],
            "image": [draw(folder / "a.jpg", 0), None, str(folder / "broken.jpg"), draw(folder / "b.png", 1), None],
            "audio": [None, play(folder / "a.wav", 0, 6.0), None, None, None],
            "video": [None, film(folder / "a.mp4", 0), None, None, None],
        },
        schema=dict.fromkeys(("title", "tags", "image", "audio", "video"), pl.String),
    )


def test_one_width_and_which_there_are(posts, decoders):
    found = coarse_vectors(posts, LIMITS, decoders)
    assert found.vectors.shape == (5, WIDTH)
    assert found.vectors.dtype == np.float32
    assert list(NUMBERS) == ["title", "tags", "image", "audio", "video"]
    assert found.vectors[:, :5].tolist() == [
        [1, 0, 1, 0, 0], [0, 1, 0, 1, 1], [0, 0, 0, 0, 0], [1, 1, 1, 0, 0], [0, 0, 0, 0, 0],
    ]  # fmt: skip
    for number, kind in enumerate(NUMBERS):
        absent = found.vectors[:, number] == 0
        assert (found.vectors[absent, PLACES[kind]] == 0).all()
        assert np.abs(found.vectors[~absent, PLACES[kind]]).sum(1).min() > 0
    assert np.abs(found.vectors).max() < 4
    assert "no image" in found.faults["image"][2]
    assert [fault for kind in found.faults for fault in found.faults[kind]].count(None) == 14
    assert set(found.seconds) == {"image", "audio", "video"}
    assert min(found.seconds.values()) > 0


def test_any_subset_of_columns(posts, decoders):
    whole = coarse_vectors(posts, LIMITS, decoders).vectors
    for kinds in (["title"], ["audio", "tags"], []):
        part = coarse_vectors(posts.select(*kinds) if kinds else posts.clear(), LIMITS, decoders)
        for kind in kinds:
            np.testing.assert_array_equal(part.vectors[:, PLACES[kind]], whole[:, PLACES[kind]])
        assert part.vectors.shape == (5 if kinds else 0, WIDTH)


def test_the_same_words_in_any_order_and_case(posts, decoders):
    tags = coarse_vectors(posts, LIMITS, decoders).vectors[:, PLACES["tags"]]
    np.testing.assert_array_equal(tags[1], tags[3])


def test_a_thumbnail_is_the_picture_made_small(tmp_path):
    draw(tmp_path / "a.png", 5, (80, 80))
    (found,) = glance_image(str(tmp_path / "a.png"), LIMITS)
    pixels = np.asarray(Image.open(tmp_path / "a.png")).reshape(8, 10, 8, 10, 3).mean((1, 3))
    np.testing.assert_allclose(found[:192].reshape(8, 8, 3), pixels / 255 - 0.5, atol=0.01)
    size = (tmp_path / "a.png").stat().st_size
    np.testing.assert_allclose(np.expm1(10 * found[192:]), [80, 80, size], rtol=1e-3)


def test_a_video_shows_its_first_key_frame(tmp_path):
    place = film(tmp_path / "a.mp4", 2)
    (found,) = glance_video(place, LIMITS)
    first = decode_frames(place, THUMBNAIL, 1.0, 1, LIMITS)[0][0]
    np.testing.assert_allclose(found[:192].reshape(8, 8, 3), first / 255.0 - 0.5, atol=0.02)
    assert np.expm1(10 * found[192]) == pytest.approx(2, abs=0.2)
    assert np.expm1(10 * found[193]) == pytest.approx(1, abs=0.01)


def test_an_envelope_follows_the_loudness(tmp_path):
    import wave

    time = np.arange(160_000) / 16_000
    swelling = (np.sin(2 * np.pi * 300 * time) * time / 10 * 32767).astype("<i2")
    with wave.open(str(tmp_path / "a.wav"), "wb") as out:
        out.setparams((1, 2, 16_000, 0, "NONE", ""))
        out.writeframes(swelling.tobytes())
    (found,) = glance_sound(str(tmp_path / "a.wav"), LIMITS)
    assert found.shape == (SPOTS + 2,)
    assert (np.diff(found[:SPOTS]) > 0).all()
    assert np.expm1(10 * found[SPOTS]) == pytest.approx(10, rel=0.01)
    loud = 10 ** ((found[SPOTS - 1] - 0.5) * 4)
    assert loud == pytest.approx(0.97 / np.sqrt(2), abs=0.06)


@pytest.mark.parametrize(("kind", "name"), [("s16", "a.wav"), ("flt", "b.wav"), ("u8", "c.wav"), ("fltp", "d.m4a")])
def test_loudness_is_the_same_whatever_kind_samples_are_of(kind, name, tmp_path):
    codec = {"s16": "pcm_s16le", "flt": "pcm_f32le", "u8": "pcm_u8", "fltp": "aac"}[kind]
    sound = (0.5 * np.sin(np.arange(32_000) / 9)).astype(np.float32)
    with av.open(str(tmp_path / name), "w") as out:
        stream = out.add_stream(codec, rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound[None], format="flt", layout="mono")
        frame.sample_rate = 16_000
        size = 1024 if codec == "aac" else 4096
        for piece in av.AudioResampler(kind, "mono", 16_000, frame_size=size).resample(frame):
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    (found,) = glance_sound(str(tmp_path / name), LIMITS)
    loud = 10 ** ((found[2 : SPOTS - 2] - 0.5) * 4)
    np.testing.assert_allclose(loud, 0.5 / np.sqrt(2), rtol=0.1)


def test_a_glance_at_a_large_jpeg_costs_far_less_than_decoding_it(tmp_path, decoders):
    noise = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), np.uint8)
    place = str(tmp_path / "a.jpg")
    Image.fromarray(noise).save(place, quality=85)
    jobs = [(glance_image, (place, LIMITS)), (decode_image, (place, 1024, LIMITS))] * 5
    seconds = [outcome.seconds for outcome in decoders.run(jobs)]
    assert np.median(seconds[::2]) < 0.8 * np.median(seconds[1::2])


def test_what_was_looked_at_once_is_known_by_its_content(posts, decoders, tmp_path):
    cache = VectorCache(tmp_path / "vectors.sqlite")
    plain = coarse_vectors(posts, LIMITS, decoders)
    first = coarse_vectors(posts, LIMITS, decoders, cache=cache)
    second = coarse_vectors(posts, LIMITS, decoders, cache=cache)
    for found in (first, second):
        np.testing.assert_array_equal(found.vectors, plain.vectors)
        assert {k for k, fault in enumerate(found.faults["image"]) if fault} == {2}
    assert set(first.seconds) == {"image", "audio", "video"}
    assert set(second.seconds) == {"image"}  # the broken one is tried again, and it alone
    copy = tmp_path / "copy.png"
    copy.write_bytes(Path(posts["image"][3]).read_bytes())
    moved = coarse_vectors(pl.DataFrame({"image": [str(copy)]}), LIMITS, decoders, cache=cache)
    assert moved.seconds == {}
    np.testing.assert_array_equal(moved.vectors[0, PLACES["image"]], plain.vectors[3, PLACES["image"]])


def test_looks_are_forgotten_with_what_they_were_taken_of(posts, decoders, tmp_path):
    cache, one = VectorCache(tmp_path / "vectors.sqlite"), posts[:1]
    coarse_vectors(one, LIMITS, decoders, cache=cache)
    assert cache.forget([content_digest(one["image"][0], LIMITS)]) == 1
    assert set(coarse_vectors(one, LIMITS, decoders, cache=cache).seconds) == {"image"}
