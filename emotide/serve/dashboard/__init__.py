"""The dashboard: one page that works offline, and the JSON that it draws."""

from emotide.serve.dashboard.pages import PUBLIC
from emotide.serve.dashboard.routes import dashboard_router
from emotide.serve.dashboard.views import Views

__all__ = ["PUBLIC", "Views", "dashboard_router"]
