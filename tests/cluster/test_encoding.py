"""Encoding on workers gives the vectors of this process; what cannot be decoded is a reject."""

import io
import sys
import warnings

import numpy as np
import pytest
from PIL import Image

from emotide.cluster.encoding import EncodeFiles, encode_files
from emotide.cluster.ray_workers import RayWorkers
from emotide.cluster.session import ray_session
from emotide.errors import BadInput
from emotide.vectors.cache import VectorCache
from emotide.vectors.image import ImageVectors
from emotide.vectors.media import encode_once


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Twelve images, one of them broken, one that is not there."""
    folder, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for k in range(12):
        data = io.BytesIO()
        Image.fromarray(rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(data, "PNG")
        (folder / f"{k}.png").write_bytes(data.getvalue() if k != 5 else data.getvalue()[:40])
    return [str(folder / f"{k}.png") for k in range(13)]


@pytest.fixture(scope="module")
def encoder(images):
    return ImageVectors.fit(images[:4], width=8, seed=0)


def test_a_block_has_vectors_or_reasons(images, encoder):
    found = EncodeFiles(encoder)({"item": np.array(images)})
    lost = [k for k, fault in enumerate(found["fault"]) if fault]
    assert lost == [5, 12]
    alone = encoder.encode(images)
    np.testing.assert_allclose(found["vector"], alone.vectors, atol=1e-6)


@pytest.mark.filterwarnings("ignore")  # Ray Data warns of its own libraries' futures
def test_files_encoded_by_ray_are_in_the_cache(images, encoder, tmp_path):
    pytest.importorskip("ray")
    cache = VectorCache(tmp_path / "vectors.sqlite")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with ray_session(None, 2) as ray:
            faults = encode_files(ray, encoder, [*images, None, images[0]], cache, 1)
    assert sorted(faults) == sorted([images[5], images[12]])
    kept = []
    found = encode_once(encoder, images, cache, lambda done, total, what: kept.append(total))
    assert sum(kept[:1]) <= 2  # nothing is left to do but to try again what cannot be decoded
    np.testing.assert_allclose(found.vectors, encoder.encode(images).vectors, atol=1e-6)


def test_without_ray_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BadInput, match=r"pip install 'emotide\[ray\]'"), ray_session():
        pass


def test_a_room_must_be_there(tmp_path):
    with pytest.raises(BadInput, match="is no folder"):
        RayWorkers(room=tmp_path / "nowhere")


def test_what_is_not_done_in_parts_is_a_usage_error(command):
    for more in ("--behaviour", "--budget=0.5"):
        told = command("predict", "--store", "s.db", "--model", "m", "--ray", "local", more)
        assert told.code == 2
        assert "--ray is for readings of all posts" in told.err
