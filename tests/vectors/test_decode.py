"""What a file becomes, and what is refused before it is decoded."""

import struct
import time
import zipfile
import zlib

import av
import numpy as np
import pytest
from PIL import Image

from emotide.errors import BadInput
from emotide.vectors.decode import MediaLimits, decode_frames, decode_image, decode_sound

from .conftest import draw, film, play, tone

LIMITS = MediaLimits()


def refused(function, *arguments, limits=LIMITS) -> str:
    with pytest.raises(BadInput) as error:
        function(*arguments, limits)
    return error.value.reason


def huge_png(file, side: int):
    """A PNG whose header alone is there."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)))
    return str(file)


def wav_header(rate=16_000, channels=1, told=2000, kind=1) -> bytes:
    """The header of a WAV of 16 bits that says what it is told."""
    block = channels * 2 % 65536
    form = struct.pack("<HHIIHH", kind, channels, rate, rate * block % 2**32, block, 16)
    return (
        b"RIFF"
        + struct.pack("<I", told + 36)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", told)
    )


# images


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.gif", "a.webp", "a.bmp"])
def test_an_image_becomes_its_middle_square(name, tmp_path):
    pixels = np.zeros((60, 120, 3), np.uint8)
    pixels[:, 30:90] = [200, 40, 90]
    Image.fromarray(pixels).save(tmp_path / name)
    (found,) = decode_image(str(tmp_path / name), 16, LIMITS)
    assert found.shape == (16, 16, 3)
    assert np.abs(found[2:-2, 2:-2].astype(int) - [200, 40, 90]).max() < 12


def test_a_photograph_lying_on_its_side_is_put_upright(tmp_path):
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[:20] = 255
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    image.save(tmp_path / "a.jpg", exif=exif)
    (found,) = decode_image(str(tmp_path / "a.jpg"), 8, LIMITS)
    assert found[:, 6:].mean() > 240 > 15 > found[:, :2].mean()


def test_the_name_of_a_file_says_nothing(tmp_path):
    draw(tmp_path / "a.png", 0)
    lying = tmp_path / "b.jpg"
    lying.write_bytes((tmp_path / "a.png").read_bytes())
    assert np.array_equal(decode_image(str(lying), 16, LIMITS)[0], decode_image(str(tmp_path / "a.png"), 16, LIMITS)[0])
    play(tmp_path / "c.jpg", 0)
    assert "is no image of these formats: JPEG, PNG" in refused(decode_image, str(tmp_path / "c.jpg"), 16)
    assert "has no pictures" in refused(decode_frames, str(tmp_path / "c.jpg"), 16, 1.0, 4)


def test_a_format_that_is_not_asked_for_is_refused(tmp_path):
    draw(tmp_path / "a.tiff", 0)
    assert "is no image" in refused(decode_image, str(tmp_path / "a.tiff"), 16)


@pytest.mark.parametrize("side", [8_000, 12_000, 50_000])  # beyond our limit; where Pillow warns; where it raises
def test_an_image_too_large_is_refused_by_its_header(side, tmp_path):
    start = time.monotonic()
    assert "pixels" in refused(decode_image, huge_png(tmp_path / "a.png", side), 16)
    assert time.monotonic() - start < 5


def test_pillows_warning_is_an_error(tmp_path):
    wide = MediaLimits(pixels=10**9)
    assert "decompression bomb" in refused(decode_image, huge_png(tmp_path / "a.png", 12_000), 16, limits=wide)


def test_of_an_animation_only_the_first_picture_is_decoded(tmp_path):
    shades = [Image.new("RGB", (300, 300), (k % 256, 10, 10)) for k in range(200, 1200)]
    shades[0].save(tmp_path / "a.gif", save_all=True, append_images=shades[1:])
    start = time.monotonic()
    (found,) = decode_image(str(tmp_path / "a.gif"), 8, LIMITS)
    assert time.monotonic() - start < 0.2
    assert found[..., 0].mean() == pytest.approx(200, abs=3)
    assert decode_frames(str(tmp_path / "a.gif"), 8, 100.0, 5, LIMITS)[0].shape == (5, 8, 8, 3)
    few = MediaLimits(frames=3)
    assert "more than 3 frames" in refused(decode_frames, str(tmp_path / "a.gif"), 8, 0.1, 50, limits=few)


# any file


@pytest.mark.parametrize("kind", ["image", "sound", "video"])
def test_empty_missing_truncated_and_random_files_are_refused(kind, tmp_path):
    make = {"image": draw, "sound": play, "video": film}[kind]
    decode = {
        "image": lambda file, limits=LIMITS: decode_image(file, 16, limits),
        "sound": lambda file, limits=LIMITS: decode_sound(file, 16_000, 1.0, limits),
        "video": lambda file, limits=LIMITS: decode_frames(file, 16, 1.0, 4, limits),
    }[kind]
    whole = tmp_path / {"image": "a.jpg", "sound": "a.wav", "video": "a.mp4"}[kind]
    make(whole, 0)
    decode(str(whole))
    data = whole.read_bytes()
    for name, bytes_, reason in [
        ("empty", b"", "empty"),
        ("head", data[:20], "broken|no image|can be read"),
        ("half", data[: len(data) // 2] if kind != "sound" else data[:44], "broken|can be read|is empty"),
        ("noise", np.random.default_rng(0).bytes(3000), "no image|can be read"),
        ("text", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "no image|can be read"),
    ]:
        file = tmp_path / name
        file.write_bytes(bytes_)
        with pytest.raises(BadInput, match=reason):
            decode(str(file))
    with pytest.raises(BadInput, match="is no file any more"):
        decode(str(tmp_path / "nowhere"))
    with pytest.raises(BadInput, match=f"has {len(data)} bytes; at most 100"):
        decode(str(whole), MediaLimits(file_bytes=100))


def test_a_list_of_other_files_is_not_followed(tmp_path):
    other = film(tmp_path / "a.ts", 0)
    (tmp_path / "list.txt").write_text(f"ffconcat version 1.0\nfile '{other}'\n")
    (tmp_path / "list.m3u8").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{other}\n#EXT-X-ENDLIST\n")
    with open(tmp_path / "list.m3u8", "rb") as file, av.open(file) as followed:
        assert followed.streams.video  # what FFmpeg does when nobody forbids it
    for name in ("list.txt", "list.m3u8"):
        assert "can be read" in refused(decode_frames, str(tmp_path / name), 16, 1.0, 4)


def test_an_entry_of_a_zip_is_measured_before_it_is_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "log.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("bomb.wav", b"\0" * 50_000_000)
        file.write(draw(tmp_path / "a.jpg", 0), "a.jpg")
    assert (tmp_path / "log.zip").stat().st_size < 100_000
    place = f"{tmp_path / 'log.zip'}::"
    small = MediaLimits(file_bytes=1_000_000)
    assert "has 50000000 bytes" in refused(decode_sound, f"{place}bomb.wav", 16_000, 1.0, limits=small)
    assert decode_image(f"{place}a.jpg", 16, small)[0].shape == (16, 16, 3)


# sound


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_a_sound_has_the_rate_that_is_wanted(rate, tmp_path):
    play(tmp_path / "a.wav", 3, seconds=1.0, rate=rate)
    (found,) = decode_sound(str(tmp_path / "a.wav"), 16_000, 10.0, LIMITS)
    assert len(found) == pytest.approx(16_000, abs=40)
    height = np.abs(np.fft.rfft(found[1000:9000])).argmax() * 2.0
    true = np.abs(np.fft.rfft(tone(1.0, 3, rate)[: rate // 2])).argmax() * 2.0
    assert height == pytest.approx(true, abs=3)
    assert len(decode_sound(str(tmp_path / "a.wav"), 16_000, 0.25, LIMITS)[0]) == 4_000


def test_a_false_header_is_refused_or_read_as_far_as_there_is_sound(tmp_path):
    body = (tone(0.5, 0) * 32767).astype("<i2").tobytes()

    def file(name, **header):
        (tmp_path / name).write_bytes(wav_header(**header) + body)
        return str(tmp_path / name)

    assert "samples per second" in refused(decode_sound, file("rate", rate=1_000_000, told=len(body)), 16_000, 1.0)
    assert "channels" in refused(decode_sound, file("channels", channels=60, told=len(body)), 16_000, 1.0)
    assert "has 0 channels" in refused(decode_sound, file("none", channels=0, told=len(body)), 16_000, 1.0)
    assert "cannot be decoded" in refused(decode_sound, file("kind", kind=0x7777, told=len(body)), 16_000, 1.0)
    short = MediaLimits(seconds=0.2)
    assert "says it lasts" in refused(decode_sound, file("long", told=len(body)), 16_000, 1.0, limits=short)
    for told in (len(body) * 100, 2**31, 2**32 - 37):
        (found,) = decode_sound(file("more", told=told), 16_000, 10.0, LIMITS)
        assert len(found) == pytest.approx(8_000, abs=40)


def test_a_sound_of_floats_with_nan_is_made_whole(tmp_path):
    samples = tone(0.2, 0)
    samples[::7], samples[1::7] = np.nan, 50
    form = struct.pack("<HHIIHH", 3, 1, 16_000, 64_000, 4, 32)
    data = samples.astype("<f4").tobytes()
    (tmp_path / "a.wav").write_bytes(
        b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<I", 16) + form
        + b"data" + struct.pack("<I", len(data)) + data
    )  # fmt: skip
    (found,) = decode_sound(str(tmp_path / "a.wav"), 16_000, 1.0, LIMITS)
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 1


# video


def test_a_video_becomes_frames_at_the_rate_wanted_and_its_sound(tmp_path):
    place = film(tmp_path / "a.mp4", 0, seconds=3.0)
    assert b"avc1" in (tmp_path / "a.mp4").read_bytes()
    (frames,) = decode_frames(place, 32, 2.0, 60, LIMITS)
    assert frames.shape == (6, 32, 32, 3)
    assert frames.max() > 60
    assert (frames[0] != frames[1]).any()
    assert decode_frames(place, 32, 5.0, 60, LIMITS)[0].shape[0] == 15
    (sound,) = decode_sound(place, 16_000, 10.0, LIMITS)
    assert len(sound) == pytest.approx(48_000, abs=2_500)


def test_a_long_video_is_looked_at_all_over(tmp_path):
    place = film(tmp_path / "a.mp4", 0, seconds=6.0, sound=False)
    (frames,) = decode_frames(place, 16, 2.0, 4, LIMITS)
    assert frames.shape == (4, 16, 16, 3)


def test_a_video_without_pictures_or_without_sound_says_so(tmp_path):
    assert refused(decode_frames, film(tmp_path / "a.mp4", 0, pictures=False), 16, 1.0, 4) == "has no pictures"
    assert refused(decode_sound, film(tmp_path / "b.mp4", 0, sound=False), 16_000, 1.0) == "has no sound"


def test_limits_of_a_video(tmp_path):
    place = film(tmp_path / "a.mp4", 0)
    for limits, reason in [
        (MediaLimits(frame_pixels=1000), "frames of 96 × 64 pixels"),
        (MediaLimits(streams=1), "streams|can be read"),
        (MediaLimits(seconds=1), "says it lasts 2 s"),
        (MediaLimits(frames=5), "more than 5 frames"),
    ]:
        with pytest.raises(BadInput, match=reason):
            decode_frames(place, 16, 2.0, 60, limits)
