"""The order in which events came to a running service, and the step in which each counts.

Frozen: a later change is a later revision.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the journal."""
    op.create_table(
        "journal",
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("table_name", sa.Text, nullable=False),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("network", sa.Text, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("source_id", sa.Text, nullable=False),
        sa.Column("target_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("post_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="journal_key"),
    )
    op.create_index("journal_event", "journal", ["event_id"], unique=True)
    op.create_index("journal_source", "journal", ["network", "source_id"])
    op.create_index("journal_target", "journal", ["network", "target_id"])
