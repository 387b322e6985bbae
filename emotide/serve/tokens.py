"""Tokens: made, rotated and revoked by command, known again by their hash.

A token is `emo_<id>_<secret>`; the id finds the row, the secret is 256 random bits. Nobody guesses those, however fast
the hash: argon2 has little memory and one pass here (7 ms; with its usual setting 200 ms, which false tokens would make
the service spend). What was verified is remembered for a short time by its SHA-256.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from emotide.errors import BadInput, StoreError, UnknownName
from emotide.store import Store
from emotide.store.tokens import TokenRow

FORM = re.compile(r"emo_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
SECOND, DAY = 1_000_000, 86_400 * 1_000_000  # microseconds
LONGEST = 3650  # days
HASHER = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1)


class Scope(StrEnum):
    """What a token allows; admin allows everything."""

    read = "read"
    write = "write"
    recommend = "recommend"
    admin = "admin"


@dataclass(frozen=True)
class Principal:
    """Who asks: a token's id, or an address where no token is asked; and what is allowed."""

    name: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Whether this is allowed."""
        return scope in self.scopes or Scope.admin in self.scopes


class Issued(NamedTuple):
    """A new token: its secret is told here, once."""

    token: str
    row: TokenRow


def now() -> int:
    """Microseconds since 1970."""
    return int(datetime.now(UTC).timestamp() * SECOND)


def create(store: Store, name: str, scopes: Iterable[Scope], days: float) -> Issued:
    """Make a token.

    Args:
        name: what it is for; shown in lists, never asked for.
        scopes: what it allows.
        days: for which it holds.

    Raises:
        BadInput: no scope, or days that are none.
    """
    allowed = sorted(set(scopes))
    if not allowed:
        raise BadInput(f"a token must allow something: name one or more of {', '.join(Scope)}")
    if not 0 < days <= LONGEST:
        raise BadInput(f"a token holds for more than 0 and up to {LONGEST} days, this came: {days:g}")
    token_id, secret, begin = secrets.token_hex(6), secrets.token_urlsafe(32), now()
    row = TokenRow(token_id, name, HASHER.hash(secret), ",".join(allowed), begin, begin + int(days * DAY), None)
    store.tokens.keep(row)
    store.note("token created", {"token": token_id, "scopes": row.scopes})
    return Issued(f"emo_{token_id}_{secret}", row)


def rotate(store: Store, token_id: str, grace: float = 0.0) -> Issued:
    """A new token that allows the same for as long; the old one holds for so many seconds more.

    Raises:
        UnknownName: no such token.
        BadInput: it is revoked or has expired.
    """
    rows = store.tokens.rows()
    old = next((row for row in rows if row.token_id == token_id), None)
    if old is None:
        raise UnknownName("token", token_id, [row.token_id for row in rows])
    if not holds(old, now()):
        raise BadInput(f"token {token_id} holds no more: create a new one")
    days = (old.expires - old.created) / DAY
    made = create(store, old.name, map(Scope, old.scopes.split(",")), days)
    store.tokens.revoke(token_id, now() + int(grace * SECOND))
    store.note("token rotated", {"token": token_id, "by": made.row.token_id})
    return made


def revoke(store: Store, token_id: str) -> None:
    """A token that holds no more, from now on.

    Raises:
        UnknownName: no such token.
    """
    store.tokens.revoke(token_id, now())
    store.note("token revoked", {"token": token_id})


def holds(row: TokenRow, time: int) -> bool:
    """Whether a token is neither expired nor revoked at a time."""
    return time < row.expires and (row.revoked is None or time < row.revoked)


class Keyring:
    """The tokens of a store, held in memory for some seconds.

    Args:
        store: whose.
        seconds: after which the table is read again: so late is a revocation seen.
        remembered: seconds for which a verified token is not verified again.
    """

    def __init__(self, store: Store, seconds: float = 2.0, remembered: float = 60.0) -> None:
        self._table, self._seconds, self._remembered = store.tokens, seconds, remembered
        self._rows: dict[str, TokenRow] = {}
        self._verified: dict[bytes, tuple[str, int]] = {}  # digest: token id, until when
        self._read = 0

    @property
    def stale(self) -> bool:
        """Whether `refresh` is due."""
        return not 0 <= now() - self._read < self._seconds * SECOND

    def refresh(self) -> None:
        """Read the table where that is due; while the store cannot be read, what was known stays.

        Raises:
            StoreError: it could never be read.
        """
        if not self.stale:  # somebody else was faster
            return
        try:
            rows = self._table.rows()
        except StoreError:
            if not self._read:
                raise
            return
        self._rows = {row.token_id: row for row in rows}
        self._read = time = now()
        self._verified = {key: known for key, known in self._verified.items() if known[1] > time}

    def remembered(self, token: str) -> Principal | None:
        """Whose token this is, where it was verified a short time ago; takes microseconds."""
        known = self._verified.get(hashlib.sha256(token.encode()).digest())
        return self._principal(known[0]) if known and now() < known[1] else None

    def verify(self, token: str) -> Principal | None:
        """Whose token this is; None where it is nobody's, or holds no more. Takes milliseconds."""
        form = FORM.fullmatch(token)
        if form is None or (found := self._principal(form[1])) is None:
            return None
        try:
            HASHER.verify(self._rows[form[1]].hash, form[2])  # compares in constant time
        except (VerificationError, InvalidHashError, KeyError):
            return None
        self._verified[hashlib.sha256(token.encode()).digest()] = (form[1], now() + int(self._remembered * SECOND))
        return found

    def still(self, principal: Principal) -> bool:
        """Whether whoever was let in may stay."""
        return self._principal(principal.name) is not None

    def _principal(self, token_id: str) -> Principal | None:
        row = self._rows.get(token_id)
        if row is None or not holds(row, now()):
            return None
        return Principal(token_id, frozenset(map(Scope, row.scopes.split(","))))
