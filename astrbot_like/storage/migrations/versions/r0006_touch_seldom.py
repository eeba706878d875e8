"""What a user says in a lively conversation moves nothing up; the reply does."""

from alembic import op

revision = "0006"
down_revision = "0005"

STATEMENTS: tuple[str, ...] = (
    "DROP TRIGGER messages_touch",
    """CREATE TRIGGER messages_touch AFTER INSERT ON messages
    WHEN new.role <> 'user'
    OR new.created_ms - (SELECT updated_ms FROM sessions WHERE session_id = new.session_id) >= 10000
    BEGIN
    UPDATE sessions SET updated_ms = new.created_ms WHERE session_id = new.session_id;
    UPDATE conversations SET updated_ms = new.created_ms WHERE conversation_id = new.conversation_id;
    END""",
)


def upgrade() -> None:
    """Change the trigger."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Older programs refuse newer data; a backup is the way back."""
    raise NotImplementedError("restore a backup made by the older version")
