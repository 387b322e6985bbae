"""Rows that point at nothing: kept, since what they point at may still come, and told."""

from emotide.store.connection import Connection

LOOSE = {
    "labels are of a post that the store does not hold: they count for their author's step all the same": (
        "labels AS t WHERE t.post_id <> '' AND NOT EXISTS "
        "(SELECT 1 FROM posts AS p WHERE p.post_id = t.post_id AND p.network = t.network)"
    ),
    "feedbacks are on an item that the store does not hold: nothing is learned from them": (
        "feedback AS t WHERE NOT EXISTS (SELECT 1 FROM items AS i WHERE i.item_id = t.item_id)"
    ),
    "ties are of a person to themselves: nobody is their own neighbour": "ties AS t WHERE t.source_id = t.target_id",
}


def loose_rows(connection: Connection) -> list[str]:
    """A line for each kind of loose rows that the store holds, with how many there are."""
    counts = {line: connection.rows(f"SELECT count(*) FROM {where}")[0][0] for line, where in LOOSE.items()}
    return [f"{n} {line}" for line, n in counts.items() if n]
