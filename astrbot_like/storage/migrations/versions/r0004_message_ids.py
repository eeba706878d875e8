"""A message keeps its client's name for the request, so that a client that catches up can match it."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column."""
    op.execute("ALTER TABLE messages ADD COLUMN message_id TEXT DEFAULT '' NOT NULL")


def downgrade() -> None:
    """Older programs refuse newer data; a backup is the way back."""
    raise NotImplementedError("restore a backup made by the older version")
