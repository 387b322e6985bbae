"""How soon the dashboard has drawn a network of thousands: from asking for the page to the picture on the screen."""

import shutil
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from emotide.bench.bench import Bench, Progress, Say
from emotide.errors import BadInput
from emotide.model.spaces import built_in
from emotide.serve.dashboard import Views, dashboard_router
from emotide.serve.dashboard.network import drawn_network

SPACE = "ekman_neutral"
DAYS, PAIRS = 60, 6  # pairs a person
ROUNDS = 5


class Crowd(Views):
    """A made-up network in the place of a model's: the picture costs the same whatever was read."""

    def __init__(self, people: int, seed: int) -> None:
        self.least = 5
        readings, influence = crowd(people, seed)
        begin = time.perf_counter()
        self.drawn = drawn_network(readings, influence, built_in()[SPACE])
        self.prepared = time.perf_counter() - begin

    def start(self) -> dict[str, Any]:
        """One space, one network."""
        space = {"name": SPACE, "dimensional": False, "names": self.drawn["names"]}
        return {"spaces": [space], "space": SPACE, "networks": [""], "least": 5, "recommender": False, "live": False}

    def network(self, space: str | None = None) -> dict[str, Any]:
        """The same each time."""
        return self.drawn


def crowd(people: int, seed: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Readings as `Emotide.predict` gives them, influence as `Emotide.influence`: moods by chance, ties in circles."""
    rng = np.random.default_rng(seed)
    names = built_in()[SPACE].names
    user, day = (place.ravel() for place in np.indices((people, DAYS)))
    kept = rng.random(len(user)) < 0.5
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    days = pl.Series([begin + timedelta(days=k) for k in range(DAYS)], dtype=pl.Datetime("us", "UTC"))
    ids = pl.Series([f"person {k}" for k in range(people)])
    readings = pl.DataFrame({"user_id": ids.gather(user[kept]), "time": days.gather(day[kept])}).with_columns(
        network=pl.lit(""),
        horizon=pl.lit(0, pl.Int32),
        reading=pl.Series(np.array(names)[rng.integers(0, len(names), int(kept.sum()))]),
    )
    source = np.repeat(np.arange(people), PAIRS)
    near = (source + rng.integers(1, 60, len(source))) % people
    target = np.where(rng.random(len(source)) < 0.9, near, rng.integers(0, people, len(source)))
    influence = pl.DataFrame({"source_id": ids.gather(source), "target_id": ids.gather(target)}).with_columns(
        network=pl.lit(""),
        effect=pl.Series(rng.normal(0, 0.1, len(source))),
        strength=pl.Series(rng.gamma(1, 0.1, len(source))),
        q_value=pl.Series(rng.random(len(source)) * 0.15),
    )
    return readings, influence.filter(pl.col("source_id") != pl.col("target_id"))


def drawing(people: int = 5000, rounds: int = ROUNDS, seed: int = 0) -> dict[str, int | float]:
    """Draw a network in Chromium, several times, each in a new window with nothing kept.

    Returns:
        people, arrows; seconds: the median from asking for the page to the frame that shows the picture; frame_seconds:
        the median of one step of the slider; prepared_seconds: places and moods in Python, once for each state of the
        store.

    Raises:
        BadInput: there is no Chromium, or no Playwright.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise BadInput("drawing is measured with Playwright: pip install 'emotide[browser]'") from error
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise BadInput("drawing is measured in Chromium, and there is none (Debian: apt-get install chromium)")
    crowded = Crowd(people, seed)
    seconds, frames = [], []
    with Served(crowded) as address, sync_playwright() as player:
        browser = player.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(rounds):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(address)
            page.wait_for_selector("html[data-drawn]")
            seconds.append(float(page.get_attribute("html", "data-drawn") or "nan") / 1e3)
            frames.append(float(page.evaluate(STEPS)) / 1e3)
            page.close()
        browser.close()
    return {
        "people": people,
        "arrows": len(crowded.drawn["arrows"]["source"]),
        "seconds": float(np.median(seconds)),
        "frame_seconds": float(np.median(frames)),
        "prepared_seconds": crowded.prepared,
    }


def measured(folder: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """`drawing` with the first seed, as `bench service` runs it."""
    return drawing(seed=seeds[0])


BENCH = Bench("5,000 people drawn in Chromium: seconds to the picture, and to a step of the slider", None, measured)
STEPS = """() => {
  const slider = document.getElementById('time'), begin = performance.now();
  for (let k = 0; k < 10; k++) { slider.value = k; slider.dispatchEvent(new Event('input')); }
  return (performance.now() - begin) / 10;
}"""


class Served:
    """A server of the dashboard alone, on this machine, for as long as the context lasts."""

    def __init__(self, views: Views) -> None:
        import uvicorn
        from fastapi import FastAPI

        app = FastAPI()
        app.include_router(dashboard_router(views))
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none", lifespan="off"))
        self.thread = threading.Thread(target=self.server.run, args=([self.socket],), daemon=True)

    def __enter__(self) -> str:
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(5)
        self.socket.close()
