"""The journal keeps no steps: they follow from the order and the times of its lines, whatever model is served.

Frozen: a later change is a later revision.
"""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Drop the column."""
    op.drop_column("journal", "step")
