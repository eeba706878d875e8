"""Alembic's entry: runs migrations on the connection that ``schema.upgrade`` hands over."""

from alembic import context

from astrbot_like.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
context.run_migrations()
