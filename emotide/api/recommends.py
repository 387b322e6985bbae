"""What to show and what is wanted: the part of `Emotide` that recommends (paper 4)."""

from pathlib import Path

import polars as pl

from emotide.api.checks import known_user, one_of
from emotide.api.demanding import BY, demand_table
from emotide.api.judging import judged
from emotide.api.known import Known
from emotide.api.learning_on import ONLINE, Learned, learn_on
from emotide.api.recommending import Scene, Slates, recommendations
from emotide.api.social_log import SocialLog
from emotide.errors import BadInput
from emotide.model.trace import SHOWN
from emotide.recommend import Guard

RECOMMENDER = "recommender"  # folder below the model's


class Recommends(Known):
    """Items for people in the state each is in, what is wanted, and what the policy is worth."""

    def recommend(
        self,
        log: SocialLog,
        *,
        user: str | None = None,
        top: int = 5,
        epsilon: float = 0.0,
        reports: str = "known",
        rules: Path | None = None,
        guarded: bool = True,
        diversity: float = 0.0,
        audit: Path | None = None,
    ) -> pl.DataFrame:
        """Items for users, by what showing them is worth in the state each is in at the end of the log.

        Args:
            log: with items.
            user: one person only.
            top: items a person.
            epsilon: share of the ranks given to chance, to learn from; 0 shows the best alone.
            reports: whether labels of earlier steps may be used.
            rules: a TOML file of what may not be shown to whom in which state; those that come with Emotide by default.
            guarded: whether the rules hold.
            diversity: from 0, the best by value, to 1, the least alike.
            audit: a .jsonl file to write, one line a decision: state, candidates with values and rules, what was shown.

        Returns:
            user_id, network, time, rank (from 1), item_id, value, propensity, reason.

        Raises:
            BadInput: the model has learned no recommending, or the log has no items.
        """
        scene, guard = self._scene(log, user, reports), Guard.read(rules) if guarded else None
        return recommendations(scene, Slates(user, top, epsilon, guard, diversity, audit))

    def demand(
        self,
        log: SocialLog,
        *,
        by: str = "network",
        user: str | None = None,
        moments: int = 1,
        least: int = 5,
        reports: str = "known",
    ) -> pl.DataFrame:
        """What is wanted: the expected value of each topic (tag of items), by Q over H at the end of the log.

        Args:
            log: with items.
            by: 'network', 'mood' (as read), 'group' (clusters of H) or 'user'.
            user: one person only.
            moments: how many steps to look back from the end; `change` is against the step before.
            least: users that a group must have; smaller ones are left out. One person alone is shown with `user` only.
            reports: whether labels of earlier steps may be used.

        Returns:
            group, time, topic, value, share (of the group's users who want it most), n, change.

        Raises:
            BadInput: the model has learned no recommending, or the log has no items.
            UnknownName: no such user or way of grouping.
        """
        return demand_table(self._scene(log, user, reports), one_of("by", by, BY), user, moments, least)

    def learn(self, log: SocialLog, folder: Path | str) -> Learned:
        """Go on learning to recommend from the feedback that came since this model learned last, with no restart.

        What was learned is kept below the model's folder, where `from_pretrained` finds it; how far it got is kept too.

        Args:
            log: with that feedback.
            folder: of this model.

        Raises:
            BadInput: the model has learned no recommending, or the log has no items.
        """
        return learn_on(self._scene(log, None, "known"), Path(folder) / RECOMMENDER / ONLINE)

    def judge(self, log: SocialLog, *, epsilon: float = 0.1, seed: int = 0) -> pl.DataFrame:
        """What the recommender's policy would earn, from the log of whatever chose before, off-policy.

        On the feedback that came since the model learned; where too little came, a recommender of the same recipe is
        learned on the earlier part of the log and judged on the rest.

        Args:
            log: with feedback whose propensities are known.
            epsilon: share of the showings that the judged policy gives to chance.
            seed: of the resampling that gives the intervals.

        Returns:
            policy ('logged', 'model'), estimate ('mean', 'ips', 'snips', 'dr'), value, low, high, n, since (time of the
            first judged feedback), on ('new feedback', 'later part').

        Raises:
            BadInput: the model has learned no recommending; the log has no items, too little feedback, or feedback
                without propensities.
        """
        return judged(self._scene(log, None, "known"), epsilon, seed)

    def _scene(self, log: SocialLog, user: str | None, reports: str) -> Scene:
        if self.recommender is None:
            raise BadInput(
                "this model has learned from a log without feedback and recommends nothing: train it on feedback"
            )
        timeline, vectors = self.compiled(log)
        known_user(timeline.users["user_id"], user)
        shown = SHOWN[one_of("reports", reports, SHOWN)]
        return Scene(self.trained, self.recommender, log, timeline, vectors, self._space(timeline), shown)
