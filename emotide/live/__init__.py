"""A model that lives beside a store: events as they come, applied exactly once (DESIGN 6)."""

from emotide.live.config import LiveConfig
from emotide.live.engine import LiveEngine
from emotide.live.intake import Receipt
from emotide.live.subscription import Subscription

__all__ = ["LiveConfig", "LiveEngine", "Receipt", "Subscription"]
