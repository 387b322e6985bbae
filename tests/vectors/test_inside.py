"""Parts of media: what is kept is what the whole holds there, the rest is not decoded, and what matters is learned."""

import wave

import av
import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image

from emotide.errors import BadInput, ModelMismatch
from emotide.vectors import inside, moments
from emotide.vectors.audio import RATE, SECONDS, SoundVectors
from emotide.vectors.decode import MediaLimits, decode_frames, decode_image, decode_sound
from emotide.vectors.image import SIZE, ImageVectors
from emotide.vectors.inside import CELLS, SEGMENT, Wanted, decode_regions, decode_segments
from emotide.vectors.moments import decode_moments
from emotide.vectors.partly import Partly
from emotide.vectors.salience import Salience, encode_inside
from emotide.vectors.video import VideoVectors

from .conftest import LIMITS, QUICK, film

LOUD = np.array([0.0, 1, 0, 0, 0, 0, 0, 0])  # of the numbers of a segment: how loud it is
SECOND = RATE


def burst(file, *loud: int, seconds: float = 4.0):
    """Quiet noise, and a loud tone in some segments."""
    rng = np.random.default_rng(sum(loud))
    samples = 0.01 * rng.standard_normal(round(seconds * SECOND))
    for segment in loud:
        here = np.s_[round(segment * SEGMENT * SECOND) : round((segment + 1) * SEGMENT * SECOND)]
        samples[here] += 0.5 * np.sin(2 * np.pi * 700 * np.arange(len(samples[here])) / SECOND)
    with wave.open(str(file), "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        out.writeframes((samples.clip(-1, 1) * 32767).astype("<i2").tobytes())
    return str(file)


def picture(file, cell: int, seed: int = 0):
    """One colour but for one region of noise."""
    rng = np.random.default_rng(seed)
    pixels = np.full((2 * SIZE, 2 * SIZE, 3), 110, np.uint8)
    y, x = np.array(divmod(cell, CELLS)) * (2 * SIZE // CELLS)
    pixels[y : y + 16, x : x + 16] = rng.integers(0, 2, (16, 16, 3)) * 100 + 155
    Image.fromarray(pixels).save(file)
    return str(file)


def test_kept_segments_are_those_of_the_whole_sound(tmp_path):
    place = burst(tmp_path / "a.wav", 2, 3, 7)
    (whole,) = decode_sound(place, RATE, SECONDS, LIMITS)
    some, kept, _ = decode_segments(place, RATE, SECONDS, Wanted(LOUD, 0.3), LIMITS)
    assert np.flatnonzero(kept).tolist() == [2, 3, 7]
    cut = round(SEGMENT * RATE)
    assert_allclose(some, np.concatenate([whole[2 * cut : 4 * cut], whole[7 * cut : 8 * cut]]), atol=2e-4)
    every, all_kept, _ = decode_segments(place, RATE, SECONDS, Wanted(LOUD, 1.0), LIMITS)
    assert all_kept.all()
    assert_allclose(every, whole, atol=2e-4)


def test_between_the_kept_segments_hardly_anything_is_decoded(tmp_path, monkeypatch):
    place = burst(tmp_path / "a.wav", 70, seconds=29.0)
    frames, until = [], inside._until

    def counted(found, end):
        for frame in until(found, end):
            frames.append(frame.samples)
            yield frame

    monkeypatch.setattr(inside, "_until", counted)
    some, kept, _ = decode_segments(place, RATE, SECONDS, Wanted(LOUD, 0.01), LIMITS)
    assert np.flatnonzero(kept).tolist() == [70]
    assert len(some) == round(SEGMENT * RATE) <= sum(frames) < 2 * len(some)


def test_kept_regions_are_those_of_the_whole_image_and_the_others_are_one_colour(tmp_path):
    place = picture(tmp_path / "a.png", 27)
    (whole,) = decode_image(place, SIZE, LIMITS)
    contrast = np.zeros(5 + CELLS**2)
    contrast[5 + 27] = 1
    some, kept = decode_regions(place, SIZE, Wanted(contrast, 0.01), LIMITS)
    assert np.flatnonzero(kept).tolist() == [27]
    cut = SIZE // CELLS
    y, x = np.array(divmod(27, CELLS)) * cut
    inner = np.s_[y + 1 : y + cut - 1, x + 1 : x + cut - 1]
    assert_allclose(some[inner].astype(int), whole[inner].astype(int), atol=2)
    assert np.ptp(some[:cut, :cut].reshape(-1, 3), axis=0).max() == 0
    every, _ = decode_regions(place, SIZE, Wanted(contrast, 1.0), LIMITS)
    assert np.abs(every.astype(int) - whole).mean() < 1


def test_what_matters_for_a_code_is_learned_from_the_encoder(tmp_path):
    sounds = [decode_sound(burst(tmp_path / f"{k}.wav", k % 9), RATE, SECONDS, LIMITS)[0] for k in range(20)]
    encoder = SoundVectors.fit([str(tmp_path / f"{k}.wav") for k in range(20)], 6, 0, QUICK, LIMITS)
    learned = Salience.of_sounds(encoder, sounds)
    assert learned.explained > 0.3
    _, kept, _ = decode_segments(burst(tmp_path / "new.wav", 6), RATE, SECONDS, Wanted(learned.weights, 0.2), LIMITS)
    assert kept[6]
    learned.save(tmp_path / "salience.json")
    assert_allclose(Salience.load(tmp_path / "salience.json").weights, learned.weights)
    (tmp_path / "salience.json").write_text("{")
    with pytest.raises(ModelMismatch, match="no readable salience"):
        Salience.load(tmp_path / "salience.json")


def test_vectors_of_files_of_which_some_parts_are_skipped(tmp_path):
    sounds = [burst(tmp_path / f"{k}.wav", k % 9) for k in range(10)]
    images = [picture(tmp_path / f"{k}.png", k, k) for k in range(10)]
    (tmp_path / "broken.wav").write_bytes(b"nothing")
    heard = SoundVectors.fit(sounds, 6, 0, QUICK, LIMITS)
    seen = ImageVectors.fit(images, 6, 0, QUICK, LIMITS)
    pixels = np.stack([decode_image(place, SIZE, LIMITS)[0] for place in images])
    decoded = [decode_sound(place, RATE, SECONDS, LIMITS)[0] for place in sounds]
    cases = [(heard, Salience.of_sounds(heard, decoded), sounds), (seen, Salience.of_images(seen, pixels), images)]
    for encoder, salience, files in cases:
        places = [*files, None, str(tmp_path / "broken.wav")]
        plain = encoder.encode(places)
        every, none = encode_inside(encoder, salience, places, 1.0)
        assert none == 0
        assert_allclose(every.vectors, plain.vectors, atol=0.1)
        assert every.present.tolist() == plain.present.tolist() == [True] * 10 + [False] * 2
        assert every.faults[11] is not None
        far = {}
        for name, seed in (("ours", None), ("random", 0)):
            some, skipped = encode_inside(encoder, salience, files, 0.2, seed=seed)
            assert 0.6 < skipped <= 0.81
            far[name] = float(np.square(some.vectors - plain.vectors[:10]).mean())
        assert far["ours"] < far["random"], encoder.name


def test_what_is_no_sound_or_image_is_refused_as_ever(tmp_path):
    (tmp_path / "a").write_bytes(b"nothing at all")
    with pytest.raises(BadInput):
        decode_segments(str(tmp_path / "a"), RATE, SECONDS, Wanted(LOUD, 0.5), LIMITS)
    with pytest.raises(BadInput):
        decode_regions(str(tmp_path / "a"), SIZE, Wanted(np.zeros(5 + CELLS**2), 0.5), LIMITS)
    with pytest.raises(BadInput, match="pixels"):
        decode_regions(
            picture(tmp_path / "b.png", 0), SIZE, Wanted(np.zeros(5 + CELLS**2), 0.5), MediaLimits(pixels=100)
        )


def scenes(file, *still: int, seconds: int = 6, fps: int = 10):
    """A clip with a key frame each second; in some seconds nothing moves, in the others a square crosses."""
    with av.open(str(file), "w") as out:
        video = out.add_stream(
            "libx264", rate=fps, options={"g": str(fps), "keyint_min": str(fps), "sc_threshold": "0"}
        )
        video.width, video.height, video.pix_fmt = 96, 96, "yuv420p"
        for number in range(seconds * fps):
            second, k = divmod(number, fps)
            pixels = np.full((96, 96, 3), 40 + 15 * second, np.uint8)
            if second not in still:
                pixels[20:60, 8 * k : 8 * k + 20] = (250, 30 * (k % 3), 200)
            out.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(video.encode(None))
    return str(file)


MOVES = np.array([0.0, 1, 0, 0, 0, 0, 0, 0])  # of the numbers of a moment: what changed since the one before
MOMENT = (SIZE, 4.0, 64)  # size, rate, most


def test_all_moments_are_those_of_the_whole_video(tmp_path):
    place = scenes(tmp_path / "a.mp4")
    (whole,) = decode_frames(place, *MOMENT, LIMITS)
    frames, kept, which, beside, features = decode_moments(place, *MOMENT, Wanted(MOVES, 1.0), LIMITS)
    assert kept.all()
    assert_allclose(frames[which].astype(int), whole.astype(int), atol=1)
    assert features.shape == (len(whole), 8)
    assert (beside != which).all()


def test_moments_in_which_something_moves_are_decoded_and_the_others_are_the_nearest_that_was(tmp_path, monkeypatch):
    place, decoded = scenes(tmp_path / "a.mp4", 0, 1, 3, 4, 5), []
    whole = decode_frames(place, *MOMENT, LIMITS)[0]
    plain = moments.square
    monkeypatch.setattr(moments, "square", lambda *given: decoded.append(1) or plain(*given))
    frames, kept, which, _, _ = decode_moments(place, *MOMENT, Wanted(MOVES, 0.26), LIMITS)
    key = np.arange(0, 24, 4)
    assert sorted(np.flatnonzero(kept)) == sorted({*key, 8, 9, 10, 11})
    assert len(decoded) == len(frames) == 9  # six key frames, and three in the second that moves
    assert_allclose(frames[which][8:12].astype(int), whole[8:12].astype(int), atol=1)
    assert which[1] == which[0]


def test_a_video_with_one_key_frame_is_read_from_its_beginning(tmp_path):
    place = film(tmp_path / "a.mp4", 3, seconds=4.0)
    _, kept, _, _, _ = decode_moments(place, *MOMENT, Wanted(MOVES, 0.5), LIMITS)
    assert 0 < kept.sum() < len(kept)
    assert kept[: kept.sum()].all()


def test_a_long_video_is_looked_at_in_fewer_places(tmp_path):
    place = scenes(tmp_path / "a.mp4", seconds=12)
    whole = decode_frames(place, SIZE, 1.0, 6, LIMITS)[0]
    every, kept, which, _, _ = decode_moments(place, SIZE, 1.0, 6, Wanted(MOVES, 1.0), LIMITS)
    assert kept.all()
    assert_allclose(every[which].astype(int), whole.astype(int), atol=1)
    some, kept, which, _, _ = decode_moments(place, SIZE, 1.0, 6, Wanted(MOVES, 0.5), LIMITS)
    assert len(some) == kept.sum() == 3
    assert which.max() < 3


def test_what_is_no_video_is_refused_as_ever(tmp_path):
    (tmp_path / "a").write_bytes(b"nothing at all")
    wanted = Wanted(MOVES, 0.5)
    with pytest.raises(BadInput):
        decode_moments(str(tmp_path / "a"), *MOMENT, wanted, LIMITS)
    with pytest.raises(BadInput, match="no pictures"):
        decode_moments(film(tmp_path / "b.mp4", 0, pictures=False), *MOMENT, wanted, LIMITS)
    with pytest.raises(BadInput, match="more than 5 frames"):
        decode_moments(scenes(tmp_path / "c.mp4"), *MOMENT, wanted, MediaLimits(frames=5))


def test_an_encoder_that_reads_parts_is_another_for_the_cache_and_with_all_parts_reads_the_same(tmp_path, decoders):
    places = [scenes(tmp_path / f"{k}.mp4", k % 3, seconds=3) for k in range(6)]
    image = ImageVectors.fit([], 4, 0, QUICK, LIMITS, videos=places)
    sounds = [burst(tmp_path / f"{k}.wav", k) for k in range(5)]
    heard = SoundVectors.fit(sounds, 4, 0, QUICK, LIMITS)
    video = VideoVectors.fit(places, image, heard, 4, 0, QUICK, LIMITS)
    salience = {
        "audio": Salience.learned(heard, sounds, decoders),
        "video": Salience.learned(video, places, decoders),
    }
    every, some = (Partly(video, salience, share) for share in (1.0, 0.4))
    plain = video.encode(places, decoders)
    found, skipped = every.read([*places, None], decoders)
    assert skipped == 0
    assert_allclose(found.vectors[:6], plain.vectors, atol=0.05)
    assert found.present.tolist() == [True] * 6 + [False]
    found, skipped = some.read(places, decoders)
    assert 0.3 < skipped < 0.7
    assert not np.allclose(found.vectors, plain.vectors)
    assert len({video.digest, every.digest, some.digest, Partly(video, salience, 0.5).digest}) == 4
    assert some.digest == Partly(video, dict(salience), 0.4).digest
