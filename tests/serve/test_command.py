"""`emotide token` and what `emotide serve` refuses; serving itself is in test_live.py."""

from datetime import datetime, timedelta

import pytest

from emotide.errors import BadInput
from emotide.serve.settings import ServiceSettings
from emotide.store import Store


@pytest.fixture
def store(tmp_path):
    Store.open(tmp_path / "town.db")
    return tmp_path / "town.db"


def test_tokens_by_command(store, command):
    made = command(
        "token", "create", "--store", store, "--name", "feed", "--scope", "write", "--scope", "read", "--json"
    )
    assert made.code == 0, made.err
    (row,) = made.json
    assert (row["name"], row["scopes"], row["revoked"]) == ("feed", "read,write", None)
    assert row["token"].startswith(f"emo_{row['token_id']}_")
    begin, end = (datetime.fromisoformat(row[name]) for name in ("created", "expires"))
    assert end - begin == timedelta(days=90)
    (turned,) = command("token", "rotate", row["token_id"], "--store", store, "--json").json
    listed = command("token", "list", "--store", store, "--json")
    assert {one["token_id"]: bool(one["revoked"]) for one in listed.json} == {
        row["token_id"]: True,
        turned["token_id"]: False,
    }
    for secret in (row["token"], turned["token"], "argon2"):
        assert secret not in listed.out
    told = command("token", "revoke", turned["token_id"], "--store", store)
    assert (told.code, told.out) == (0, "")
    assert told.err == f"token {turned['token_id']} is revoked: a running service refuses it within seconds\n"
    assert all(one["revoked"] for one in command("token", "list", "--store", store, "--json").json)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["create", "--name", "x", "--scope", "raed"], "scope 'raed' is not known; did you mean 'read'?"),
        (
            ["create", "--name", "x", "--scope", "read", "--days", "0"],
            "a token holds for more than 0 and up to 3650 days",
        ),
        (["rotate", "abc"], "token 'abc' is not known"),
        (["revoke", "abc"], "token 'abc' is not known"),
    ],
)
def test_what_a_token_command_refuses(words, line, store, command):
    told = command("token", *words, "--store", store)
    assert (told.code, told.out) == (1, "")
    assert told.err.startswith(f"emotide: {line}")
    assert told.err.count("\n") == 1


def test_no_tokens_are_listed(store, command):
    assert command("token", "list", "--store", store, "--json").json == []
    assert command("token", "list", "--store", store.with_name("none.db")).code == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "example.org"])
def test_never_beyond_this_machine_without_a_token(host, store, command):
    serve = ("serve", "--store", store, "--model", store.parent, "--host", host)
    told = command(*serve)
    assert told.code == 1
    assert told.err == (
        f"emotide: {host} can be reached from other machines and the store holds no token: "
        "make one with 'emotide token create' first\n"
    )
    command("token", "create", "--store", store, "--name", "x", "--scope", "read", "--days", "0.00000001")
    assert "the store holds no token" in command(*serve).err  # it has expired
    command("token", "create", "--store", store, "--name", "x", "--scope", "read", "--days", "1")
    told = command(*serve, "--open")
    assert told.code == 1
    assert "--open serves this machine alone" in told.err


def test_settings_are_a_file(tmp_path):
    file = tmp_path / "service.toml"
    file.write_text('rate = 5.0\nhosts = ["emotions.example"]\n')
    assert ServiceSettings.read(file) == ServiceSettings(rate=5.0, hosts=("emotions.example",))
    for text, line in (
        ("rate = -1", "rate: .*greater than 0"),
        ("raet = 1", "raet: .*is not known; did you mean 'rate'"),
        ("rate", "TOML"),
    ):
        file.write_text(text)
        with pytest.raises(BadInput, match=line):
            ServiceSettings.read(file)
    with pytest.raises(BadInput, match=r"none\.toml: not a readable TOML file: there is no such file$"):
        ServiceSettings.read(tmp_path / "none.toml")
