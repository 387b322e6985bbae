"""Training, evaluation and the baselines (paper 3; DESIGN 3.3, 5)."""

from emotide.train.baselines import baseline_scores
from emotide.train.calibrate import Calibration, calibrated
from emotide.train.config import TrainConfig
from emotide.train.evaluate import REPORTS, answers, scores
from emotide.train.fit import History, fit, trained_spaces
from emotide.train.run import RunConfig
from emotide.train.trained import Trained

__all__ = [
    "REPORTS", "Calibration", "History", "RunConfig", "TrainConfig", "Trained", "answers", "baseline_scores",
    "calibrated", "fit", "scores", "trained_spaces",
]  # fmt: skip
