"""The one door that every shell uses: `SocialLog` and `Emotide` (DESIGN 5)."""

from emotide.api.model import Emotide
from emotide.api.recipe import Recipe
from emotide.api.social_log import SocialLog, known_spaces

__all__ = ["Emotide", "Recipe", "SocialLog", "known_spaces"]
