"""Who has consented, and the audit trail.

Frozen: a later change is a later revision.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "people",
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("consent", sa.Text, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("network", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("network", "user_id", "since", "consent", name="people_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("chain", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="audit_key"),
        sqlite_with_rowid=False,
    )
