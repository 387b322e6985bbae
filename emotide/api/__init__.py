"""The one door that every shell uses: `SocialLog` and `Emotide` (DESIGN 5)."""

from emotide.api.model import Emotide
from emotide.api.recipe import Recipe
from emotide.api.sharpening import convert_readings
from emotide.api.social_log import SocialLog, known_spaces, space_table, spaces_table

__all__ = ["Emotide", "Recipe", "SocialLog", "convert_readings", "known_spaces", "space_table", "spaces_table"]
