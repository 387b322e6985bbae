"""Parts of media: what is kept is what the whole holds there, the rest is not decoded, and what matters is learned."""

import wave

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image

from emotide.errors import BadInput, ModelMismatch
from emotide.vectors import inside
from emotide.vectors.audio import RATE, SECONDS, SoundVectors
from emotide.vectors.decode import MediaLimits, decode_image, decode_sound
from emotide.vectors.image import SIZE, ImageVectors
from emotide.vectors.inside import CELLS, SEGMENT, Wanted, decode_regions, decode_segments
from emotide.vectors.salience import Salience, encode_inside

from .conftest import LIMITS, QUICK

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
