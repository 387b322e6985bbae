"""How a model is trained."""

from typing import Literal

from pydantic import BaseModel, Field


class TrainConfig(BaseModel, frozen=True, extra="forbid"):
    """How a model is trained; every field has a default that works."""

    epochs: int = Field(40, ge=1, description="passes over the training part, at most")
    patience: int = Field(8, ge=1, description="epochs without a better score on dev before training stops")
    batch_events: int = Field(1500, ge=1, description="active users, counted per step, of the networks in one batch")
    window: int = Field(40, ge=1, description="steps through which gradients flow back, at most")
    least_window: int = Field(
        20, ge=1, description="steps below which a window is never cut to make more gradient steps"
    )
    updates: int = Field(
        24, ge=1, description="gradient steps in an epoch, at least: a small log is cut finer, and gone over again"
    )
    learning_rate: float = Field(2e-3, gt=0)
    weight_decay: float = Field(1e-2, ge=0)
    clip: float = Field(1.0, gt=0, description="largest norm of a gradient")
    averaging: float = Field(0.98, ge=0, lt=1, description="decay of the running mean of the weights that is kept")
    class_weights: float = Field(
        0.5, ge=0, le=1, description="power of the inverse class frequency: 0 none, 1 balanced"
    )
    forecast: float = Field(1.0, ge=0, description="weight of reading before the step is seen")
    next_observation: float = Field(0.1, ge=0, description="weight of predicting the next post's vector")
    behaviour: float | None = Field(
        None,
        ge=0,
        description="weight of who posts and who turns to whom; by default 1 where a log has no labels, else 0",
    )
    anchor: float = Field(0.1, ge=0, description="weight of pleasure, arousal, dominance against published coordinates")
    names: float = Field(0.0, ge=0, description="weight of agreeing with the names of emotions that posts sound like")
    reports: float = Field(0.5, ge=0, le=1, description="share of the batches in which earlier labels are fed back")
    hidden: float | None = Field(
        None,
        ge=0,
        le=1,
        description="share of the windows in which some posts, any share of them, are hidden at random, for a network "
        "that is to read people of whom it sees few posts, or not all modalities; by default 0.5 where screening is "
        "learned or posts have several modalities, else 0",
    )
    spaces: tuple[str, ...] = Field((), description="the spaces to train on; empty: all that the log has labels in")
    weak_labels: tuple[Literal["vader", "pysenti"], ...] = Field(
        (), description="lexicons that give weak polarity labels to training posts without a label: vader, pysenti"
    )
    weak_weight: float = Field(0.3, gt=0, lt=1, description="weight of a weak label, where that of a label is 1")
    tune_encoder: float | None = Field(
        None,
        gt=0,
        description="learning rate of a sentence encoder's upper layers, to tune them with the network, such as 1e-4; "
        "by default they stay as they are",
    )
    tune_after: int = Field(12, ge=0, description="epochs that the network learns alone, before the encoder learns too")
    seed: int = Field(0, ge=0, lt=2**32, description="of weights, order and dropout")
