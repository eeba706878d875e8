"""Sessions are found by any part of their name, messages by one or two characters, too."""

# ruff: noqa: E501 - statements as SQLite keeps them

from alembic import op

revision = "0005"
down_revision = "0004"

MESSAGES: tuple[str, ...] = (
    "DROP TRIGGER messages_unindex",
    "DROP TABLE messages_search",
    "DROP TABLE search_state",
    "CREATE TABLE search_state (id INTEGER PRIMARY KEY CHECK (id = 1), indexed INTEGER NOT NULL)",
    "INSERT INTO search_state (id, indexed) VALUES (1, 0)",
    "CREATE VIEW message_texts AS SELECT id, text || char(10, 10) AS text FROM messages",
    "CREATE VIRTUAL TABLE messages_search USING fts5(text, content='message_texts', content_rowid='id', tokenize='trigram')",
    "CREATE VIRTUAL TABLE messages_search_terms USING fts5vocab(messages_search, instance)",
    """CREATE TRIGGER messages_unindex AFTER DELETE ON messages
    WHEN old.id <= (SELECT indexed FROM search_state)
    BEGIN
    INSERT INTO messages_search (messages_search, rowid, text) VALUES ('delete', old.id, old.text || char(10, 10));
    END""",
)
"""The index is filled anew in the background; until then a search looks through what is not in it."""

SESSIONS: tuple[str, ...] = (
    "CREATE TABLE session_keys (id INTEGER NOT NULL, session_id TEXT NOT NULL, PRIMARY KEY (id), UNIQUE (session_id))",
    "INSERT INTO session_keys (session_id) SELECT session_id FROM sessions ORDER BY created_ms",
    """CREATE VIEW session_texts AS SELECT session_keys.id AS id, sessions.display_name || char(10) || sessions.creator || char(10) || sessions.umo || char(10, 10) AS text
    FROM session_keys JOIN sessions ON sessions.session_id = session_keys.session_id""",
    "CREATE VIRTUAL TABLE sessions_search USING fts5(text, content='session_texts', content_rowid='id', tokenize='trigram', detail=none)",
    "CREATE VIRTUAL TABLE sessions_search_terms USING fts5vocab(sessions_search, instance)",
    """CREATE TRIGGER sessions_index AFTER INSERT ON sessions
    BEGIN
    INSERT INTO session_keys (session_id) VALUES (new.session_id);
    INSERT INTO sessions_search (rowid, text)
    SELECT id, new.display_name || char(10) || new.creator || char(10) || new.umo || char(10, 10) FROM session_keys WHERE session_id = new.session_id;
    END""",
    """CREATE TRIGGER sessions_reindex AFTER UPDATE OF display_name, creator, umo ON sessions
    BEGIN
    INSERT INTO sessions_search (sessions_search, rowid, text)
    SELECT 'delete', id, old.display_name || char(10) || old.creator || char(10) || old.umo || char(10, 10) FROM session_keys WHERE session_id = old.session_id;
    INSERT INTO sessions_search (rowid, text)
    SELECT id, new.display_name || char(10) || new.creator || char(10) || new.umo || char(10, 10) FROM session_keys WHERE session_id = new.session_id;
    END""",
    """CREATE TRIGGER sessions_unindex AFTER DELETE ON sessions
    BEGIN
    INSERT INTO sessions_search (sessions_search, rowid, text)
    SELECT 'delete', id, old.display_name || char(10) || old.creator || char(10) || old.umo || char(10, 10) FROM session_keys WHERE session_id = old.session_id;
    DELETE FROM session_keys WHERE session_id = old.session_id;
    END""",
    "INSERT INTO sessions_search (sessions_search) VALUES ('rebuild')",
)


def upgrade() -> None:
    """Make the indexes."""
    for statement in (*MESSAGES, *SESSIONS):
        op.execute(statement)


def downgrade() -> None:
    """Older programs refuse newer data; a backup is the way back."""
    raise NotImplementedError("restore a backup made by the older version")
