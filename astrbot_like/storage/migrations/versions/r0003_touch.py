"""A stored message moves its session and its conversation up, within the one statement that stores it."""

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS: tuple[str, ...] = (
    """CREATE TRIGGER messages_touch AFTER INSERT ON messages
    BEGIN
    UPDATE sessions SET updated_ms = new.created_ms WHERE session_id = new.session_id;
    UPDATE conversations SET updated_ms = new.created_ms WHERE conversation_id = new.conversation_id;
    END""",
)


def upgrade() -> None:
    """Add the trigger."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Older programs refuse newer data; a backup is the way back."""
    raise NotImplementedError("restore a backup made by the older version")
