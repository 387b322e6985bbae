"""A small town in which names, posts and titles hold scripts, trained once, and its dashboard behind a real server."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
import uvicorn
from fastapi import FastAPI

from emotide.api import Emotide, Recipe, SocialLog
from emotide.demo.town import TownConfig, simulate
from emotide.serve.dashboard import Views, dashboard_router

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
EVIL = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
PEOPLE = ("user_id", "source_id", "target_id")
SMALL = {"state": 16, "influence": 8, "observed": 16, "width": 32, "pair_width": 16}


def _with_scripts(log: Path) -> None:
    """'bo' is renamed to a script; the titles of items, and some posts, become one."""
    reads = {".csv": pl.read_csv, ".jsonl": pl.read_ndjson, ".parquet": pl.read_parquet}
    for file in log.iterdir():
        if file.suffix not in reads:
            continue
        frame = reads[file.suffix](file)
        frame = frame.with_columns(pl.col(name).replace({"bo": EVIL}) for name in PEOPLE if name in frame.columns)
        if file.stem == "items":
            frame = frame.with_columns(title=pl.format("{} {}", pl.lit(EVIL), "item_id"))
        if file.stem == "posts":
            frame = frame.with_columns(text=pl.format("{} {}", "text", pl.lit(EVIL)))
        write = {".csv": frame.write_csv, ".jsonl": frame.write_ndjson, ".parquet": frame.write_parquet}
        write[file.suffix](file)


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Emotide, SocialLog]]:
    """A model and a log of 12 people and 14 days."""
    folder = tmp_path_factory.mktemp("watched")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTIDE_CACHE", str(folder / "cache"))
        simulate(folder, TownConfig(people=12, days=14))
        _with_scripts(folder / "log")
        log = SocialLog.open(folder / "town.db")
        log.ingest(folder / "log")
        recipe = Recipe.model_validate(
            {"text_width": 8, "network": SMALL, "timeline": {"step": "1d"}, "recommend": {"steps": 20, "batch": 64}}
            | {"train": {"epochs": 1, "updates": 3, "seed": 3}}
        )
        yield Emotide.fit(log, recipe), log


@pytest.fixture(scope="session")
def views(watched: tuple[Emotide, SocialLog]) -> Views:
    return Views(*watched)


@pytest.fixture(scope="session")
def served() -> Iterator[Callable[..., str]]:
    """`served(views)`: the address of a server of its own, which stops at the end; `install(app)` may add to it."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(views: Views, install: Callable[[FastAPI], None] = lambda app: None) -> str:
        app = FastAPI()
        install(app)
        app.include_router(dashboard_router(views))
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", ws="none", lifespan="off"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.02)
        running.append((server, thread))
        return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join(5)


@pytest.fixture(scope="session")
def address(served: Callable[..., str], views: Views) -> str:
    return served(views)


@pytest.fixture(scope="module")  # its loop would stand in the way of other modules' own
def browser() -> Iterator:
    if CHROMIUM is None:
        pytest.skip("no Chromium here (Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as player:
        open_ = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield open_
        open_.close()


class Opened:
    """A page of the dashboard, and everything it said or asked for."""

    def __init__(self, browser, address: str, view: str = "network", width: int = 1280, **options) -> None:
        options = {"locale": "en-GB", "reduced_motion": "reduce"} | options
        self.context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        self.page, self.said, self.asked, self.address = self.context.new_page(), [], [], address
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(f"{address}/#/{view}")
        self.page.wait_for_selector("main h1, dialog[open]")

    def go(self, view: str) -> None:
        self.page.goto(f"{self.address}/#/{view}")
        self.shows(view)

    def shows(self, view: str) -> None:
        """Wait until a view stands there."""
        self.page.wait_for_selector(f"main [data-view={view.split('?')[0]}] h1")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()


@pytest.fixture
def opened(browser, address) -> Callable[..., Opened]:
    """`opened("groups", width=390)`: a page to use as a context; `at=` another server."""
    return lambda view="network", at=address, **options: Opened(browser, at, view, **options)
