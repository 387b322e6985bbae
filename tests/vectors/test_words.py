"""Word vectors trained on the log."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from emotide.vectors import WordVectors
from emotide.vectors import words as word_vectors
from emotide.vectors.words import tokens

TEXTS = [
    "the cat sat on the mat", "the dog sat on the log", "cats and dogs!", "我很开心 😀", "今天天气很好 😀", "",
    "so sad today", "so happy today 😀",
]  # fmt: skip
WIDTH = 12


@pytest.fixture(scope="module")
def words():
    return WordVectors.fit(TEXTS, WIDTH, seed=3, epochs=2)


@pytest.fixture(scope="module")
def gensim_twin():
    """FastText itself, with the settings that the vectors promise."""
    from gensim.models import FastText

    sentences = [tokens(text) for text in TEXTS]
    model = FastText(vector_size=WIDTH, window=5, min_count=1, min_n=2, max_n=5, bucket=50_000, sg=1, workers=1, seed=3)
    model.build_vocab(sentences)
    model.train(sentences, total_examples=len(sentences), epochs=2)
    return model.wv


def test_the_same_seed_gives_the_same_vectors_and_another_seed_others(words):
    again, other = WordVectors.fit(TEXTS, WIDTH, seed=3, epochs=2), WordVectors.fit(TEXTS, WIDTH, seed=4, epochs=2)
    assert_array_equal(words.encode(TEXTS), again.encode(TEXTS))
    assert not np.allclose(words.encode(TEXTS), other.encode(TEXTS))


@pytest.mark.parametrize("word", ["cat", "开心", "😀", "!"])
def test_a_word_of_the_log_has_the_vector_that_fasttext_gives(words, gensim_twin, word):
    assert word in words.words
    assert_allclose(words.encode([word])[0], gensim_twin[word], rtol=1e-5)


@pytest.mark.parametrize("word", ["catz", "unhappyness", "开心果", "x", "🙃", "größe"])
def test_an_unknown_word_has_the_vector_that_fasttext_gives(words, gensim_twin, word):
    assert word not in words.words
    assert_allclose(words._word(word), gensim_twin[word], rtol=1e-4, atol=1e-8)
    assert (words._word(word) != 0).any()


def test_a_text_is_the_mean_of_its_words_the_rare_ones_weighing_more(words, gensim_twin):
    count = {}
    for text in TEXTS:
        for word in tokens(text):
            count[word] = count.get(word, 0) + 1
    total = sum(count.values())
    text = "the cat saw the zebra 😀"
    weight = [1e-3 / (1e-3 + count[word] / total) if word in count else 1.0 for word in tokens(text)]
    literal = sum(w * gensim_twin[word] for w, word in zip(weight, tokens(text), strict=True)) / sum(weight)
    assert_allclose(words.encode([text])[0], literal, rtol=1e-4, atol=1e-7)


def test_a_text_without_a_word_is_zeros(words):
    got = words.encode(["", "  \n", "___", "cat"])
    assert got.dtype == np.float32
    assert (got[:3] == 0).all()
    assert (got[3] != 0).any()
    assert words.encode([]).shape == (0, WIDTH)


def test_saved_and_loaded_they_are_the_same(words, tmp_path):
    words.save(tmp_path / "deep" / "text")
    back = WordVectors.load(tmp_path / "deep" / "text")
    texts = [*TEXTS, "unknown wörds 很开心的 🙃"]
    assert back.words == words.words
    assert back.width == WIDTH
    assert_array_equal(back.encode(texts), words.encode(texts))


def test_words_that_stand_alike_come_to_lie_near_each_other():
    texts = [
        f"i feel {mood} because {because}" for mood, because in (("glad", "sun"), ("merry", "sun"), ("grim", "rain"))
    ] * 60
    vectors = WordVectors.fit(texts, 24, seed=0, epochs=10).encode(["glad", "merry", "grim"])
    glad, merry, grim = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert glad @ merry > glad @ grim


@pytest.mark.parametrize("texts", [[], ["", " "]])
def test_a_log_without_text_still_tells_names_apart(texts):
    words = WordVectors.fit(texts, WIDTH)
    joy, anger, nothing = words.encode(["joy", "anger", ""])
    assert not np.allclose(joy, anger)
    assert (nothing == 0).all()
    assert_array_equal(joy, WordVectors.fit(texts, WIDTH).encode(["joy"])[0])


@pytest.mark.parametrize("size", [1, 3])
def test_blocks_of_any_size_give_the_same_vectors(words, monkeypatch, size):
    whole = words.encode(TEXTS)
    monkeypatch.setattr(word_vectors, "BLOCK", size)
    assert_allclose(words.encode(TEXTS), whole, atol=1e-6)
