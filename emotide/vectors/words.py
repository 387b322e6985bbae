"""Word vectors trained on the log itself (paper 2; DESIGN 3.7): sub-word, any language, emoji kept."""

import json
import re
from collections import Counter
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from safetensors.numpy import load_file, save_file

# words with their apostrophes, runs of the same mark, single other signs (emoji among them); Chinese runs apart
LETTER = r"[^\W_\u3400-\u9fff]"
TOKEN = re.compile(rf"[\u3400-\u9fff]+|{LETTER}+(?:'{LETTER}+)*|([!?.…])\1*|[^\w\s]")
BLOCK = 1 << 14  # texts that are encoded at once
CHINESE = re.compile(r"[\u3400-\u9fff]")


def tokens(text: str) -> list[str]:
    """The words, marks and emoji of a text, in lower case; Chinese is segmented."""
    if text.isascii():
        return _words(text)
    from emoji import emoji_list

    found: list[str] = []
    end = 0
    for whole in emoji_list(text):  # emoji of several code points stay whole
        found += [*_words(text[end : whole["match_start"]]), whole["emoji"]]
        end = whole["match_end"]
    return found + _words(text[end:])


def _words(text: str) -> list[str]:
    found: list[str] = []
    for match in TOKEN.finditer(text.lower().replace("’", "'")):
        word = match.group()
        found += _segmenter().lcut(word) if CHINESE.match(word) else [word]
    return found


@cache
def _segmenter() -> Any:
    """Jieba, with its dictionary in memory: its cache file would lie in a folder that all users share."""
    import logging
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # jieba still asks for pkg_resources
        import jieba

    jieba.setLogLevel(logging.WARNING)
    segmenter = jieba.Tokenizer()
    segmenter.initialized = True
    with segmenter.get_dict_file() as lines:
        segmenter.FREQ, segmenter.total = segmenter.gen_pfdict(lines)
    return segmenter


class WordVectors:
    """A text's vector is the mean of its words' vectors, rare words weighing more (Arora et al. 2017).

    A word's vector is the mean of those of its sub-words (FastText, Bojanowski et al. 2017), so that no word is
    unknown.
    """

    name = "words"

    def __init__(
        self, words: dict[str, int], vectors: Float32[np.ndarray, "words width"],
        subwords: Float32[np.ndarray, "buckets width"], weights: Float32[np.ndarray, " words"],
    ) -> None:  # fmt: skip
        self.words, self.vectors, self.subwords, self.weights = words, vectors, subwords, weights

    @property
    def width(self) -> int:
        """Width of a text's vector."""
        return int(self.vectors.shape[1])

    @classmethod
    def fit(cls, texts: Sequence[str], width: int = 128, seed: int = 0, epochs: int = 10) -> "WordVectors":
        """Train on these texts.

        One worker, so that the same seed gives the same vectors.
        """
        from gensim.models import FastText

        sentences = [tokens(text) for text in texts]
        count = Counter(word for sentence in sentences for word in sentence)
        least = 1 if len(count) < 2000 else 2
        model = FastText(
            vector_size=width, window=5, min_count=least, min_n=2, max_n=5, bucket=50_000, sg=1, workers=1, seed=seed
        )
        if count:
            model.build_vocab(sentences)
            model.train(sentences, total_examples=len(sentences), epochs=epochs)
        words = dict(model.wv.key_to_index) if count else {}
        total = sum(count.values())
        weights = np.array([1e-3 / (1e-3 + count[word] / total) for word in words], np.float32)
        vectors = np.asarray(model.wv.vectors if count else np.zeros((0, width)), np.float32)
        subwords = np.asarray(model.wv.vectors_ngrams if count else _untaught(width, seed), np.float32)
        return cls(words, vectors, subwords, weights)

    def encode(self, texts: Sequence[str]) -> Float32[np.ndarray, "texts width"]:
        """The vector of each text; zeros for a text without a word."""
        out = np.zeros((len(texts), self.width), np.float32)
        for start in range(0, len(texts), BLOCK):
            out[start : start + BLOCK] = self._encode(texts[start : start + BLOCK])
        return out

    def _encode(self, texts: Sequence[str]) -> Float32[np.ndarray, "texts width"]:
        """The vectors of some texts; each word that they share is looked up once."""
        known: dict[str, int] = {}
        found = [[known.setdefault(word, len(known)) for word in tokens(text)] for text in texts]
        length = np.array([len(words) for words in found])
        said = np.flatnonzero(length)
        out = np.zeros((len(texts), self.width), np.float32)
        if not len(said):
            return out
        word = np.concatenate([np.array(found[k]) for k in said.tolist()])
        start = np.cumsum(length[said]) - length[said]
        weight = np.array([self._weight(word) for word in known], np.float32)
        weighed = np.stack([self._word(word) for word in known]) * weight[:, None]
        total = np.add.reduceat(weight[word], start)
        out[said] = np.add.reduceat(weighed[word], start) / total[:, None]
        return out

    def parts(self, text: str) -> tuple[list[str], Float32[np.ndarray, " words"]]:
        """The words of a text, and how much each counts in its vector; they count 1 together."""
        found = tokens(text)
        weights = np.array([self._weight(word) for word in found], np.float32)
        return found, weights / weights.sum()

    def _word(self, word: str) -> Float32[np.ndarray, " width"]:
        if word in self.words:
            return np.asarray(self.vectors[self.words[word]])
        from gensim.models.fasttext_inner import compute_ngrams_bytes, ft_hash_bytes

        grams = compute_ngrams_bytes(word, 2, 5)
        buckets = [ft_hash_bytes(gram) % len(self.subwords) for gram in grams]
        return np.asarray(self.subwords[buckets].mean(0)) if buckets else np.zeros(self.width, np.float32)

    def _weight(self, word: str) -> float:
        return float(self.weights[self.words[word]]) if word in self.words else 1.0

    def without(self, words: Collection[str]) -> "WordVectors":
        """The same with these words unknown: they are read by their sub-words, as any other that was never seen."""
        kept = {word: row for word, row in self.words.items() if word not in words}
        rows = list(kept.values())
        renumbered = {word: k for k, word in enumerate(kept)}
        return WordVectors(renumbered, self.vectors[rows], self.subwords, self.weights[rows])

    def save(self, folder: Path) -> None:
        """Write the vectors as safetensors and the vocabulary as JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {"vectors": self.vectors, "subwords": self.subwords, "weights": self.weights}
        save_file(arrays, folder / "words.safetensors")
        (folder / "words.json").write_text(json.dumps(list(self.words), ensure_ascii=False), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> "WordVectors":
        """What `save` wrote."""
        words = json.loads((folder / "words.json").read_text("utf-8"))
        arrays = load_file(folder / "words.safetensors")
        return cls({word: k for k, word in enumerate(words)}, arrays["vectors"], arrays["subwords"], arrays["weights"])


def _untaught(width: int, seed: int) -> Float32[np.ndarray, "buckets width"]:
    """Sub-words of a log without text: at random, as FastText starts, so that at least names are told apart."""
    return np.random.default_rng(seed).uniform(-1 / width, 1 / width, (50_000, width)).astype(np.float32)
