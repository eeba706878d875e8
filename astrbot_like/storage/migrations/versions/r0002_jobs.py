"""Timed jobs, and messages that plugins keep."""

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS: tuple[str, ...] = (
    """
    CREATE TABLE jobs (
        id TEXT NOT NULL,
        data TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        updated_ms INTEGER NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE platform_messages (
        id INTEGER NOT NULL,
        platform_id TEXT NOT NULL,
        user_id TEXT NOT NULL,
        sender_id TEXT,
        sender_name TEXT,
        content TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    """
    CREATE INDEX ix_platform_messages_user ON platform_messages (platform_id, user_id, id)
    """,
)


def upgrade() -> None:
    """Add the two tables."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Older programs refuse newer data; a backup is the way back."""
    raise NotImplementedError("restore a backup made by the older version")
