"""The town's pictures, sounds and clips: they are what their names say, and carry the mood of their posts."""

import av
import numpy as np
import polars as pl
import pytest
from PIL import Image

from emotide.demo.clips import FRAMES, write_clip
from emotide.demo.content import ReportContent
from emotide.demo.faces import LOOKS, SIZE
from emotide.demo.recorded import SETS, recorded
from emotide.demo.report import page
from emotide.demo.showing import Drawn
from emotide.demo.tones import RATE, TUNES
from emotide.demo.town import TownConfig, simulate
from emotide.vectors.again import Pair
from emotide.vectors.autoencoder import Learned
from emotide.vectors.decode import MediaLimits, decode_frames, decode_image, decode_sound

SHOWING = TownConfig(people=6, days=8, pictures=0.5, sounds=0.4, clips=0.2, seed=4)
LIMITS = MediaLimits()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("town")
    simulate(place, SHOWING)
    return place


@pytest.fixture(scope="module")
def posts(folder):
    return pl.read_csv(folder / "log" / "posts.csv")


def test_every_file_is_there_and_can_be_decoded(folder, posts):
    log = folder / "log"
    for kind in ("image", "audio", "video"):
        assert posts[kind].null_count() < len(posts)
    for name in posts["image"].drop_nulls():
        assert decode_image(str(log / name), SIZE, LIMITS)[0].std() > 10
    for name in posts["audio"].drop_nulls():
        assert abs(decode_sound(str(log / name), RATE, 9.0, LIMITS)[0]).max() > 0.02
    named = {log / name for kind in ("image", "audio", "video") for name in posts[kind].drop_nulls()}
    assert set((log / "media").iterdir()) == named


def test_clips_are_h264_with_aac(folder, posts):
    for name in posts["video"].drop_nulls():
        with av.open(str(folder / "log" / name)) as clip:
            assert clip.streams.video[0].codec_context.name == "h264"
            assert clip.streams.audio[0].codec_context.name == "aac"
        frames = decode_frames(str(folder / "log" / name), 32, 4.0, 99, LIMITS)[0]
        assert len(frames) > 3


def test_a_clip_holds_the_frames_and_the_sound_it_was_made_of(tmp_path):
    frames = [np.full((64, 96, 3), 20 * k, np.uint8) for k in range(FRAMES)]
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)
    write_clip(frames, tone, RATE, tmp_path / "clip.mp4")
    seen = decode_frames(str(tmp_path / "clip.mp4"), 64, float(FRAMES), 99, LIMITS)[0]
    assert np.abs(seen.mean((1, 2, 3)) - 20 * np.arange(FRAMES)).max() < 6
    heard = decode_sound(str(tmp_path / "clip.mp4"), RATE, 1.0, LIMITS)[0]
    assert np.abs(np.fft.rfft(heard)).argmax() * RATE / len(heard) == pytest.approx(440, abs=3)


def test_some_who_show_something_write_nothing(posts):
    shows = pl.any_horizontal(pl.col("image", "audio", "video").is_not_null())
    assert posts.filter(~shows)["text"].null_count() == 0
    silent = posts.filter(shows)["text"].is_null().mean()
    assert 0.2 < silent < 0.8


def test_the_same_seed_gives_the_same_files(folder, tmp_path):
    simulate(tmp_path, SHOWING)
    for file in (folder / "log").rglob("*"):
        if file.is_file():
            assert file.read_bytes() == (tmp_path / "log" / file.relative_to(folder / "log")).read_bytes(), file


def test_what_people_show_changes_nothing_else(folder, tmp_path):
    simulate(tmp_path, SHOWING.model_copy(update={"pictures": 0.0, "sounds": 0.0, "clips": 0.0}))
    for name in ("interactions.parquet", "labels.jsonl", "feedback.parquet", "ties.csv"):
        assert (tmp_path / "log" / name).read_bytes() == (folder / "log" / name).read_bytes()


@pytest.mark.parametrize("kind", ["picture", "sound"])
def test_the_mood_can_be_read_from_them(kind):
    """A nearest neighbour among others of all moods finds the mood far more often than one in seven."""
    rng, source = np.random.default_rng(0), Drawn()
    moods = list(LOOKS)
    assert moods == list(TUNES)

    def drawn(mood):
        if kind == "picture":
            grey = Image.fromarray(source.picture(rng, mood, late=False)).convert("L").resize((24, 24))
            return np.asarray(grey, float).ravel()
        spectrum = np.abs(np.fft.rfft(source.sound(rng, mood, late=False)))[:3000].reshape(-1, 30).mean(1)
        return np.log(spectrum + 0.1)

    known = np.array([[drawn(mood) for mood in moods] for _ in range(40)])
    asked = np.array([[drawn(mood) for mood in moods] for _ in range(10)])
    known, asked = (one - one.mean(-1, keepdims=True) for one in (known, asked))
    nearest = ((asked[:, :, None, None] - known[None, None]) ** 2).sum(-1).reshape(10, 7, -1).argmin(-1) % 7
    assert (nearest == np.arange(7)).mean() > 3 / 7


def test_real_faces_and_voices_of_late_days_are_of_other_people(data_dir, tmp_path):
    if not all((data_dir / name).is_dir() for name in SETS.values()):
        pytest.skip("no face_expressions or emodb there")
    with recorded(data_dir) as source:
        rng = np.random.default_rng(0)
        early, late = ([source.sound(rng, "joy", late) for _ in range(30)] for late in (False, True))
        assert not {one.tobytes() for one in early} & {one.tobytes() for one in late}
        assert source.sound(rng, "surprise", late=False) is None
        assert source.picture(rng, "surprise", late=True).shape == (SIZE, SIZE, 3)
        truth = simulate(tmp_path, SHOWING.model_copy(update={"clips": 0.05}), source)
    assert len(truth.emotion) == SHOWING.people * SHOWING.days
    assert (tmp_path / "log" / "media").is_dir()


def test_the_page_shows_what_is_looked_at(report_of, folder):
    from emotide.demo.truth import Truth

    attention = pl.DataFrame(
        {
            "user_id": ["ana", "ana", "bo"],
            "network": "town",
            "time": [1, 1, 1],
            "post_id": ["p0", "p0", "p1"],
            "modality": ["text", "image", "text"],
            "weight": [0.25, 0.75, 1.0],
        }
    ).with_columns(pl.col("time").cast(pl.Datetime("us", "UTC")))
    plain = report_of(Truth.load(folder / "truth"))
    pair = Pair(np.zeros((4, 6, 3), np.uint8), np.ones((4, 6, 3), np.uint8))
    learned = Learned(9, [0.5, 0.25], [0.5, 0.25], 0.3, 1, 0.0)
    inside = pl.DataFrame(
        {
            "share": [0.25, 1.0], "skipped": [0.74, 0.0], "seconds": [2.0, 5.0], "time_ratio": [2.5, 1.0],
            "recognition": [0.51, 0.58], "forecast": [0.33, 0.34],
        }
    )  # fmt: skip
    shown = {"attention": attention, "pairs": {"image": [pair]}, "taught": {"image": learned}, "inside": inside}
    content = ReportContent(**{**vars(plain), **shown})
    text = page(content)
    for said in ("Looking at parts alone", "74 %", "40 %", "0.51"):
        assert said in text
    assert text.count("<polyline") - page(plain).count("<polyline") == 4
    assert text.count('src="data:image/png;base64,') == 2
    for said in ("What is looked at", "0.75", "1 of 1", "Images"):
        assert said in text
    assert "What is looked at" not in page(plain)
