"""A run: everything that decides what a model becomes, as one TOML file."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, model_validator

from emotide.errors import BadInput
from emotide.log.settings import read_settings
from emotide.model import NetworkConfig
from emotide.timeline import TimelineConfig
from emotide.train.config import TrainConfig
from emotide.vectors.encoders import MediaConfig


class RunConfig(BaseModel, frozen=True, extra="forbid"):
    """How a log becomes a model; the model folder keeps it, so that `emotide train --config` repeats it."""

    text: Literal["words", "minilm"] = Field(
        "words", description="text vectors: 'words' trained on the log, or 'minilm', an English sentence encoder"
    )
    text_width: int = Field(128, ge=8, le=1024, description="width of the word vectors")
    modalities: tuple[Literal["text", "image", "audio", "video"], ...] = Field(
        ("text", "image", "audio", "video"), min_length=1, description="what is read of posts, where a log has it"
    )
    media: MediaConfig = MediaConfig()
    timeline: TimelineConfig = TimelineConfig()
    network: NetworkConfig = NetworkConfig()
    train: TrainConfig = TrainConfig()

    @model_validator(mode="after")
    def _names_need_texts(self) -> "RunConfig":
        if self.train.names and "text" not in self.modalities:
            raise ValueError("train.names compares posts with names of emotions: it needs 'text' among the modalities")
        return self

    @property
    def encoder(self) -> str:
        """The key of the text vectors among `emotide.vectors.TEXT`.

        Raises:
            BadInput: what is to be tuned is no sentence encoder.
        """
        if self.train.tune_encoder is None:
            return self.text
        if self.text != "minilm":
            raise BadInput(f"train.tune_encoder tunes a sentence encoder: it needs text 'minilm', not {self.text!r}")
        return "tuned"

    @classmethod
    def read(cls, file: Path) -> "RunConfig":
        """A run from a TOML file, or from the recipe.json of a model folder.

        Raises:
            BadInput: the file cannot be read, or a field is unknown or out of its range.
        """
        return read_settings(file, cls, "recipe")
