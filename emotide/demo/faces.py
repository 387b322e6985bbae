"""Simple faces whose brows, eyes and mouth carry a mood, drawn; none of anybody."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

SIZE = 96  # pixels of a side
BLUR = 0.12  # standard deviation of how faces of one mood differ
SKINS = ((255, 224, 196), (234, 192, 150), (190, 140, 100), (141, 98, 65), (92, 62, 42))


@dataclass(frozen=True)
class Look:
    """How a face looks; all between -1 and 1 or 0 and 1."""

    smile: float  # corners of the mouth: up is 1
    mouth: float  # open is 1
    frown: float  # inner ends of the brows: down is 1
    brows: float  # high is 1
    eyes: float  # wide open is 1


LOOKS = {
    "anger": Look(-0.5, 0.3, 0.9, -0.5, 0.6),
    "disgust": Look(-0.8, 0.0, 0.5, -0.4, 0.2),
    "fear": Look(-0.3, 0.5, -0.7, 0.6, 1.0),
    "joy": Look(0.9, 0.4, 0.0, 0.1, 0.5),
    "neutral": Look(0.0, 0.0, 0.0, 0.0, 0.6),
    "sadness": Look(-0.8, 0.0, -0.9, -0.1, 0.4),
    "surprise": Look(0.0, 1.0, -0.1, 0.9, 1.0),
}


def looks(rng: np.random.Generator, mood: str) -> Look:
    """How somebody in that mood looks: no two quite alike."""
    usual = LOOKS[mood]
    return Look(*(getattr(usual, field.name) + float(rng.normal(0, BLUR)) for field in fields(Look)))


@dataclass(frozen=True)
class Sitter:
    """Whose face it is, and where it is in the picture."""

    skin: tuple[int, int, int]
    behind: tuple[int, int, int]
    x: float
    y: float
    radius: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Sitter":
        """Somebody, somewhere near the middle."""
        red, green, blue = (int(one) for one in rng.integers(40, 216, 3))
        x, y = rng.normal(SIZE / 2, SIZE / 40, 2)
        skin = SKINS[int(rng.integers(len(SKINS)))]
        return cls(skin, (red, green, blue), float(x), float(y), SIZE * float(rng.uniform(0.36, 0.42)))


def face(sitter: Sitter, look: Look) -> Any:
    """The face as a Pillow image of `SIZE` × `SIZE` pixels."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (SIZE, SIZE), sitter.behind)
    draw = ImageDraw.Draw(picture)
    r = sitter.radius

    def at(x: float, y: float) -> tuple[float, float]:
        """From parts of the radius to pixels."""
        return sitter.x + r * x, sitter.y + r * y

    def oval(x: float, y: float, wide: float, high: float, colour: Any) -> None:
        draw.ellipse([*at(x - wide, y - high), *at(x + wide, y + high)], fill=colour)

    dark = (30, 20, 20)
    oval(0.0, 0.0, 0.85, 1.0, sitter.skin)
    for side in (-1, 1):
        open_ = 0.04 + 0.12 * max(look.eyes, 0)
        oval(0.36 * side, -0.2, 0.16, open_, (255, 255, 255))
        oval(0.36 * side, -0.2, 0.07, min(0.07, open_), dark)
        height = -0.48 - 0.12 * look.brows
        inner, outer = height + 0.12 * look.frown, height - 0.12 * look.frown
        draw.line([*at(0.18 * side, inner), *at(0.56 * side, outer)], fill=dark, width=4)
    across = np.linspace(-1, 1, 9)
    corners, opening = 0.22 * look.smile, 0.03 + 0.22 * max(look.mouth, 0)
    middle = 0.45 + corners * (0.5 - across**2)
    upper, lower = middle - opening * (1 - across**2), middle + opening * (1 - across**2)
    rim = [at(0.4 * x, y) for x, y in zip(across, upper, strict=True)]
    rim += [at(0.4 * x, y) for x, y in zip(across[::-1], lower[::-1], strict=True)]
    draw.polygon(rim, fill=(120, 30, 40), outline=dark)
    return picture
