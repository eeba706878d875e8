"""What SQLite does by itself: triggers, and the text indexes of the searches.

Run once after the tables were made; a change here needs a migration, as one of the tables does.
"""

from __future__ import annotations

PADDING = "char(10, 10)"
"""Ends each indexed text, so that its last characters begin a trigram, too (see ``text_index``)."""


def _session_text(row: str) -> str:
    return f"{row}.display_name || char(10) || {row}.creator || char(10) || {row}.umo || {PADDING}"


TOUCH = """CREATE TRIGGER messages_touch AFTER INSERT ON messages
    WHEN new.role <> 'user'
    OR new.created_ms - (SELECT updated_ms FROM sessions WHERE session_id = new.session_id) >= 10000
    BEGIN
    UPDATE sessions SET updated_ms = new.created_ms WHERE session_id = new.session_id;
    UPDATE conversations SET updated_ms = new.created_ms WHERE conversation_id = new.conversation_id;
    END"""
"""Within the statement that stores a message: every statement more is a wait for the interpreter's lock.

What a user says in a lively conversation moves nothing up, for the reply will: the first audio of a reply waits for the
user's message to be stored, and moving up is a third of that.
"""

MESSAGES_SEARCH: tuple[str, ...] = (
    # Filled little by little up to ``search_state.indexed``, so that storing a message does not pay for it.
    "CREATE TABLE search_state (id INTEGER PRIMARY KEY CHECK (id = 1), indexed INTEGER NOT NULL)",
    "INSERT INTO search_state (id, indexed) VALUES (1, 0)",
    f"CREATE VIEW message_texts AS SELECT id, text || {PADDING} AS text FROM messages",
    "CREATE VIRTUAL TABLE messages_search USING"
    " fts5(text, content='message_texts', content_rowid='id', tokenize='trigram')",
    "CREATE VIRTUAL TABLE messages_search_terms USING fts5vocab(messages_search, instance)",
    f"""CREATE TRIGGER messages_unindex AFTER DELETE ON messages
    WHEN old.id <= (SELECT indexed FROM search_state)
    BEGIN
    INSERT INTO messages_search (messages_search, rowid, text) VALUES ('delete', old.id, old.text || {PADDING});
    END""",
)

SESSIONS_SEARCH: tuple[str, ...] = (
    f"""CREATE VIEW session_texts AS SELECT session_keys.id AS id, {_session_text("sessions")} AS text
    FROM session_keys JOIN sessions ON sessions.session_id = session_keys.session_id""",
    # Names are short, so trigrams without their places take half the room and find as well.
    "CREATE VIRTUAL TABLE sessions_search USING"
    " fts5(text, content='session_texts', content_rowid='id', tokenize='trigram', detail=none)",
    "CREATE VIRTUAL TABLE sessions_search_terms USING fts5vocab(sessions_search, instance)",
    f"""CREATE TRIGGER sessions_index AFTER INSERT ON sessions
    BEGIN
    INSERT INTO session_keys (session_id) VALUES (new.session_id);
    INSERT INTO sessions_search (rowid, text)
    SELECT id, {_session_text("new")} FROM session_keys WHERE session_id = new.session_id;
    END""",
    f"""CREATE TRIGGER sessions_reindex AFTER UPDATE OF display_name, creator, umo ON sessions
    BEGIN
    INSERT INTO sessions_search (sessions_search, rowid, text)
    SELECT 'delete', id, {_session_text("old")} FROM session_keys WHERE session_id = old.session_id;
    INSERT INTO sessions_search (rowid, text)
    SELECT id, {_session_text("new")} FROM session_keys WHERE session_id = new.session_id;
    END""",
    f"""CREATE TRIGGER sessions_unindex AFTER DELETE ON sessions
    BEGIN
    INSERT INTO sessions_search (sessions_search, rowid, text)
    SELECT 'delete', id, {_session_text("old")} FROM session_keys WHERE session_id = old.session_id;
    DELETE FROM session_keys WHERE session_id = old.session_id;
    END""",
)

STATEMENTS: tuple[str, ...] = (TOUCH, *MESSAGES_SEARCH, *SESSIONS_SEARCH)
