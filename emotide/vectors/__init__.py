"""Posts become compact vectors, computed once (paper 2; DESIGN 3.7).

Encoders of media stand in `emotide.vectors.media`: children that decode import this package, and shall not load torch.
"""

from emotide.vectors.cache import VectorCache, default_cache
from emotide.vectors.minilm import MiniLM
from emotide.vectors.tuned import TunedMiniLM
from emotide.vectors.words import WordVectors

TextVectors = WordVectors | MiniLM
TEXT: dict[str, type[WordVectors] | type[MiniLM]] = {"words": WordVectors, "minilm": MiniLM, "tuned": TunedMiniLM}

__all__ = ["TEXT", "MiniLM", "TextVectors", "TunedMiniLM", "VectorCache", "WordVectors", "default_cache"]
