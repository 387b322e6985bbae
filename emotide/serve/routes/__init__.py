"""The routes, by what they are about."""

from emotide.serve.routes import admin, events, groups, people, stream, watching

ROUTERS = [module.router for module in (events, people, groups, stream, admin, watching)]
