"""The page in a real browser: it draws, is quiet, speaks two languages, and runs nothing but its own scripts."""

import csv
import io
import json
from collections.abc import Awaitable, Callable

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from emotide.api import SocialLog
from emotide.serve.dashboard import PUBLIC, Views

EVIL = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
TABS = ("network", "people", "groups", "recommender", "health")
COLOURS = """() => {
  const canvas = document.querySelector('canvas'), ink = canvas.getContext('2d');
  const pixels = ink.getImageData(0, 0, canvas.width, canvas.height).data, found = {};
  for (let k = 0; k < pixels.length; k += 4) {
    if (pixels[k + 3] < 255) continue;
    const name = '#' + [0, 1, 2].map((c) => pixels[k + c].toString(16).padStart(2, '0')).join('');
    found[name] = (found[name] || 0) + 1;
  }
  return found;
}"""


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark"), (320, "light")])
def test_every_view_is_quiet_fits_and_asks_nobody_else(opened, width, scheme):
    with opened(width=width, color_scheme=scheme) as it:
        for view in (*TABS, "person?user=ana"):
            it.go(view)
            assert it.page.evaluate("document.documentElement.scrollWidth") <= width, view
        assert it.said == []
        assert all(url.startswith(it.address) for url in it.asked)


def test_the_network_is_drawn_in_the_colours_of_its_moods(opened, views):
    told = views.network("ekman_neutral")
    now = {told["colours"][ord(mood[-1]) - ord("1")] for mood in told["moods"]}
    with opened() as it:
        found = it.page.evaluate(COLOURS)
        assert all(found.get(colour, 0) > 30 for colour in now)


def test_hiding_a_mood_takes_its_people_off(opened, views):
    told = views.network("ekman_neutral")
    mood = told["moods"][0][-1]
    colour = told["colours"][ord(mood) - ord("1")]
    with opened() as it:
        it.page.click(f".legend [data-mood='{ord(mood) - ord('0')}']")
        assert it.page.evaluate(COLOURS).get(colour, 0) < 30


def test_the_slider_goes_through_time_and_plays(opened):
    with opened() as it:
        page, time = it.page, it.page.locator("#time")
        last = page.inner_text("output")
        time.focus()
        page.keyboard.press("Home")
        first = page.inner_text("output")
        assert first == "4 Mar 2024" != last
        assert time.get_attribute("aria-valuetext") == first
        page.keyboard.press("ArrowRight")
        assert page.inner_text("output") == "5 Mar 2024"
        page.click("#play")
        assert page.get_attribute("#play", "aria-label") == "Pause"
        page.wait_for_selector("output:text-is('7 Mar 2024')")
        page.click("#play")
        assert page.get_attribute("#play", "aria-label") == "Play"


def test_a_person_is_found_chosen_and_opened_by_keyboard_alone(opened):
    with opened() as it:
        page = it.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        page.keyboard.press("/")
        page.keyboard.type("cle")
        assert page.locator("[role=option]").all_inner_texts() == ["cleo"]
        page.keyboard.press("Enter")
        assert page.inner_text("#card .who") == "cleo"
        page.keyboard.press("ArrowRight")
        assert page.inner_text("#card .who") != "cleo"
        page.keyboard.press("Escape")
        assert page.inner_text("#card h2") == "Nobody chosen"
        page.keyboard.press("ArrowRight")
        chosen = page.inner_text("#card .who")
        page.keyboard.press("Enter")
        it.shows("person")
        assert page.inner_text("main h1") == chosen


def test_keys_go_to_views_and_are_listed(opened):
    with opened() as it:
        for number, view in list(enumerate(TABS, 1))[::-1]:
            it.page.keyboard.press(str(number))
            it.shows(view)
            assert it.page.get_attribute("#tabs [aria-current]", "data-view") == view
        it.page.keyboard.press("?")
        assert it.page.locator("#shortcuts dt").count() == it.page.locator("#shortcuts dd").count() > 8
        it.page.keyboard.press("Escape")
        assert not it.page.locator("#shortcuts").is_visible()


def test_pointing_and_pressing_shows_a_person(opened, views):
    told = views.network("ekman_neutral")
    with opened() as it:
        box = it.page.locator("canvas").bounding_box()
        margin = min(46, box["width"] * 0.08)
        k = told["people"]["user"].index("ana")
        x = box["x"] + margin + told["people"]["x"][k] * (box["width"] - 2 * margin)
        y = box["y"] + margin + told["people"]["y"][k] * (box["height"] - 2 * margin)
        it.page.mouse.move(x, y)
        assert it.page.inner_text("#card .who") == "ana"
        it.page.mouse.click(x, y)
        it.page.mouse.move(box["x"] + 2, box["y"] + 2)
        assert it.page.inner_text("#card .who") == "ana"
        it.page.click("#open")
        it.shows("person")


def test_a_persons_page_tells_past_future_who_why_and_what(opened):
    with opened("person?user=ana") as it:
        page = it.page
        assert page.inner_text(".now").startswith("Last read on ")
        assert "Nine times in ten" in page.inner_text(".now")
        assert page.locator(".next li").count() == 5
        assert page.locator(".offer").count() == 5
        assert page.locator(".offer .why").first.inner_text()
        chart = page.locator("[role=slider]").first
        chart.focus()
        page.keyboard.press("Home")
        first = chart.get_attribute("aria-valuetext")
        page.keyboard.press("End")
        assert "(forecast)" in chart.get_attribute("aria-valuetext") != first
        page.click("#explain")
        page.wait_for_selector(".post")
        assert page.locator(".post .tag").count() > 3
        page.select_option("#space", "pad")
        page.wait_for_selector("h3:text-is('arousal')")
        assert page.locator(".chart .band").count() == 3


