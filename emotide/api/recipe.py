"""A recipe: everything that decides what a model becomes, as one TOML file."""

from emotide.recommend import QConfig
from emotide.train import RunConfig


class Recipe(RunConfig, frozen=True, extra="forbid"):
    """A run and how its recommender learns."""

    recommend: QConfig = QConfig()

    def base(self) -> RunConfig:
        """The part that makes the model of emotions."""
        return RunConfig.model_validate(self.model_dump(exclude={"recommend"}))
