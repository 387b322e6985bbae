"""Going on learning to recommend from the feedback that came since, with no restart (paper 4, Fig. 6)."""

from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from emotide.api.feedback import Told, told_by
from emotide.api.items import chooser_over
from emotide.api.recommending import Scene
from emotide.api.social_log import SocialLog
from emotide.errors import BadInput
from emotide.recommend import Estimate, Feedback, OnlineConfig, OnlinePolicy, Recommender
from emotide.recommend.off_policy import effective, gained
from emotide.store import IngestReport

ONLINE = "online"
PARTS = 20  # of new feedback: each is judged before it is learned from
ENOUGH = 50  # rows that the weighted feedback must be worth for either policy before a loss is believed
STALE = 8  # half-lives after which feedback is no longer replayed


@dataclass(frozen=True)
class Learned:
    """What came of going on.

    Attributes:
        feedback: new rows that were learned from.
        late: rows that came since and are older than what was known: they are replayed beside.
        gain: of the policy while it learned over the one from before, by SNIPS on the new feedback, each part judged
            before it was learned from; None where propensities are not known.
        taken_back: the whole interval of the gain lay below nought, on feedback that is worth at least `ENOUGH` rows,
            and the policy is the one from before.
    """

    feedback: int
    late: int
    gain: Estimate | None = None
    taken_back: bool = False

    def as_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return asdict(self)

    def line(self) -> str:
        """In words."""
        if not self.feedback:
            return "no new feedback"
        said = f"learned from {self.feedback} new rows of feedback" + (f", {self.late} came late" if self.late else "")
        if self.gain is None:
            return f"{said}; without propensities nobody can say whether that was for the better"
        told = f"gain in reward by SNIPS {self.gain.value:+.4f} ({self.gain.low:+.4f} to {self.gain.high:+.4f})"
        return f"{said}; {told}" + ("; clearly a loss: the policy from before is back" if self.taken_back else "")


def resumed(folder: Path) -> Recommender:
    """The recommender of a model's folder with what it has learned since."""
    made = Recommender.load(folder)
    OnlinePolicy.open(made, folder / ONLINE)
    return made


def ingest_feedback(log: SocialLog, file: Path) -> IngestReport:
    """Take a file of feedback (.csv, .jsonl or .parquet) into the log, whatever its name.

    Raises:
        BadInput: it is not there, or of another kind.
    """
    if not file.is_file() or file.suffix.lower() not in (".csv", ".jsonl", ".parquet"):
        raise BadInput("is not a file of feedback; wanted .csv, .jsonl or .parquet", file)
    with TemporaryDirectory(prefix="emotide-") as room:
        copyfile(file, Path(room) / f"feedback{file.suffix.lower()}")
        return log.ingest(Path(room))


def learn_on(scene: Scene, folder: Path) -> Learned:
    """Learn from the feedback that is newer than the recommender's place; see `Emotide.learn`."""
    chooser, items = chooser_over(scene.trained, scene.recommender, scene.log)
    config, options = chooser.config, OnlineConfig()
    policy = OnlinePolicy.open(chooser, folder, options)
    told = told_by(scene.trained, scene.log, scene.timeline, scene.vectors, items, config.recovery)
    until = policy.place.get("time", np.iinfo(np.int64).min)
    known, new = told[told.time <= until], told[told.time > until]
    late = max(0, len(known) - policy.place.get("rows", 0))
    if not len(new):
        return Learned(0, late)
    policy.remember(_fed(known[-min(config.memory, STALE * (options.half_life or config.memory)) :]))
    networks = deepcopy(chooser.network), deepcopy(chooser.target)
    before = Recommender(*networks, chooser.items.numpy(), chooser.candidates.numpy(), config)
    chances, judgeable = [], bool((new.propensity > 0).all())
    size = max(1, -(-len(new) // PARTS))
    for row in range(0, len(new), size):
        part = new[row : row + size]
        if judgeable:
            chances.append([_chance(one, part) for one in (chooser, before)])
        policy.learn(_fed(part))
    gain, back = None, False
    if judgeable:
        ours, theirs = np.concatenate(chances, 1)
        gain = gained(new.reward, new.propensity, ours, theirs, new.user)
        worth = min(effective(new.propensity, chance) for chance in (ours, theirs))
        back = gain.high < 0 and worth >= ENOUGH
    if back:
        chooser.network.load_state_dict(before.network.state_dict())
        chooser.target.load_state_dict(before.target.state_dict())
    chooser.place = scene.recommender.place = told.place
    policy.checkpoint()
    return Learned(len(new), late, gain, back)


def _fed(told: Told) -> Feedback:
    """As an online policy takes it: the rewards of whoever chose, hence not watched as its own."""
    other = np.zeros(len(told), bool)
    return Feedback(
        told.user, told.state, told.item, told.reward, told.time / 1e6, told.propensity.astype(float), other
    )


def _chance(recommender: Recommender, told: Told) -> np.ndarray:
    """How probable it was that the ε-greedy policy shows first what was shown."""
    best = recommender.recommend(told.state, 1, epsilon=0.0).item[:, 0]
    epsilon, items = recommender.config.epsilon, int(recommender.candidates.sum())
    return np.where(told.item == best, 1 - epsilon, 0.0) + epsilon / items
