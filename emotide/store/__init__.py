"""A social log is kept behind one URL: SQLite or PostgreSQL, written and read by Arrow (DESIGN 1, 4)."""

from emotide.store.ingest import FileReport, IngestReport, Progress
from emotide.store.store import Store

__all__ = ["FileReport", "IngestReport", "Progress", "Store"]
