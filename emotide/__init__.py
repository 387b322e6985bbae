"""Emotide: the emotions of everyone on a social network over time.

Names are loaded when they are first used, so that `import emotide` is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emotide.api import Emotide, Recipe, SocialLog
    from emotide.errors import BadInput, Busy, EmotideError, ModelMismatch, StoreError, UnknownName
    from emotide.model import EmotionSpace, read_space
    from emotide.serve.client import Client

_HOME = {
    "BadInput": "errors",
    "Busy": "errors",
    "Client": "serve.client",
    "EmotideError": "errors",
    "Emotide": "api",
    "EmotionSpace": "model",
    "ModelMismatch": "errors",
    "Recipe": "api",
    "SocialLog": "api",
    "StoreError": "errors",
    "UnknownName": "errors",
    "read_space": "model",
}

__all__ = [
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


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'emotide' has no attribute {name!r}")
    return getattr(import_module(f"emotide.{_HOME[name]}"), name)
