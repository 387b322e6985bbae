"""A trained model with all it needs to read another log: vectors of posts, their scale, kinds of contact, spaces."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from emotide.errors import BadInput, ModelMismatch
from emotide.model import AffectiveModel, EmotionSpace, FusedNetwork, Readings
from emotide.model.sharpen import taken
from emotide.timeline import Timeline
from emotide.train.behaviour import behaviour_weight
from emotide.train.calibrate import Calibration
from emotide.train.observed import Observed, ignored, side_by_side
from emotide.train.run import RunConfig
from emotide.train.tuning import Tuning
from emotide.train.weak import WEAK_SPACE
from emotide.vectors import TEXT, TextVectors, TunedMiniLM, VectorCache, default_cache
from emotide.vectors.cache import Progress
from emotide.vectors.encoders import Contents, Files, MediaEncoders
from emotide.vectors.layout import Layout
from emotide.vectors.workers import Decoders

FORMAT = 2
MEDIA_FOLDER = "media"
TAUGHT = 100_000  # posts from which text vectors and their scale are learned, at most


@dataclass(frozen=True)
class Trained:
    """A model and what stands around it.

    Attributes:
        model: the fused network and its readings.
        run: how it was made.
        text: the text vectors.
        scale: [2, width] mean of the training log's post vectors, and its spread.
        kinds: of interaction, by column.
        facts: where it comes from: version, seed, digest of the log, best score on dev.
        calibration: what its readings are worth; nothing is known before it was calibrated.
        media: the encoders of images, sounds and videos; none where the log had text alone.
        media_scale: for each of them [2, width], as `scale`.
    """

    model: AffectiveModel
    run: RunConfig
    text: TextVectors
    scale: Float[Tensor, "2 width"]
    kinds: list[str]
    facts: dict[str, Any]
    calibration: Calibration = field(default_factory=Calibration)
    media: MediaEncoders = field(default_factory=lambda: MediaEncoders({}))
    media_scale: dict[str, Float[Tensor, "2 _"]] = field(default_factory=dict)

    @classmethod
    def new(
        cls,
        run: RunConfig,
        timeline: Timeline,
        texts: Sequence[str],
        spaces: Mapping[str, EmotionSpace],
        device: str,
        files: Files | None = None,
        progress: Progress | None = None,
        media: MediaEncoders | None = None,
    ) -> "Trained":
        """An untrained model for this log.

        Args:
            run: sizes, seed and everything else.
            timeline: of the log.
            texts: of its posts, in the timeline's order; vectors and their scale come from the training part alone,
                from a sample where it holds more than `TAUGHT`.
            spaces: all spaces to be read; those in which the log has labels are trained.
            device: where the network is to live.
            files: the media of its posts, by kind, in the same order; those of the training part teach.
            progress: called with (done, total, what) while media are decoded and taught.
            media: encoders that were taught before, to be used as they are.

        Raises:
            BadInput: the run wants modalities of which the training part has nothing.
        """
        torch.manual_seed(run.train.seed)
        told = np.flatnonzero(timeline.posts["train"].to_numpy())
        if len(told) > TAUGHT:
            told = np.sort(np.random.default_rng(run.train.seed).choice(told, TAUGHT, replace=False))
        taught = [texts[k] for k in told.tolist()]
        text = TEXT[run.encoder].fit(taught, width=run.text_width, seed=run.train.seed)
        wanted = (*run.train.spaces, WEAK_SPACE)
        trained = [space for space in timeline.spaces if not run.train.spaces or space in wanted]
        readings = Readings(run.network.affect, text.width, {space: spaces[space] for space in trained})
        train = timeline.posts["train"].to_numpy()
        media, media_scale = cls._taught_media(run, files or {}, train, progress, media)
        layout = layout_of(run, text, media)
        if not layout.names:
            named = ", ".join(run.modalities)
            raise BadInput(f"the posts of the training part hold nothing of what is to be read: {named}")
        network = FusedNetwork(run.network, layout.width, 2 * len(timeline.kinds))
        model = AffectiveModel(network, readings, behaviour_weight(timeline, run.train) > 0)
        facts = {"version": version("emotide"), "seed": run.train.seed, "digest": timeline.digest}
        scale = torch.stack([torch.zeros(text.width), torch.ones(text.width)])
        made = cls(model.to(device), run, text, scale, timeline.kinds, facts, media=media, media_scale=media_scale)
        made.add_spaces(spaces.values())
        readings.encoder.start(readings.vocabulary()[1])
        counted = taught if layout.plain else [text for text in taught if text.strip()]
        made.scale.copy_(_scale_of(made._encode(counted)))
        return made

    @staticmethod
    def _taught_media(
        run: RunConfig, files: Files, train: np.ndarray, progress: Progress | None, media: MediaEncoders | None
    ) -> tuple[MediaEncoders, dict[str, Tensor]]:
        """Encoders taught on the media of posts that may teach, and the scale of their codes."""
        if run.train.tune_encoder is not None:
            return MediaEncoders({}), {}
        wanted: Files = {kind: places for kind, places in files.items() if kind in set[str](run.modalities)}
        taught: Files = {
            kind: [place if teaches else None for place, teaches in zip(places, train, strict=True)]
            for kind, places in wanted.items()
        }
        media = media or MediaEncoders.fit(taught, run.media, run.train.seed, progress)
        media = media.only(taught).reading(run.media.inside, taught, run.train.seed)
        codes = media.encode(wanted, vector_cache(), progress, quiet=True) if media.by_kind else {}
        return media, {kind: _scale_of(found[there & train]) for kind, (found, there) in codes.items()}

    @property
    def layout(self) -> Layout:
        """What a row of the table of vectors holds, and where."""
        return layout_of(self.run, self.text, self.media)

    @property
    def device(self) -> torch.device:
        """Where the network lives."""
        return self.model.network.H_0.device

    def add_spaces(self, spaces: Any) -> None:
        """Make spaces readable, with no retraining.

        Their names stay where an encoder puts them before it is tuned: there the network learned to read them.
        """
        namer = self.text.untuned if isinstance(self.text, TunedMiniLM) else self.text
        for space in spaces:
            names = [name.replace("_", " ").replace("-", " ") for name in space.names]
            self.model.readings.add(space, torch.from_numpy(namer.encode(names)).to(self.device))

    def tune(self, texts: Sequence[str]) -> None:
        """Let the encoder learn with the model, from these posts, where the run wants it, until `settled`."""
        if isinstance(self.text, TunedMiniLM):
            self.model.encoder = Tuning(self.text, texts, self.scale, self.device)

    def settled(self) -> "Trained":
        """The same with the encoder as it was learned, which learns no more."""
        self.model.encoder = None
        return replace(self, text=self.text.kept()) if isinstance(self.text, TunedMiniLM) else self

    def vectors(self, texts: Sequence[str]) -> Float[Tensor, "texts width"]:
        """The vectors of posts on the scale of the training log; zeros for a post without text."""
        mean, spread = self.scale.to(self.device)
        found = torch.from_numpy(self._encode(texts)).to(self.device)
        found.sub_(mean).div_(spread)  # in place: of a large log they are much of the memory
        empty = [k for k, text in enumerate(texts) if not text.strip()]
        return found.index_fill_(0, torch.tensor(empty, dtype=torch.long, device=self.device), 0)

    def observed(
        self, contents: Contents, progress: Progress | None = None, decoders: Decoders | None = None
    ) -> Observed:
        """The vectors of posts, a row a modality: texts, images, sounds and videos on one scale.

        Where the model was trained on text alone this is `vectors`, a row a post. What it cannot read is left out, with
        one warning.

        Args:
            contents: of the posts.
            progress: called with (done, total, what) while media are decoded.
            decoders: children that are there already.
        """
        layout = self.layout
        ignored(contents.files, layout, self.run.modalities)
        if layout.plain:
            return Observed(self.vectors(contents.texts))
        return self.beside(contents.texts, self.codes(contents.files, progress, decoders))

    def codes(
        self, files: Files, progress: Progress | None = None, decoders: Decoders | None = None
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """The codes of files [posts, width] and which posts have one, by kind; see `MediaEncoders.encode`."""
        return self.media.encode(files, vector_cache(), progress, decoders=decoders)

    def beside(self, texts: Sequence[str], codes: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Observed:
        """Texts and codes of media on one scale, a row a post and modality."""
        parts = {}
        if "text" in self.layout.names:
            there = np.array([bool(text.strip()) for text in texts], bool)
            parts["text"] = self.vectors(texts).cpu().numpy(), there
        for kind, (found, there) in codes.items():
            mean, spread = self.media_scale[kind].numpy()
            parts[kind] = (found - mean) / spread, there
        return side_by_side(parts, self.layout, len(texts), self.device)

    def scaled_codes(
        self, kind: str, files: Sequence[str | None]
    ) -> tuple[Float32[np.ndarray, "files width"], Bool[np.ndarray, " files"]]:
        """Codes of files of one kind of media on the scale of the training log, and which there are.

        Raises:
            ModelMismatch: the model has no encoder of this kind.
        """
        if kind not in self.media.by_kind:
            raise ModelMismatch(f"the model has no encoder of kind {kind!r}: train it on a log that has such files")
        codes, there = self.media.encode({kind: files}, vector_cache())[kind]
        mean, spread = self.media_scale[kind].numpy()
        return ((codes - mean) / spread).astype(np.float32), there

    def _encode(self, texts: Sequence[str]) -> np.ndarray:
        if self.text.name == "words":
            return self.text.encode(texts)  # quicker than to look them up
        return vector_cache().vectors(self.text.name, self.text.width, texts, self.text.encode)

    def save(self, folder: Path) -> None:
        """Write the model: safetensors and JSON, nothing that runs on loading."""
        folder.mkdir(parents=True, exist_ok=True)
        weights = {key: value.detach().cpu().contiguous() for key, value in self.model.state_dict().items()}
        beside = self.calibration.tensors() | self.model.readings.sharpened_tensors()
        scales = {"scale": self.scale} | {f"scale.{kind}": scale for kind, scale in self.media_scale.items()}
        save_file(weights | scales | beside, folder / "model.safetensors")
        self.text.save(folder / "text")
        shutil.rmtree(folder / MEDIA_FOLDER, ignore_errors=True)
        self.media.save(folder / MEDIA_FOLDER)
        readings = self.model.readings
        head = {
            "format": FORMAT,
            "run": self.run.model_dump(mode="json"),
            "kinds": self.kinds,
            "trained": readings.taught,
            "spaces": [space.model_dump(mode="json") for space in readings.spaces.values()],
            "media": self.media.digests,
            "facts": self.facts,
        }
        part = folder / "model.json.part"
        part.write_text(json.dumps(head, indent=1, ensure_ascii=False), "utf-8")
        part.replace(folder / "model.json")

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> "Trained":
        """What `save` wrote.

        Raises:
            ModelMismatch: there is no whole model, or it was written by another version.
        """
        try:
            head = json.loads((folder / "model.json").read_text("utf-8"))
            tensors = load_file(folder / "model.safetensors")
        except (OSError, ValueError, SafetensorError) as error:
            why = "" if isinstance(error, FileNotFoundError | NotADirectoryError) else f" ({error})"
            raise ModelMismatch(f"{folder}: no readable model here{why}; train one: emotide train") from error
        if not isinstance(head, dict) or head.get("format") != FORMAT:
            found = head.get("format") if isinstance(head, dict) else None
            raise ModelMismatch(f"{folder}: a model of format {found!r}, this version reads {FORMAT}: train again")
        try:
            return cls._of(head, tensors, folder, device)
        except (KeyError, ValueError, RuntimeError, OSError, TypeError, SafetensorError) as error:
            line = str(error).splitlines()[0]
            raise ModelMismatch(f"{folder}: the model does not fit this version ({line}): train again") from error

    @classmethod
    def _of(cls, head: dict[str, Any], tensors: dict[str, Tensor], folder: Path, device: str) -> "Trained":
        run = RunConfig.model_validate(head["run"])
        text = TEXT[run.encoder].load(folder / "text")
        spaces = {space["name"]: EmotionSpace.model_validate(space) for space in head["spaces"]}
        media = MediaEncoders.load(folder / MEDIA_FOLDER, head.get("media", {}), run.media.inside)
        media_scale = {kind: tensors.pop(f"scale.{kind}") for kind in media.by_kind}
        scale, calibration, sharpened = tensors.pop("scale"), Calibration.taken(tensors), taken(tensors)
        trained = {space: spaces[space].ordered(names) for space, names in dict(head["trained"]).items()}
        readings = Readings(run.network.affect, text.width, trained)
        behaviour = any(name.startswith("behaviour.") for name in tensors)
        width = layout_of(run, text, media).width
        model = AffectiveModel(FusedNetwork(run.network, width, 2 * len(head["kinds"])), readings, behaviour)
        model.load_state_dict(tensors)
        model = model.eval().to(device)
        made = cls(model, run, text, scale, head["kinds"], head["facts"], calibration, media, media_scale)
        made.add_spaces(spaces.values())
        readings.sharpened.update(sharpened)
        return made


def layout_of(run: RunConfig, text: TextVectors, media: MediaEncoders) -> Layout:
    """What a row of the table of vectors holds: text where the run wants it, and what media were taught."""
    return Layout(({"text": text.width} if "text" in run.modalities else {}) | media.widths)


def _scale_of(raw: Float32[np.ndarray, "rows width"]) -> Float[Tensor, "2 width"]:
    """Mean and spread; a coordinate that hardly ever changes is not blown up to the size of the others."""
    if not len(raw):
        return torch.stack([torch.zeros(raw.shape[1]), torch.ones(raw.shape[1])])
    spread = np.maximum(raw.std(0), max(0.1 * float(raw.std()), 1e-6))
    return torch.from_numpy(np.stack([raw.mean(0), spread]))


def vector_cache() -> VectorCache:
    """Where the vectors of texts and media are kept."""
    return VectorCache(default_cache() / "vectors.sqlite")
