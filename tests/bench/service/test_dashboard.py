"""The measurement of drawing: it draws what it says it draws."""

import shutil

import pytest

from emotide.bench.service.dashboard import crowd, drawing

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


def test_a_crowd_is_as_large_as_asked_for_and_repeats():
    readings, influence = crowd(50)
    assert readings["user_id"].n_unique() == 50
    assert readings.equals(crowd(50)[0])
    assert (influence["source_id"] != influence["target_id"]).all()


@pytest.mark.skipif(not (shutil.which("chromium") or shutil.which("google-chrome")), reason="no Chromium here")
def test_drawing_is_measured():
    told = drawing(people=300, rounds=1)
    assert told["people"] == 300
    assert told["arrows"] == 900
    assert 0 < told["frame_seconds"] < told["seconds"]
