"""Who moves whom: the part of `Emotide` that asks for influence (paper 3.3)."""

import polars as pl

from emotide.api.checks import known_user, one_of
from emotide.api.influencing import HOW, Asked, influence_table, paths_table, sources_table
from emotide.api.known import Known
from emotide.api.social_log import SocialLog
from emotide.model import space_named
from emotide.model.trace import SHOWN


class Influences(Known):
    """Influence of people on people: pair by pair, by source, along paths."""

    def influence(
        self,
        log: SocialLog,
        *,
        user: str | None = None,
        total: bool = False,
        space: str | None = None,
        reports: str = "known",
        shuffles: int = 39,
        how: str = "history",
    ) -> pl.DataFrame:
        """Who moved whom, when, how much: each reading with and without each neighbour.

        Args:
            log: what people did.
            user: only who moved this person, and whom this person moved.
            total: one row a pair over all time.
            space: in which the strength is measured.
            reports: whether labels of earlier steps may be used.
            shuffles: how often strangers are dealt into the neighbours' places for the p-value.
            how: 'history' weighs each pair by its whole history; 'network' asks the network each step again without
                the neighbour, and knows one form of contagion for all.

        Returns:
            source_id, target_id, network, time, effect, strength, p_value, q_value (the share of false findings among
            all as clear as this); by history also weight and weight_sd of the pair; the strongest first.
        """
        frame = influence_table(self._asked(log, user, space, reports, shuffles), one_of("how", how, HOW), total)
        return frame if user is None else frame.filter((pl.col("source_id") == user) | (pl.col("target_id") == user))

    def sources(
        self, log: SocialLog, *, space: str | None = None, reports: str = "known", shuffles: int = 39
    ) -> pl.DataFrame:
        """Who moves each network most: source_id, network, moved, neighbours, strength, effect; see `influence`.

        Only pairs that stand out count, with at most a tenth of false findings among them.
        """
        return sources_table(influence_table(self._asked(log, None, space, reports, shuffles), "history", total=True))

    def paths(
        self,
        log: SocialLog,
        user: str,
        *,
        links: int = 3,
        total: bool = False,
        reports: str = "known",
        shuffles: int = 39,
    ) -> pl.DataFrame:
        """The chains of up to `links` pairs by which the moods of others travelled to a person.

        Returns:
            path, links, source_id, target_id, network, begin, time, effect (on pleasure), strength, weight; the
            strongest first; with `total` one row a path. Paths go along pairs that stand out, as in `sources`.
        """
        return paths_table(self._asked(log, user, None, reports, shuffles), user, links, total)

    def _asked(self, log: SocialLog, user: str | None, space: str | None, reports: str, shuffles: int) -> Asked:
        timeline, vectors = self.compiled(log)
        known = space_named(space or self._space(timeline), self.spaces())
        known_user(timeline.users["user_id"], user)
        shown, ties = SHOWN[one_of("reports", reports, SHOWN)], log.table("ties")
        return Asked(self.trained, timeline, vectors, known.name, shown, shuffles, ties)
