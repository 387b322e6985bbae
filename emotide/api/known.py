"""What every question starts from: a trained model, and a log compiled in its terms (DESIGN 5)."""

import warnings

from torch import Tensor

from emotide.api.social_log import SocialLog
from emotide.api.workers import ThisProcess, Workers
from emotide.model import EmotionSpace
from emotide.recommend import Recommender
from emotide.timeline import Timeline
from emotide.train import Trained


class Known:
    """A trained model that reads logs.

    Attributes:
        trained: the model and what stands around it.
        recommender: learned from the log's feedback; None where it had none.
    """

    trained: Trained
    recommender: Recommender | None

    def spaces(self) -> dict[str, EmotionSpace]:
        """The spaces that can be read, by name."""
        return dict(self.trained.model.readings.spaces)

    def add_space(self, space: EmotionSpace) -> None:
        """Make one more space readable, with no retraining."""
        self.trained.add_spaces([space])

    def caution(self, space: str) -> None:
        """Warn, in one line, where no labels taught the readings of a space."""
        readings = self.trained.model.readings
        if space not in readings.trained and space not in readings.sharpened:
            what = "its readings come from names and places alone, and are not calibrated"
            warnings.warn(f"the model was not trained on space {space!r}: {what}", stacklevel=2)

    def compiled(self, log: SocialLog, workers: Workers | None = None) -> tuple[Timeline, Tensor]:
        """The log's timeline in this model's terms, and its posts' vectors.

        Where the model reads more than text, both have a row a post and modality.
        """
        timeline = self._timeline(log, workers)
        seen = (workers or ThisProcess()).observed(self.trained, log.contents(timeline), None)
        return seen.of(timeline), seen.vectors

    def _timeline(self, log: SocialLog, workers: Workers | None = None) -> Timeline:
        for space in log.spaces().values():
            if space.name not in self.trained.model.readings.spaces:
                self.add_space(space)
        return log.timeline(self.trained.run.timeline, self.spaces(), self.trained.kinds, workers)

    def _space(self, timeline: Timeline) -> str:
        """The space that is meant when none is named: the trained one with the most labels here."""
        trained = self.trained.model.readings.trained
        if not trained:
            return "pad"
        return max(trained, key=lambda space: len(timeline.labels[space].step) if space in timeline.labels else 0)
