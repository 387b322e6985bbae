"""What `import emotide` offers, name by name."""

import json
import subprocess
import sys

import pytest

import emotide

NAMES = [
    "BadInput",
    "Busy",
    "Client",
    "Emotide",
    "EmotideError",
    "EmotionSpace",
    "ModelMismatch",
    "Recipe",
    "SocialLog",
    "StoreError",
    "UnknownName",
    "read_space",
]
HEAVY = ("torch", "gensim", "sklearn", "sentence_transformers", "jieba", "polars")


def modules_after(statement: str) -> set[str]:
    """What a fresh interpreter has loaded after a statement."""
    code = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_public_names_are_these():
    assert emotide.__all__ == NAMES
    assert sorted(emotide._HOME) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_is_there(name):
    assert getattr(emotide, name).__name__ == name


def test_another_name_is_no_attribute():
    with pytest.raises(AttributeError, match="no attribute 'Emotied'"):
        _ = emotide.Emotied


def test_the_errors_are_one_family():
    for name in ("BadInput", "Busy", "ModelMismatch", "StoreError", "UnknownName"):
        assert issubclass(getattr(emotide, name), emotide.EmotideError)


def test_import_is_quick():
    loaded = modules_after("import emotide")
    assert "emotide" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_errors_need_nothing_heavy():
    assert modules_after("from emotide import EmotideError").isdisjoint(HEAVY)


@pytest.mark.parametrize("words", [["--help"], ["predict", "--help"]])
def test_help_needs_nothing_heavy(words):
    call = f"CliRunner().invoke(app, {words})"
    loaded = modules_after(f"from typer.testing import CliRunner\nfrom emotide.cli import app\n{call}")
    assert "emotide.cli" in loaded
    assert loaded.isdisjoint(HEAVY)
