"""Consent: who has said no is erased and kept out, until they say yes (the table `people`, DESIGN 4).

For a network count what was said there and what was said for all (network ""); of these the latest counts, and "no"
where both are of the same time. Who is not in the table has said nothing, and is read.
"""

import polars as pl

from emotide.log import Table, renamed
from emotide.store.connection import Connection
from emotide.store.erase import NOBODY, PEOPLE, Erased, erase

NO_CONSENT = "a person whom it names has given no consent"


class Refusals:
    """Who has said no."""

    def __init__(self, connection: Connection) -> None:
        said: dict[str, dict[str, tuple[int, bool]]] = {}  # user -> network -> (since when, whether no)
        for network, user, consent, since in connection.rows("SELECT network, user_id, consent, since FROM people"):
            mine = said.setdefault(str(user), {})
            word = (int(since), consent == "no")
            mine[str(network)] = max(mine.get(str(network), word), word)
        self._said = {user: mine for user, mine in said.items() if any(no for _, no in mine.values())}

    def __contains__(self, who: tuple[str, str]) -> bool:
        """Whether (network, user) has said no."""
        network, user = who
        mine = self._said.get(user, {})
        words = [mine[place] for place in {"", network} if place in mine]
        return bool(words) and max(words)[1]

    def among(self, people: pl.DataFrame) -> list[tuple[str, str]]:
        """Those of (network, user_id) who have said no."""
        some = people.filter(pl.col("user_id").is_in(list(self._said))).unique().sort("network", "user_id")
        return [who for who in some.select("network", "user_id").iter_rows() if who in self]

    def turned_away(self, rows: pl.DataFrame, table: Table) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Rows that may come in, the names of those who said no taken out of their texts; and rows that name one."""
        people = [name for name in PEOPLE if name in table.names]
        if not self._said or table.name == "people" or not people:
            return rows, rows.clear()
        gone = self.among(pl.concat([rows.select("network", user_id=name) for name in people]))
        away = pl.lit(False)
        for network, user in gone:
            named = pl.any_horizontal(pl.col(people) == user)
            away = away | (named & (pl.col("network") == network))
        rows, out = rows.filter(~away), rows.filter(away)
        if table.name == "posts":
            rows = pl.concat([rows.clear(), *(self._unnamed(str(k), some) for (k,), some in rows.group_by("network"))])
        return rows, out

    def _unnamed(self, network: str, posts: pl.DataFrame) -> pl.DataFrame:
        return posts.with_columns(renamed(posts["text"], lambda name: (network, name) in self, NOBODY))


def erase_refused(connection: Connection) -> list[tuple[str, Erased]]:
    """Erase what is there of those who have said no, in the connection's transaction; who they were, and what went."""
    refusals = Refusals(connection)
    known = connection.frame({"network": pl.String(), "user_id": pl.String()}, "users")
    return [(user, erase(connection, user, network)) for network, user in refusals.among(known)]
