"""Vectors of media: what codes tell beside principal components of equal width, and how fast files become vectors."""

import time
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import torch

from emotide.bench import modalities, probe, screening
from emotide.bench.bench import Bench, Composite, Progress, Say, spread
from emotide.bench.inside import run_inside, run_inside_town
from emotide.vectors.audio import INPUTS, RATE, SECONDS, STEPS, TOGETHER, SoundVectors, mel_steps
from emotide.vectors.autoencoder import LearningConfig, principal
from emotide.vectors.coarse import coarse_vectors
from emotide.vectors.decode import MediaLimits, decode_image, decode_sound
from emotide.vectors.encoded import decoded
from emotide.vectors.image import SIZE, ImageVectors, fit_images
from emotide.vectors.media import MediaVectors
from emotide.vectors.partly import Partly
from emotide.vectors.salience import Salience
from emotide.vectors.sequence import fit_sequences
from emotide.vectors.video import VideoVectors
from emotide.vectors.workers import Decoders, Job

LIMITS = MediaLimits()
INSIDE = (0.25, 0.5)  # shares of the parts of a file that are read
METHODS = ("codes", "pca", "raw")
SOUND = 10  # seconds of a made sound or video
FILES = {"image": (64, "jpg"), "audio": (16, "wav"), "video": (4, "mp4")}  # how many are made
AMOUNTS = {"image": 1, "audio": SOUND, "video": 2 * SOUND}  # in each of them
UNITS = {
    "image": "images of 1280 × 960",
    "audio": "seconds",
    "video": "frames looked at, 2 of 25 of 640 × 480 a second",
}


@dataclass(frozen=True)
class Fitted:
    """Of one fold: what each method makes of all examples, and how far codes are from the examples of test."""

    inputs: dict[str, np.ndarray]  # method -> [examples, numbers]
    error: float  # mean squared error of our autoencoder on test
    epoch: int  # that was kept
    share: float  # of the summary


Fit = Callable[[np.ndarray, np.ndarray, int], Fitted]  # numbers of the training and test examples, a seed


