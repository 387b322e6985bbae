"""The routes, by what they are about."""

from emotide.serve.routes import admin, events, groups, people, session, stream, watching

ROUTERS = [module.router for module in (events, people, groups, stream, admin, session, watching)]
