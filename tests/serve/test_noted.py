"""What is done with tokens stands in the audit trail, without their secrets."""

from emotide.serve.tokens import Scope, create, revoke, rotate
from emotide.store import Store


def test_tokens_made_rotated_and_revoked_are_noted(tmp_path):
    store = Store.open(tmp_path / "town.db")
    first = create(store, "feed", [Scope.read], 1.0)
    second = rotate(store, first.row.token_id)
    revoke(store, second.row.token_id)
    trail = store.audit()
    assert trail["what"].to_list() == ["token created", "token created", "token rotated", "token revoked"]
    told = " ".join(trail["about"])
    assert first.row.token_id in told
    assert not any(issued.token.rsplit("_", 1)[1] in told for issued in (first, second))
