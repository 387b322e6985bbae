"""The service: HTTP in and out of one engine, and its typed client (DESIGN 6)."""
"""The service: an HTTP interface and a dashboard around a model and a store."""
