"""The tables. Times are milliseconds since the epoch; JSON is text.

A change here needs a migration (``migrations/versions``) and its revision in ``schema.REVISIONS``; a test compares the
two ways to the newest schema. Triggers and text indexes are in ``sqlite_ddl``.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)

metadata = MetaData()

# --- conversations --------------------------------------------------------------------------------

sessions = Table(
    "sessions",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("platform_id", Text, nullable=False),
    Column("creator", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("is_group", Boolean(create_constraint=False), nullable=False),
    Column("conversation_id", Text, nullable=False),
    Column("profile_id", Text, nullable=False),
    Column("umo", Text, nullable=False, unique=True),
    Column("created_ms", Integer, nullable=False),
    Column("updated_ms", Integer, nullable=False),
)
# Lists are read newest first, of one user, one platform or everybody.
Index("ix_sessions_updated", sessions.c.updated_ms, sessions.c.session_id)
Index("ix_sessions_creator", sessions.c.creator, sessions.c.updated_ms, sessions.c.session_id)
Index("ix_sessions_platform", sessions.c.platform_id, sessions.c.updated_ms, sessions.c.session_id)
Index("ix_sessions_profile", sessions.c.profile_id)

# Numbers that the text index knows sessions by; kept by triggers.
session_keys = Table(
    "session_keys",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("session_id", Text, nullable=False, unique=True),
)

conversations = Table(
    "conversations",
    metadata,
    Column("conversation_id", Text, primary_key=True),
    Column("session_id", Text, ForeignKey("sessions.session_id", ondelete="CASCADE"), nullable=False),
    Column("umo", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("persona_id", Text),
    Column("summary", Text, nullable=False),
    # Rows of messages up to this id are no context any more: compressed, reset or replaced.
    Column("context_after", Integer, nullable=False),
    Column("token_usage", Integer, nullable=False),
    Column("created_ms", Integer, nullable=False),
    Column("updated_ms", Integer, nullable=False),
)
Index("ix_conversations_session", conversations.c.session_id, conversations.c.created_ms)

messages = Table(
    "messages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("session_id", Text, ForeignKey("sessions.session_id", ondelete="CASCADE"), nullable=False),
    Column("conversation_id", Text, ForeignKey("conversations.conversation_id", ondelete="CASCADE"), nullable=False),
    Column("turn_id", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("parts", Text, nullable=False),
    Column("context", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("full_text", Text, nullable=False),
    Column("meta", Text, nullable=False),
    Column("interrupted", Boolean(create_constraint=False), nullable=False),
    Column("created_ms", Integer, nullable=False),
    Column("message_id", Text, nullable=False, server_default=""),
    # An id is never given twice, even after the newest message was deleted: clients catch up by it.
    sqlite_autoincrement=True,
)
Index("ix_messages_session", messages.c.session_id, messages.c.id)
Index("ix_messages_conversation", messages.c.conversation_id, messages.c.id)

attachments = Table(
    "attachments",
    metadata,
    Column("attachment_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("mime_type", Text, nullable=False),
    # Relative to the attachment directory, so that a data directory can be moved.
    Column("stored_name", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("created_ms", Integer, nullable=False),
)
Index("ix_attachments_created", attachments.c.created_ms)

message_attachments = Table(
    "message_attachments",
    metadata,
    Column("message_id", Integer, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    # No foreign key: a message may name an attachment that was deleted.
    Column("attachment_id", Text, primary_key=True),
)
Index("ix_message_attachments_attachment", message_attachments.c.attachment_id)

# --- who may do what --------------------------------------------------------------------------------

accounts = Table(
    "accounts",
    metadata,
    Column("username", Text, primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("must_change_password", Boolean(create_constraint=False), nullable=False),
    Column("token_generation", Integer, nullable=False),
    Column("created_ms", Integer, nullable=False),
    Column("updated_ms", Integer, nullable=False),
)

login_failures = Table(
    "login_failures",
    metadata,
    # ``account:NAME`` or ``address:IP``
    Column("subject", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_ms", Integer, nullable=False),
    Column("locked_until_ms", Integer, nullable=False),
)

revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("token_id", Text, primary_key=True),
    Column("expires_at", Float, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("key_hash", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("creator", Text, nullable=False),
    Column("created_ms", Integer, nullable=False),
    Column("expires_at", Float),
    Column("last_used_at", Float),
    Column("revoked_at", Float),
)

installation = Table(
    "installation",
    metadata,
    # What there is one of: the secret of tokens (encrypted), counters of changes.
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

# --- what the bot is made of ------------------------------------------------------------------------

preferences = Table(
    "preferences",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("scope_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("updated_ms", Integer, nullable=False),
)

personas = Table(
    "personas",
    metadata,
    Column("id", Text, primary_key=True),
    Column("data", Text, nullable=False),
    Column("created_ms", Integer, nullable=False),
    Column("updated_ms", Integer, nullable=False),
)

profiles = Table(
    "profiles",
    metadata,
    Column("id", Text, primary_key=True),
    Column("data", Text, nullable=False),
    Column("created_ms", Integer, nullable=False),
    Column("updated_ms", Integer, nullable=False),
)

providers = Table(
    "providers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("data", Text, nullable=False),
    Column("created_ms", Integer, nullable=False),
    Column("updated_ms", Integer, nullable=False),
)

platforms = Table(
    "platforms",
    metadata,
    Column("id", Text, primary_key=True),
    Column("data", Text, nullable=False),
    Column("created_ms", Integer, nullable=False),
    Column("updated_ms", Integer, nullable=False),
)

mcp_servers = Table(
    "mcp_servers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("data", Text, nullable=False),
    Column("created_ms", Integer, nullable=False),
    Column("updated_ms", Integer, nullable=False),
)

plugin_states = Table(
    "plugin_states",
    metadata,
    Column("id", Text, primary_key=True),
    Column("data", Text, nullable=False),
    Column("created_ms", Integer, nullable=False),
    Column("updated_ms", Integer, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("data", Text, nullable=False),
    Column("created_ms", Integer, nullable=False),
    Column("updated_ms", Integer, nullable=False),
)

platform_messages = Table(
    "platform_messages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("platform_id", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("sender_id", Text),
    Column("sender_name", Text),
    Column("content", Text, nullable=False),
    Column("created_ms", Integer, nullable=False),
)
Index(
    "ix_platform_messages_user",
    platform_messages.c.platform_id,
    platform_messages.c.user_id,
    platform_messages.c.id,
)

# --- figures ----------------------------------------------------------------------------------------

turns = Table(
    "turns",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("turn_id", Text, nullable=False),
    Column("session_id", Text, nullable=False),
    Column("username", Text, nullable=False),
    Column("credential", Text, nullable=False),
    Column("platform_id", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("error_code", Text, nullable=False),
    Column("provider_id", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    Column("cached_tokens", Integer, nullable=False),
    # Seconds; absent stages are NULL.
    Column("stt_time", Float),
    Column("llm_ttft", Float),
    Column("llm_total_time", Float),
    Column("tts_first_frame_time", Float),
    Column("speak_to_first_frame", Float),
    Column("total_time", Float),
    Column("created_ms", Integer, nullable=False),
)
Index("ix_turns_created", turns.c.created_ms)
Index("ix_turns_user", turns.c.username, turns.c.created_ms)
Index("ix_turns_credential", turns.c.credential, turns.c.created_ms)
Index("ix_turns_session", turns.c.session_id, turns.c.created_ms)

usage_limits = Table(
    "usage_limits",
    metadata,
    # ``user``, ``key``, ``session`` or ``provider``; the subject ``*`` is everybody of that kind.
    Column("kind", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    # ``day`` or ``month``
    Column("period", Text, primary_key=True),
    Column("tokens", Integer, nullable=False),
)