def test_a_script_in_a_name_a_post_or_a_title_stays_text(opened):
    with opened("people") as it:
        page = it.page
        page.get_by_role("link", name=EVIL).click()
        it.shows("person")
        assert page.inner_text("main h1") == EVIL
        assert EVIL in page.inner_text(".offers")
        it.go("person?user=ana")
        page.click("#explain")
        page.wait_for_selector(".post")
        assert EVIL in page.inner_text(".post >> nth=0")
        for view in ("network", "recommender", "health"):
            it.go(view)
            if view == "network":
                page.keyboard.press("/")
                page.keyboard.type("onerror")
                page.keyboard.press("Enter")
                assert page.inner_text("#card .who") == EVIL
        assert page.locator("main img, main script").count() == 0
        assert page.title() == "Health · Emotide"
        assert it.said == []


def test_a_table_is_searched_filtered_sorted_and_saved(opened, views):
    with opened("people") as it:
        page = it.page
        page.get_by_role("button", name="Person", exact=True).click()
        names = page.locator("tbody td:first-child").all_inner_texts()
        assert names == sorted(names)
        page.fill("main input[type=search]", "ana")
        assert page.locator("tbody td:first-child").all_inner_texts() == ["ana"]
        with page.expect_download() as saved:
            page.click("[data-export=JSON]")
        assert [row["user_id"] for row in json.loads(saved.value.path().read_text("utf-8"))] == ["ana"]
        page.fill("main input[type=search]", "")
        told = views.network("ekman_neutral")
        mood = told["names"][ord(told["moods"][0][-1]) - ord("1")]
        page.select_option("#mood", mood)
        assert set(page.locator("tbody td:nth-child(3)").all_inner_texts()) == {mood}


def test_csv_holds_what_is_shown_and_no_formulas(opened):
    with opened() as it:
        with it.page.expect_download() as saved:
            it.page.click("[data-export=CSV]")
        rows = list(csv.DictReader(io.StringIO(saved.value.path().read_text("utf-8-sig"))))
        assert len(rows) == 12
        assert rows[0].keys() == {"user_id", "network", "time", "space", "reading"}
        told = it.page.evaluate(
            "import('/dashboard/js/export.js').then((m) => m.csv([{ a: '=1+1', b: -2, c: 'x,\"y\"' }]))"
        )
        assert told == 'a,b,c\r\n\'=1+1,-2,"x,""y"""\r\n'


def test_the_language_is_the_browsers_and_can_be_turned(opened):
    with opened(locale="zh-CN") as it:
        page = it.page
        assert page.inner_text("main h1") == "网络"
        assert page.get_attribute("html", "lang") == "zh-CN"
        page.click("#language")
        page.wait_for_selector("h1:text-is('Network')")
        page.reload()
        it.shows("network")
        assert page.inner_text("main h1") == "Network"
        page.keyboard.press("l")
        page.wait_for_selector("h1:text-is('网络')")
        for view in (*TABS, "person?user=ana"):
            it.go(view)
            assert page.inner_text("main p >> nth=0")[-1] > "\u3000", view


def test_an_empty_store_and_faults_are_told_in_words(opened, served, watched, tmp_path):
    empty = served(Views(watched[0], SocialLog.open(tmp_path / "empty.db")))
    with opened(at=empty) as it:
        for view, says in [
            ("network", "Nobody was read yet"),
            ("groups", "No group has 5 people"),
            ("health", "No live engine"),
        ]:
            it.go(view)
            assert says in it.page.inner_text("main")
        assert it.said == []
        it.page.goto(f"{empty}/#/person?user=nobody")
        it.page.wait_for_selector("[role=alert]")
        assert "user 'nobody' is not known" in it.page.inner_text("[role=alert]")
        it.page.route("**/v1/**", lambda route: route.abort())
        it.page.click("main button")
        it.page.wait_for_selector("[role=alert]:has-text('does not answer')")


def test_a_token_is_asked_for_kept_for_the_tab_and_asked_again(opened, views, served):
    with opened(at=served(views, guarded("right"))) as it:
        page = it.page
        page.wait_for_selector("#token-field")
        page.fill("#token-field", "wrong")
        page.keyboard.press("Enter")
        page.wait_for_selector("#token-lead:has-text('does not hold')")
        page.fill("#token-field", "right")
        page.keyboard.press("Enter")
        it.shows("network")
        page.reload()
        it.shows("network")
        assert page.evaluate("Object.values(sessionStorage)") == ["right"]
        assert "right" not in page.evaluate("JSON.stringify(localStorage) + document.cookie")


def guarded(token: str) -> Callable[[FastAPI], None]:
    """Makes an application ask for a token wherever the dashboard does not say that a path is public."""

    def install(app: FastAPI) -> None:
        @app.middleware("http")
        async def door(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
            if request.url.path in PUBLIC or request.headers.get("authorization") == f"Bearer {token}":
                return await call(request)
            return JSONResponse({"detail": "a token is needed"}, 401)

    return install
