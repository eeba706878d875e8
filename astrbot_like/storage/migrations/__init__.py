"""Alembic migrations, run from the program (``storage/schema.py``), never from a command line of their own."""
