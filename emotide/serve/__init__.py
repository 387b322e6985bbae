"""The service: HTTP in and out of one engine, and its typed client (DESIGN 6)."""
