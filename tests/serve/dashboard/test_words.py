"""The tables of words: the same keys in each language, the same gaps to fill, and every word that the page uses."""

import json
import re
from pathlib import Path

import pytest

from emotide.model.spaces import built_in

STATIC = Path(__file__).parents[3] / "emotide" / "serve" / "dashboard" / "static"
WORDS = {name: json.loads((STATIC / "words" / f"{name}.json").read_text("utf-8")) for name in ("en", "zh")}
CODE = {file.name: file.read_text("utf-8") for file in [STATIC / "main.js", *(STATIC / "js").glob("*.js")]}


def test_the_languages_have_the_same_keys():
    assert WORDS["en"].keys() == WORDS["zh"].keys()


@pytest.mark.parametrize("key", WORDS["en"])
def test_a_word_is_there_and_has_the_same_gaps(key):
    gaps = [sorted(re.findall(r"\{(\w+)\}", words[key])) for words in WORDS.values()]
    assert gaps[0] == gaps[1]
    assert all(words[key].strip() for words in WORDS.values())


def test_every_word_that_is_asked_for_is_there():
    asked = {key for code in CODE.values() for key in re.findall(r'\bt\("([^"]+)"[,)]', code)}
    asked |= set(re.findall(r'data-(?:word|label)="([^"]+)"', (STATIC / "index.html").read_text("utf-8")))
    assert len(asked) > 80
    assert asked <= WORDS["en"].keys()


def test_every_emotion_and_space_that_is_built_in_has_a_word():
    known = {name for space in built_in().values() for name in (space.name, *space.names)}
    assert {f"emotion.{name}" for name in known} <= WORDS["zh"].keys()


def test_nothing_makes_markup_of_text_or_styles_of_strings():
    for name, code in CODE.items():
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "cssText"):
            assert way not in code, f"{way} in {name}"
        assert not re.search(r"https?://(?!www\.w3\.org)", code), f"an address in {name}"
    page = (STATIC / "index.html").read_text("utf-8")
    assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", page)
