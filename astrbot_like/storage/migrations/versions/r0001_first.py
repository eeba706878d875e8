"""The first schema."""

from alembic import op

revision = "0001"
down_revision = None

STATEMENTS: tuple[str, ...] = (
    """
    CREATE TABLE sessions (
        session_id TEXT NOT NULL,
        platform_id TEXT NOT NULL,
        creator TEXT NOT NULL,
        display_name TEXT NOT NULL,
        is_group BOOLEAN NOT NULL,
        conversation_id TEXT NOT NULL,
        profile_id TEXT NOT NULL,
        umo TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        updated_ms INTEGER NOT NULL,
        PRIMARY KEY (session_id),
        UNIQUE (umo)
    )
    """,
    """
    CREATE INDEX ix_sessions_creator ON sessions (creator, updated_ms, session_id)
    """,
    """
    CREATE INDEX ix_sessions_updated ON sessions (updated_ms, session_id)
    """,
    """
    CREATE INDEX ix_sessions_profile ON sessions (profile_id)
    """,
    """
    CREATE INDEX ix_sessions_platform ON sessions (platform_id, updated_ms, session_id)
    """,
    """
    CREATE TABLE attachments (
        attachment_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        filename TEXT NOT NULL,
        mime_type TEXT NOT NULL,
        stored_name TEXT NOT NULL,
        owner TEXT NOT NULL,
        size INTEGER NOT NULL,
        created_ms INTEGER NOT NULL,
        PRIMARY KEY (attachment_id)
    )
    """,
    """
    CREATE INDEX ix_attachments_created ON attachments (created_ms)
    """,
    """
    CREATE TABLE accounts (
        username TEXT NOT NULL,
        password_hash TEXT NOT NULL,
        must_change_password BOOLEAN NOT NULL,
        token_generation INTEGER NOT NULL,
        created_ms INTEGER NOT NULL,
        updated_ms INTEGER NOT NULL,
        PRIMARY KEY (username)
    )
    """,
    """
    CREATE TABLE login_failures (
        subject TEXT NOT NULL,
        failures INTEGER NOT NULL,
        last_ms INTEGER NOT NULL,
        locked_until_ms INTEGER NOT NULL,
        PRIMARY KEY (subject)
    )
    """,
    """
    CREATE TABLE revoked_tokens (
        token_id TEXT NOT NULL,
        expires_at FLOAT NOT NULL,
        PRIMARY KEY (token_id)
    )
    """,
    """
    CREATE TABLE api_keys (
        key_id TEXT NOT NULL,
        key_hash TEXT NOT NULL,
        name TEXT NOT NULL,
        prefix TEXT NOT NULL,
        scopes TEXT NOT NULL,
        creator TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        expires_at FLOAT,
        last_used_at FLOAT,
        revoked_at FLOAT,
        PRIMARY KEY (key_id),
        UNIQUE (key_hash)
    )
    """,
    """
    CREATE TABLE installation (
        "key" TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY ("key")
    )
    """,
    """
    CREATE TABLE preferences (
        scope TEXT NOT NULL,
        scope_id TEXT NOT NULL,
        "key" TEXT NOT NULL,
        value TEXT NOT NULL,
        updated_ms INTEGER NOT NULL,
        PRIMARY KEY (scope, scope_id, "key")
    )
    """,
    """
    CREATE TABLE personas (
        id TEXT NOT NULL,
        data TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        updated_ms INTEGER NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE profiles (
        id TEXT NOT NULL,
        data TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        updated_ms INTEGER NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE providers (
        id TEXT NOT NULL,
        data TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        updated_ms INTEGER NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE platforms (
        id TEXT NOT NULL,
        data TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        updated_ms INTEGER NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE mcp_servers (
        id TEXT NOT NULL,
        data TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        updated_ms INTEGER NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE plugin_states (
        id TEXT NOT NULL,
        data TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        updated_ms INTEGER NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE turns (
        id INTEGER NOT NULL,
        turn_id TEXT NOT NULL,
        session_id TEXT NOT NULL,
        username TEXT NOT NULL,
        credential TEXT NOT NULL,
        platform_id TEXT NOT NULL,
        origin TEXT NOT NULL,
        outcome TEXT NOT NULL,
        error_code TEXT NOT NULL,
        provider_id TEXT NOT NULL,
        model TEXT NOT NULL,
        input_tokens INTEGER NOT NULL,
        output_tokens INTEGER NOT NULL,
        cached_tokens INTEGER NOT NULL,
        stt_time FLOAT,
        llm_ttft FLOAT,
        llm_total_time FLOAT,
        tts_first_frame_time FLOAT,
        speak_to_first_frame FLOAT,
        total_time FLOAT,
        created_ms INTEGER NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    """
    CREATE INDEX ix_turns_credential ON turns (credential, created_ms)
    """,
    """
    CREATE INDEX ix_turns_user ON turns (username, created_ms)
    """,
    """
    CREATE INDEX ix_turns_session ON turns (session_id, created_ms)
    """,
    """
    CREATE INDEX ix_turns_created ON turns (created_ms)
    """,
    """
    CREATE TABLE usage_limits (
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        period TEXT NOT NULL,
        tokens INTEGER NOT NULL,
        PRIMARY KEY (kind, subject, period)
    )
    """,
    """
    CREATE TABLE conversations (
        conversation_id TEXT NOT NULL,
        session_id TEXT NOT NULL,
        umo TEXT NOT NULL,
        title TEXT NOT NULL,
        persona_id TEXT,
        summary TEXT NOT NULL,
        context_after INTEGER NOT NULL,
        token_usage INTEGER NOT NULL,
        created_ms INTEGER NOT NULL,
        updated_ms INTEGER NOT NULL,
        PRIMARY KEY (conversation_id),
        FOREIGN KEY(session_id) REFERENCES sessions (session_id) ON DELETE CASCADE
    )
    """,
    """
    CREATE INDEX ix_conversations_session ON conversations (session_id, created_ms)
    """,
    """
    CREATE TABLE messages (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        session_id TEXT NOT NULL,
        conversation_id TEXT NOT NULL,
        turn_id TEXT NOT NULL,
        role TEXT NOT NULL,
        parts TEXT NOT NULL,
        context TEXT NOT NULL,
        text TEXT NOT NULL,
        full_text TEXT NOT NULL,
        meta TEXT NOT NULL,
        interrupted BOOLEAN NOT NULL,
        created_ms INTEGER NOT NULL,
        FOREIGN KEY(session_id) REFERENCES sessions (session_id) ON DELETE CASCADE,
        FOREIGN KEY(conversation_id) REFERENCES conversations (conversation_id) ON DELETE CASCADE
    )
    """,
    """
    CREATE INDEX ix_messages_conversation ON messages (conversation_id, id)
    """,
    """
    CREATE INDEX ix_messages_session ON messages (session_id, id)
    """,
    """
    CREATE TABLE message_attachments (
        message_id INTEGER NOT NULL,
        attachment_id TEXT NOT NULL,
        PRIMARY KEY (message_id, attachment_id),
        FOREIGN KEY(message_id) REFERENCES messages (id) ON DELETE CASCADE
    )
    """,
    """
    CREATE INDEX ix_message_attachments_attachment ON message_attachments (attachment_id)
    """,
    """
    CREATE TABLE search_state (id INTEGER PRIMARY KEY CHECK (id = 1), indexed INTEGER NOT NULL)
    """,
    """
    INSERT INTO search_state (id, indexed) VALUES (1, 0)
    """,
    """
    CREATE VIRTUAL TABLE messages_search USING fts5(text, content='messages', content_rowid='id', tokenize='trigram')
    """,
    """
    CREATE TRIGGER messages_unindex AFTER DELETE ON messages
    WHEN old.id <= (SELECT indexed FROM search_state)
    BEGIN INSERT INTO messages_search (messages_search, rowid, text) VALUES ('delete', old.id, old.text); END
    """,
)


def upgrade() -> None:
    """Make every table."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Older programs refuse newer data; a backup is the way back."""
    raise NotImplementedError("restore a backup made by the older version")