def run_emodb(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Recordings of ten speakers, two of them tested at a time."""
    with probe.labelled_posts("emodb", data) as posts:
        jobs: list[Job] = [(decode_sound, (place, RATE, SECONDS, LIMITS)) for place in posts["audio"]]
        with Decoders(LIMITS) as decoders:
            sounds = [outcome.arrays[0] for outcome in decoded(jobs, decoders, progress)]
    steps = [mel_steps(sound) for sound in sounds]
    raw = np.stack([np.resize(each[:STEPS], (STEPS, INPUTS)).reshape(-1) for each in steps])

    def fit(train: np.ndarray, test: np.ndarray, seed: int) -> Fitted:
        taught = [steps[k] for k in train]
        network, learned = fit_sequences(taught, INPUTS, STEPS, 64, seed, LearningConfig(), moments=TOGETHER)
        ours = SoundVectors(network, learned, LIMITS)
        error = float(ours.errors([sounds[k] for k in test]).mean() * network.spread**2)
        return Fitted({"codes": ours.vectors(sounds), "raw": raw}, error, learned.best, learned.summary)

    speakers = posts["user_id"].to_numpy()
    return _measured(raw, posts["category"].to_numpy(), speakers, fit, seeds, say, progress)


def run_face(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Photographs of faces; who is on them is not known."""
    with probe.labelled_posts("face_expressions", data) as posts:
        jobs: list[Job] = [(decode_image, (place, SIZE, LIMITS)) for place in posts["image"]]
        with Decoders(LIMITS) as decoders:
            images = np.stack([outcome.arrays[0] for outcome in decoded(jobs, decoders, progress)])
    raw = images.reshape(len(images), -1).astype(np.float32) / 255

    def fit(train: np.ndarray, test: np.ndarray, seed: int) -> Fitted:
        network, learned = fit_images(images[train], 64, seed, LearningConfig())
        ours = ImageVectors(network, learned, LIMITS)
        _, again = ours.pictures(images[test])
        error = float(np.square(again.reshape(len(test), -1).astype(np.float32) / 255 - raw[test]).mean())
        return Fitted({"codes": ours.vectors(images), "raw": raw}, error, learned.best, learned.summary)

    return _measured(raw, posts["category"].to_numpy(), np.arange(len(images)), fit, seeds, say, progress)


def _measured(
    raw: np.ndarray, label: np.ndarray, owner: np.ndarray, fit: Fit, seeds: list[int], say: Say, progress: Progress
) -> dict[str, Any]:
    """Mean recall of the categories by a linear probe, each example tested once; and reconstruction."""
    from sklearn.metrics import recall_score

    start, scores, errors, kept = time.monotonic(), [], [], []
    for seed in seeds:
        read = {method: np.empty_like(label) for method in METHODS}
        wrong = []
        for fold, (train, test) in enumerate(probe.folds(owner, seed)):
            fitted = fit(train, test, seed)
            x = torch.from_numpy(raw)
            width = min(fitted.inputs["codes"].shape[1], len(train) - 1)  # more directions there are not
            mean, directions = principal(x[train], width, seed)
            components = (x - mean) @ directions.T
            inputs = fitted.inputs | {"pca": components.numpy()}
            again = components[test] @ directions + mean
            wrong.append((fitted.error, float((again - x[test]).square().mean()), len(test)))
            kept.append([fitted.epoch, fitted.share])
            for method in METHODS:
                read[method][test] = probe.probed(inputs[method], label, owner, train, test)
            progress(seed * probe.FOLDS + fold + 1, len(seeds) * probe.FOLDS, "folds")
        scores.append({method: float(recall_score(label, read[method], average="macro")) for method in METHODS})
        total = np.average(np.array(wrong)[:, :2], axis=0, weights=np.array(wrong)[:, 2])
        errors.append(dict(zip(METHODS[:2], total.tolist(), strict=True)))
        say(f"seed {seed}: recall {scores[-1]}, squared error {errors[-1]}")
    return {
        "examples": len(label),
        "seeds": seeds,
        "seconds": round(time.monotonic() - start, 1),
        "probe": {method: spread([score[method] for score in scores]) for method in METHODS},
        "reconstruction": {m: float(f"{np.mean([error[m] for error in errors]):.4g}") for m in METHODS[:2]},
        "epochs_and_summaries": kept,
    }


def run_throughput(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """How fast files become vectors, which part is the limit, and what a coarse look costs beside decoding."""
    with TemporaryDirectory(prefix="emotide-bench-") as folder, Decoders(LIMITS) as decoders:
        files = _made(Path(folder))
        short = LearningConfig(epochs=1)
        image = ImageVectors.fit(files["image"][:4], config=short, videos=files["video"][:1])
        sound = SoundVectors.fit(files["audio"][:4], config=short)
        video = VideoVectors.fit(files["video"][:1], image, sound, config=short)
        encoders: dict[str, MediaVectors] = {"image": image, "audio": sound, "video": video}
        found = {}
        for number, (kind, encoder) in enumerate(encoders.items(), 1):
            amount, places = len(files[kind]) * AMOUNTS[kind], files[kind]
            encoder.encode(places, decoders)  # all children are up after this
            runs = [_seconds(encoder, places, decoders) for _ in range(max(3, len(seeds)))]
            took, decoding, encoding = (float(np.median(each)) for each in zip(*runs, strict=True))
            looks = coarse_vectors(pl.DataFrame({kind: places}), LIMITS, decoders).seconds[kind] * len(places)
            partly = _inside(encoder, sound, places, decoders)
            found[kind] = {
                "per_second": round(amount / took, 1),
                "decoded_per_second_and_core": round(amount / decoding, 1),
                "encoded_per_second": round(amount / encoding, 1),
                "limit": "decoding" if decoding / decoders.size > encoding else "encoding",
                "coarse_look_in_decodings": round(looks / decoding, 3),
                "inside_time_ratio": partly,
            }
            progress(number, len(encoders), kind)
            say(f"{kind}: {found[kind]}")
    return {"cores": decoders.size, "units": UNITS, **found}


def _inside(encoder: MediaVectors, sound: SoundVectors, files: Sequence[str], decoders: Decoders) -> dict[str, float]:
    """Share of the parts read -> seconds of processors for whole files in those for the parts, medians of 3."""
    tracks = files if encoder.name != "image" else []
    salience = {"audio": Salience.learned(sound, tracks, decoders)}
    salience[encoder.name] = Salience.learned(encoder, files, decoders)
    found = {}
    for share in INSIDE:
        reader, ratios = Partly(encoder, salience, share), []
        for _ in range(3):
            whole, parts = encoder.encode(files, decoders), reader.encode(files, decoders)
            ratios.append((whole.decoding + whole.encoding) / (parts.decoding + parts.encoding))
        found[str(share)] = round(float(np.median(ratios)), 2)
    return found


def _seconds(encoder: MediaVectors, files: Sequence[str], decoders: Decoders) -> tuple[float, float, float]:
    """By the clock: of the whole; of all children together, which decode; of this process, which encodes."""
    start = time.perf_counter()
    done = encoder.encode(files, decoders)
    return time.perf_counter() - start, done.decoding, done.encoding


def _made(folder: Path) -> dict[str, list[str]]:
    """Files of each kind: smooth photographs, noise, and videos of a moving scene with noise as their sound."""
    import av
    from PIL import Image

    rng = np.random.default_rng(0)
    files = {kind: [str(folder / f"{k}.{ending}") for k in range(count)] for kind, (count, ending) in FILES.items()}

    def smooth(width: int, height: int) -> Any:
        seen = Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8))
        return seen.resize((width, height), Image.Resampling.BICUBIC)

    def noise(rate: int) -> np.ndarray:
        return rng.integers(-9000, 9000, (1, SOUND * rate)).astype(np.int16)

    for file in files["image"]:
        smooth(1280, 960).save(file, quality=88)
    for file in files["audio"]:
        with wave.open(file, "wb") as out:
            out.setparams((1, 2, 22_050, 0, "NONE", ""))
            out.writeframes(noise(22_050).tobytes())
    for file in files["video"]:
        with av.open(file, "w") as clip:
            keys = {"g": "50"}  # a key frame each 2 s, as where videos are streamed
            seen, heard = (
                clip.add_stream("libx264", rate=25, options=keys),
                clip.add_stream("aac", rate=22_050, layout="mono"),
            )
            seen.width, seen.height, seen.pix_fmt = 640, 480, "yuv420p"
            scene = np.asarray(smooth(640 + 25 * SOUND, 480))
            for k in range(25 * SOUND):
                frame = np.ascontiguousarray(scene[:, k : k + 640])
                clip.mux(seen.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            samples = noise(22_050)
            for k in range(0, samples.shape[1], 1024):
                piece = av.AudioFrame.from_ndarray(samples[:, k : k + 1024], format="s16", layout="mono")
                piece.sample_rate, piece.pts = 22_050, k
                clip.mux(heard.encode(piece))
            for stream in (seen, heard):
                clip.mux(stream.encode(None))
    return files


def codes_joined(found: dict[str, Any]) -> dict[str, Any]:
    """`{"probe": {SET: {METHOD: [mean, sd]}}, "reconstruction": {SET: {METHOD: …}}, "how": …}`."""
    out: dict[str, Any] = {
        figure: {name: one[figure] for name, one in found.items()} for figure in ("probe", "reconstruction")
    }
    told = ("examples", "seeds", "seconds", "epochs_and_summaries")
    return out | {"how": {name: {key: one[key] for key in told} for name, one in found.items()}}


def joined(found: dict[str, Any]) -> dict[str, Any]:
    """The figures of `codes`, and beside them those of each other part under its name."""
    codes: dict[str, Any] = found.get("codes", {})
    return codes | {part: figures for part, figures in found.items() if part != "codes"}


BENCH = Composite(
    "media: codes beside principal components, what each modality tells, how fast files become vectors",
    {
        "codes": Composite(
            "reconstruction, and a linear probe for emotion (mean recall), beside components of equal width and raw",
            {
                "emodb": Bench("sound: utterances, speakers held out", "emodb", run_emodb),
                "face": Bench("images: faces", "face_expressions", run_face),
            },
            codes_joined,
        ),
        "modalities": modalities.BENCH,
        "inside": Composite(
            "the probes where segments of sounds and regions of images are skipped, and what that saves",
            {
                "emodb": Bench("sound: utterances, speakers held out", "emodb", partial(run_inside, "emodb")),
                "face": Bench("images: faces", "face_expressions", partial(run_inside, "face_expressions")),
                "town": Bench("a town: people read, and time, at each share of parts", None, run_inside_town),
            },
            lambda found: found,
        ),
        "screening": screening.BENCH,
        "screening_words": screening.WORDS,
        "throughput": Bench(
            "images, seconds of sound and frames of video per second, on made files", None, run_throughput
        ),
    },
    joined,
)
