"""Where the time goes: shares of all parts, which make the whole; the command shows this part alone."""

import pytest

from emotide.bench.speed import profile, timing


def test_medians_of_shares_the_largest_first():
    shares, raw = profile.shares_of([{"f_A": 0.5, "f_H": 0.5}, {"f_A": 0.7, "f_H": 0.3}, {"f_A": 0.4, "rest": 0.6}])
    assert list(shares.items()) == [("f_A", 0.5), ("f_H", 0.3), ("rest", 0.0)]
    assert list(raw) == list(shares)
    assert raw["rest"]["seconds"] == [0.0, 0.0, 0.6]


def test_the_command_shows_where_the_time_goes(command, monkeypatch):
    monkeypatch.setattr(profile, "USERS", 60)
    monkeypatch.setattr(timing, "THREADS", 1)
    found = command("bench", "speed", "--profile", "--json").json
    assert set(found) == {"profile", "how"}
    assert sum(found["profile"].values()) == pytest.approx(1, abs=0.2)  # medians, each of its own
    assert all(0 <= share <= 1 for share in found["profile"].values())
    assert found["how"]["profile"]["machine"]["threads"] == 1
    head, _, *lines = command("bench", "speed", "--profile").out.splitlines()
    assert head.strip() == "profile"
    assert {line.rsplit(maxsplit=1)[0].strip() for line in lines} == set(found["profile"])


def test_only_speed_has_a_profile(command):
    told = command("bench", "ingest", "--profile")
    assert (told.code, told.out) == (1, "")
    assert "part of bench 'ingest' 'profile' is not known" in told.err
