"""Words, marks and emoji, in any language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotide.vectors.words import tokens


@pytest.mark.parametrize(("text", "found"), [
    ("", []),
    (" \n\t ", []),
    ("Hello World", ["hello", "world"]),
    ("don't DON’T rock'n'roll", ["don't", "don't", "rock'n'roll"]),
    ("'quoted'", ["'", "quoted", "'"]),
    ("What?!! no... yes!!!", ["what", "?", "!!", "no", "...", "yes", "!!!"]),
    ("#happy @ana_b 3,5", ["#", "happy", "@", "ana", "b", "3", ",", "5"]),
    ("Größe naïve", ["größe", "naïve"]),
    ("Привет, мир", ["привет", ",", "мир"]),
    ("你好，世界！", ["你好", "，", "世界", "！"]),
    ("我love你", ["我", "love", "你"]),  # no blank stands between the languages
    ("2024年很开心", ["2024", "年", "很", "开心"]),
    ("great😀😀bye", ["great", "😀", "😀", "bye"]),
    ("❤️ 👍🏽👍", ["❤️", "👍🏽", "👍"]),  # a variant and a skin tone belong to their emoji
    ("👨 and 👨‍👩‍👧", ["👨", "and", "👨‍👩‍👧"]),  # one emoji may begin as another
    ("👨‍👩‍👧👨", ["👨‍👩‍👧", "👨"]),
    ("好😀好", ["好", "😀", "好"]),
])  # fmt: skip
def test_tokens(text, found):
    assert tokens(text) == found


@given(st.text(max_size=60))
def test_nothing_but_blanks_and_underscores_is_lost(text):
    kept = "".join(tokens(text))
    assert not any(character.isspace() for character in kept)
    lower = "".join(text.lower().split()).replace("_", "").replace("’", "'")
    assert sorted(kept.lower()) == sorted("".join(lower.split()))
