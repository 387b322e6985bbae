"""The table of tokens: who may ask the service for what. What a token is, and its hash, is the service's to know."""

from dataclasses import astuple, dataclass, fields

from sqlalchemy.engine import URL

from emotide.errors import UnknownName
from emotide.store.connection import Connection


@dataclass(frozen=True)
class TokenRow:
    """A token as it is kept.

    Attributes:
        token_id: which is no secret.
        name: what it is for, by whoever made it.
        hash: of the secret.
        scopes: with commas between.
        created, expires, revoked: microseconds since 1970; revoked is None as long as it is not.
    """

    token_id: str
    name: str
    hash: str
    scopes: str
    created: int
    expires: int
    revoked: int | None


COLUMNS = ", ".join(field.name for field in fields(TokenRow))


class TokenTable:
    """The tokens of a store."""

    def __init__(self, url: URL) -> None:
        self._url = url

    def rows(self) -> list[TokenRow]:
        """All of them, the oldest first.

        Raises:
            StoreError: the store cannot be read.
        """
        with Connection(self._url) as connection:
            return [TokenRow(*row) for row in connection.rows(f"SELECT {COLUMNS} FROM tokens ORDER BY created")]

    def keep(self, row: TokenRow) -> None:
        """Keep a new one.

        Raises:
            StoreError: the store cannot be written.
        """
        with Connection(self._url) as connection:
            connection.lock()
            given = [value for value in astuple(row) if value is not None]
            marks = [connection.mark(k + 1) for k in range(len(given))]
            marks += ["NULL"] * (len(astuple(row)) - len(given))  # only the last may be absent
            connection.execute(f"INSERT INTO tokens ({COLUMNS}) VALUES ({', '.join(marks)})", given)
            connection.commit()

    def revoke(self, token_id: str, time: int) -> None:
        """Revoke one from a time on, or from earlier where it was revoked already.

        Raises:
            UnknownName: no such token.
            StoreError: the store cannot be written.
        """
        with Connection(self._url) as connection:
            connection.lock()
            mark = connection.mark
            changed = connection.change(
                f"UPDATE tokens SET revoked = CASE WHEN revoked < {mark(1)} THEN revoked ELSE {mark(2)} END"
                f" WHERE token_id = {mark(3)}",
                [time, time, token_id],
            )
            if not changed:
                raise UnknownName(
                    "token", token_id, [str(row[0]) for row in connection.rows("SELECT token_id FROM tokens")]
                )
            connection.commit()
