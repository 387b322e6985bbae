"""The page in a real browser: it works, is quiet, and runs nothing but its own script."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from emotide.demo.content import ReportContent
from emotide.demo.report import write_report
from emotide.demo.town import TownConfig, simulate

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
EVIL = "<img src=x onerror=\"document.title='owned'\"></script><script>document.title='owned'</script>"
WIDE = "a-name-without-any-break-" * 8


@pytest.fixture(scope="module")
def browser() -> Iterator:
    if CHROMIUM is None:
        pytest.skip("no Chromium here (Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as player:
        open_ = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield open_
        open_.close()


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory, report_of) -> ReportContent:
    content = report_of(simulate(tmp_path_factory.mktemp("town"), TownConfig(people=24, days=25)))
    renamed = {
        name: getattr(content, name).with_columns(
            pl.col([c for c in ("user_id", "source_id", "target_id") if c in getattr(content, name).columns]).replace(
                {"bo": EVIL, "cleo": WIDE}
            )
        )
        for name in ("readings", "pleasure", "influence", "recommendations")
    }
    return replace(content, items=content.items.with_columns(title=pl.lit(EVIL)), **renamed)


@pytest.fixture(scope="module")
def file(content: ReportContent, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(path, content)
    return path


class Opened:
    """A page, and everything it said or asked for."""

    def __init__(self, browser, file: Path, width: int = 1200, **options) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        self.page, self.said, self.asked = self.context.new_page(), [], []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(file.as_uri())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390, 320])
def test_it_is_quiet_asks_for_nothing_and_fits(browser, file, width, scheme):
    with Opened(browser, file, width, color_scheme=scheme) as opened:
        for k in range(opened.page.locator("#person-1 option").count()):
            opened.page.select_option("#person-1", str(k))
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
        assert opened.said == []
        assert [url for url in opened.asked if not url.startswith("data:")] == [file.as_uri()]


def test_selecting_a_person_changes_chart_ties_and_items(browser, file):
    with Opened(browser, file) as opened:
        page = opened.page
        page.select_option("#person-1", label="ana")
        before = [page.inner_html(part) for part in ("#chart", "#ties", "#items", "#now")]
        page.select_option("#person-2", label="dan")
        after = [page.inner_html(part) for part in ("#chart", "#ties", "#items", "#now")]
        assert all(a != b for a, b in zip(before, after, strict=True))
        assert page.input_value("#person-1") == page.input_value("#person-2")
        assert page.inner_text("#now").startswith("dan feels")
        assert page.locator(".node.me text").text_content() == "dan"
        page.click("button.step[data-step='1'] >> nth=0")
        assert not page.inner_text("#now").startswith("dan feels")


def test_the_chart_has_line_truth_dashed_forecast_and_stack(browser, file):
    with Opened(browser, file) as opened:
        opened.page.select_option("#person-1", label="ana")
        chart = opened.page.locator("#chart")
        assert [chart.locator(part).count() for part in ("path.read", "path.next", "path.truth", "line.last")] == [
            2,
            1,
            1,
            1,
        ]
        assert chart.locator("path.next").evaluate("part => getComputedStyle(part).strokeDasharray") != "none"
        assert chart.locator("circle.open").count() == 3
        assert chart.locator("rect").count() > 7 * 20


def test_a_script_in_a_name_or_title_does_not_run(browser, file):
    with Opened(browser, file) as opened:
        opened.page.select_option("#person-1", label=EVIL)
        opened.page.hover(".node >> nth=0")
        assert EVIL in opened.page.inner_text("#now")
        assert EVIL in opened.page.inner_text("#items")
        assert opened.page.locator("img").count() == 0
        assert "owned" not in opened.page.title()


def test_it_can_be_used_by_keyboard_alone(browser, file):
    with Opened(browser, file) as opened:
        page = opened.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.focus("#chart")
        page.keyboard.press("Home")
        first = page.get_attribute("#chart", "aria-valuetext")
        page.keyboard.press("ArrowRight")
        assert page.get_attribute("#chart", "aria-valuenow") == "1"
        assert page.get_attribute("#chart", "aria-valuetext") != first
        page.keyboard.press("ArrowLeft")
        assert page.get_attribute("#chart", "aria-valuetext") == first
        page.keyboard.press("End")
        assert "(forecast)" in page.inner_text("#readout")
        page.keyboard.press("ArrowRight")
        assert page.get_attribute("#chart", "aria-valuenow") == page.get_attribute("#chart", "aria-valuemax")


def test_pointing_at_a_person_shows_whom_arrows_join(browser, file, content):
    with Opened(browser, file) as opened:
        page = opened.page
        dot = page.locator(".node:has(text:text-is('ana'))")
        dot.hover()
        k = dot.get_attribute("data-k")
        mine = page.locator(f".arrow[data-s='{k}'], .arrow[data-t='{k}']").count()
        assert page.locator(".arrow.on").count() == mine > 0
        dot.click()
        assert page.inner_text("#now").startswith("ana feels")


def test_an_empty_report_is_quiet_too(browser, tmp_path):
    write_report(tmp_path / "empty.html", ReportContent("nothing"))
    with Opened(browser, tmp_path / "empty.html") as opened:
        assert opened.said == []
        assert "Nobody was read" in opened.page.inner_text("#people")
