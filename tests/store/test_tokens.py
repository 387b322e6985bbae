"""Tokens on both back-ends: kept as hashes, known again, rotated, revoked, and seen so by whoever serves."""

import pytest

from emotide.errors import BadInput, UnknownName
from emotide.serve.tokens import Keyring, Scope, create, now, revoke, rotate
from emotide.store import Store


@pytest.fixture
def store(url):
    return Store.open(url)


@pytest.fixture
def ring(url):
    """The keyring of another process, which reads the table at every look."""
    return Keyring(Store.open(url), seconds=0.0)


def may(ring, token):
    """What a token allows now; None where it does not hold."""
    ring.refresh()
    found = ring.verify(token)
    return None if found is None else set(found.scopes)


def test_a_token_holds_and_its_secret_is_kept_nowhere(store, ring):
    made = create(store, "feed", [Scope.write, Scope.read, Scope.read], 1.0)
    assert may(ring, made.token) == {Scope.read, Scope.write}
    assert ring.remembered(made.token).name == made.row.token_id
    assert may(ring, made.token[:-1] + ("a" if made.token[-1] != "a" else "b")) is None
    assert may(ring, made.token.replace(made.row.token_id, "0" * 12)) is None
    (row,) = store.tokens.rows()
    assert row == made.row
    assert (row.name, row.scopes, row.revoked) == ("feed", "read,write", None)
    assert made.token.split("_", 2)[2] not in str(row)
    assert store.audit()["what"].to_list() == ["token created"]


def test_rotated_and_revoked_tokens_hold_no_more_for_others_who_look(store, ring):
    old = create(store, "feed", [Scope.read], 1.0)
    new = rotate(store, old.row.token_id, grace=3600.0)
    assert may(ring, old.token) == may(ring, new.token) == {Scope.read}
    revoke(store, old.row.token_id)  # before its grace is over
    assert (may(ring, old.token), may(ring, new.token)) == (None, {Scope.read})
    ended = {row.token_id: row.revoked for row in store.tokens.rows()}
    revoke(store, old.row.token_id)  # again: the first time counts
    assert {row.token_id: row.revoked for row in store.tokens.rows()} == ended
    with pytest.raises(BadInput, match="holds no more"):
        rotate(store, old.row.token_id)
    revoke(store, new.row.token_id)
    assert ring.remembered(new.token) is not None  # until it looks
    assert may(ring, new.token) is None


def test_a_token_expires_and_an_unknown_one_is_told(store, ring):
    short = create(store, "short", [Scope.admin], 1e-9)
    assert short.row.expires <= now()
    assert may(ring, short.token) is None
    with pytest.raises(UnknownName, match=short.row.token_id):
        revoke(store, "nobody")
    assert [row.name for row in store.tokens.rows()] == ["short"]


def test_tokens_are_listed_in_the_order_in_which_they_were_made(store):
    names = [f"n'; DROP TABLE tokens; -- {k}" for k in range(3)]
    for name in names:
        create(store, name, [Scope.read], 1.0)
    assert [row.name for row in store.tokens.rows()] == names
