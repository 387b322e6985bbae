"""What the page asks for, through ASGI: it says what the model says, and nothing of small groups."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import polars as pl
import pytest
from fastapi import FastAPI

from emotide.api import Emotide, SocialLog
from emotide.errors import NotYet, UnknownName
from emotide.serve.dashboard import PUBLIC, Views, dashboard_router
from emotide.serve.dashboard.groups import group_moods
from emotide.serve.dashboard.network import mood_codes, people_of
from emotide.serve.dashboard.recommending import rewards, tail

VIEWS = ("start", "network", "person?user=ana", "why?user=ana", "groups", "recommender", "health")


@pytest.fixture(scope="module")
def ask(views):
    """`ask("/v1/dashboard/start")`: the answer."""
    return asking(views)


def asking(views):
    app = FastAPI()
    app.include_router(dashboard_router(views))

    async def get(path: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            return await client.get(path)

    def answer(path: str) -> httpx.Response:
        with ThreadPoolExecutor(1) as apart:  # from the loop that Playwright keeps in this thread
            return apart.submit(lambda: asyncio.run(get(path))).result()

    return answer


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_answers_in_json_that_is_not_kept(ask, view):
    answer = ask(f"/v1/dashboard/{view}")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("network?space=ekmann", 404, "did you mean 'ekman'"),
        ("person?user=nobody", 404, "user 'nobody' is not known"),
        ("person?user=ana&network=elsewhere", 404, "network of this user"),
        ("why?user=nobody", 404, "nobody"),
        ("why?user=ana&at=1999-01-01T00:00:00Z", 422, "ana"),
        ("groups?by=shoe-size", 404, "way of grouping"),
    ],
)
def test_a_wrong_question_is_told_what_is_wrong(ask, path, status, says):
    answer = ask(f"/v1/dashboard/{path}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert says in answer.json()["detail"]


def test_the_network_draws_what_predict_says(ask, watched):
    told, (emotide, log) = ask("/v1/dashboard/network?space=ekman_neutral").json(), watched
    readings = emotide.predict(log, space="ekman_neutral")
    assert len(told["people"]["user"]) == readings["user_id"].n_unique() == 12
    last = readings.sort("time").group_by("user_id").last()
    drawn = {
        user: told["names"][ord(mood[-1]) - ord("1")]
        for user, mood in zip(told["people"]["user"], told["moods"], strict=True)
    }
    assert drawn == dict(zip(last["user_id"], last["reading"], strict=True))
    pairs = emotide.influence(log, total=True)
    best = pairs.row(0, named=True)
    arrows = told["arrows"]
    ends = [
        (told["people"]["user"][s], told["people"]["user"][t])
        for s, t in zip(arrows["source"], arrows["target"], strict=True)
    ]
    k = ends.index((best["source_id"], best["target_id"]))
    assert arrows["strength"][k] == pytest.approx(best["strength"], rel=1e-4)


def test_a_mood_holds_until_the_next_reading(watched):
    space = watched[0].spaces()["ekman_neutral"]
    hours = pl.datetime_range(pl.datetime(2024, 1, 1), pl.datetime(2024, 1, 4), "1d", eager=True, time_zone="UTC")
    readings = pl.DataFrame(
        {"user_id": ["a", "a", "b"], "network": "", "time": hours.gather([1, 3, 0]), "horizon": [0, 0, 0]}
    ).with_columns(reading=pl.Series([space.names[2], space.names[0], space.names[1]]))
    codes = mood_codes(readings, people_of(readings), hours, space)
    assert codes.tolist() == [[0, 3, 3, 1], [2, 2, 2, 2]]


def test_a_person_has_readings_sets_and_forecasts(ask, watched):
    told, (emotide, log) = ask("/v1/dashboard/person?user=ana&space=ekman_neutral").json(), watched
    readings = emotide.predict(log, user="ana", horizon=5, space="ekman_neutral", coverage=0.9).sort("time", "horizon")
    assert told["reading"] == readings["reading"].to_list()
    assert told["horizon"][-5:] == [1, 2, 3, 4, 5]
    assert told["set"] == readings["set"].to_list()
    assert np.allclose(told["values"]["joy"], readings["joy"].to_list(), atol=1e-5)
    assert np.allclose(np.sum([told["values"][name] for name in told["names"]], 0), 1, atol=1e-4)
    offers = emotide.recommend(log, user="ana")
    assert told["offers"]["item_id"] == offers["item_id"].to_list()
    assert told["offers"]["reason"] == offers["reason"].to_list()


def test_the_interval_of_a_dimension_holds_its_reading(ask):
    told = ask("/v1/dashboard/person?user=ana&space=pad").json()
    assert told["dimensional"]
    for name in told["names"]:
        low, value, high = (np.array(part[name]) for part in (told["low"], told["values"], told["high"]))
        assert (low <= value + 2e-3).all()
        assert (value <= high + 2e-3).all()


def test_why_adds_up(ask):
    told = pl.DataFrame(ask("/v1/dashboard/why?user=ana").json(), strict=False)
    of = {kind: told.filter(pl.col("kind") == kind)["share"].sum() for kind in ("reading", "without", "post")}
    assert of["without"] + of["post"] == pytest.approx(of["reading"], abs=0.02)


def test_groups_below_the_least_are_left_out(watched, views):
    assert [one["n"] for one in views.groups()["networks"]] == [12]
    for by in ("mood", "group"):
        assert all(n >= 5 for n in views.groups(by)["demand"]["n"])
    fewer = Views(*watched, least=13).groups()
    assert fewer["networks"] == []
    assert fewer["demand"]["group"] == []


def test_a_reward_of_few_people_is_not_told():
    hour = pl.datetime(2024, 1, 1, 5, time_zone="UTC")
    feedback = pl.DataFrame({"user_id": [f"u{k}" for k in range(7)], "reward": [1.0, 0, 0, 0, 0, 1, 1]}).with_columns(
        time=pl.when(pl.int_range(7) < 5).then(hour).otherwise(hour + pl.duration(days=1)).dt.cast_time_unit("us")
    )
    told = rewards(feedback, 5)
    assert told["n"] == [5, 2]
    assert told["reward"] == [0.2, None]


def test_the_end_of_an_audit_is_read_the_latest_first(tmp_path, watched):
    file = tmp_path / "audit.jsonl"
    file.write_text('{"user_id": "a", "state": [1], "barred": 0}\n{"user_id": "b", "barred": 1}\n{"cut')
    assert tail(file) == [{"user_id": "b", "barred": 1}, {"user_id": "a", "barred": 0}]
    assert tail(tmp_path / "none.jsonl") == []
    told = Views(*watched, audit=file).recommender()
    assert [row["user_id"] for row in told["records"]] == ["b", "a"]


def test_answers_are_kept_until_the_store_changes(watched, monkeypatch):
    emotide, log = watched
    views, asked = Views(emotide, log, patience=0.0), []
    predict = Emotide.predict
    monkeypatch.setattr(Emotide, "predict", lambda *a, **k: asked.append(1) or predict(*a, **k))
    views.network(), views.network()
    assert len(asked) == 1
    monkeypatch.setattr(type(log.store), "digest", lambda self: "changed")
    views.network()
    assert len(asked) == 2
    views.clear()
    views.network()
    assert len(asked) == 3


def test_a_store_without_anybody_has_empty_views(watched, tmp_path):
    views = Views(watched[0], SocialLog.open(tmp_path / "empty.db"))
    assert views.network()["people"]["user"] == []
    assert views.groups()["networks"] == []
    assert views.recommender()["records"] == []
    assert views.health()["store"]["people"] == 0
    with pytest.raises(UnknownName):
        views.person("ana")


class Engine:
    """Two readings, then silence until it is closed; it remembers who moved whom."""

    def __init__(self, pairs=None):
        self.closed, self.pairs, self.asked = threading.Event(), pairs, []

    def health(self):
        return {"accepted": 7, "waiting": 0}

    def subscribe(self):
        return self

    def influence(self, patience=None):
        self.asked.append(patience)
        return self.pairs

    def __iter__(self):
        row = {"user_id": "ana", "network": "town", "time": "2024-03-19T00:00:00Z", "space": "pad"}
        yield row | {"reading": "first"}
        yield row | {"reading": "second"}
        self.closed.wait(10)

    def close(self):
        self.closed.set()


def test_a_live_engine_tells_its_health_and_newest_readings(watched):
    engine = Engine()
    views = Views(*watched, engine=engine)
    for _ in range(100):
        if len(views._newest) == 2:
            break
        time.sleep(0.01)
    told = views.health()
    assert told["engine"] == {"accepted": 7, "waiting": 0}
    assert told["newest"]["reading"] == ["second", "first"]
    views.close()
    assert engine.closed.is_set()


def test_what_the_engine_remembers_is_not_computed_again(watched, monkeypatch):
    emotide, log = watched
    engine = Engine(emotide.influence(log, total=True))
    views = Views(emotide, log, engine=engine)
    monkeypatch.setattr(Emotide, "influence", lambda *given, **asked: pytest.fail("the engine was not asked"))
    views.warm()
    drawn = views.network()["arrows"]["strength"]
    assert drawn
    assert set(drawn) <= {float(f"{one:.6g}") for one in engine.pairs["strength"]}
    assert engine.asked
    assert views.person("ana")["moved_by"]["source_id"]
    views.close()


def test_what_the_engine_still_computes_is_asked_for_later(watched, monkeypatch):
    def not_yet(engine, patience=None):
        raise NotYet(6.2)

    monkeypatch.setattr(Engine, "influence", not_yet)
    views = Views(*watched, engine=Engine())
    answer = asking(views)("/v1/dashboard/network")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    views.close()


def test_each_network_has_the_shares_of_its_own_people(watched):
    space = watched[0].spaces()["ekman_neutral"]
    first, second = space.names[:2]
    rows = [("b", f"u{k}", first) for k in range(6)] + [("a", f"u{k}", second) for k in range(5)] + [("c", "u0", first)]
    readings = pl.DataFrame(rows, ["network", "user_id", "reading"], orient="row").with_columns(
        time=pl.datetime(2024, 1, 1, time_zone="UTC"), horizon=0
    )
    told = group_moods(readings.sample(fraction=1.0, shuffle=True, seed=1), space, 5)["networks"]
    assert [(one["name"], one["n"]) for one in told] == [("b", 6), ("a", 5)]
    assert [[shares[0] for shares in one["shares"][:2]] for one in told] == [[1.0, 0.0], [0.0, 1.0]]


def test_the_pages_files_are_a_closed_list_with_headers(ask):
    assert "/" in PUBLIC
    for path in PUBLIC:
        answer = ask(path)
        assert answer.status_code == 200, path
        assert answer.headers["content-security-policy"].startswith("default-src 'self'")
        assert answer.headers["x-content-type-options"] == "nosniff"
    for path in ("/dashboard/../routes.py", "/dashboard/%2e%2e/routes.py", "/dashboard/js", "/dashboard//etc/passwd"):
        assert ask(path).status_code == 404
