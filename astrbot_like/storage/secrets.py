"""Secrets at rest: options of providers, and the secret that signs tokens.

They are encrypted with a key in a file of its own (``secret.key``, readable by its owner alone), so that a copy of the
database alone shows none. Who can read the whole data directory can read them; see docs/security.md.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from astrbot_like.domain.errors import StorageError

FILE_NAME = "secret.key"
PREFIX = "enc:"
"""Marks an encrypted string inside stored JSON."""

_WORDS = ("key", "secret", "token", "password", "passwd", "credential", "authorization", "cookie")
# Names that hold such a word and are no secret.
_PLAIN = frozenset({"max_tokens", "tokens", "max_completion_tokens", "keywords", "tokenizer", "keyboard", "keep_alive"})


def is_secret_name(name: str) -> bool:
    """Whether an option of that name holds a secret."""
    lower = name.lower()
    return lower not in _PLAIN and not lower.endswith("_tokens") and any(word in lower for word in _WORDS)


def mask(value: str) -> str:
    """A secret as it is shown: its last four characters, when it is long enough to keep the rest safe."""
    if not value or value.startswith("env:"):
        return value
    return f"••••{value[-4:]}" if len(value) >= 16 else "••••"


def is_masked(value: Any) -> bool:
    """Whether a value is what ``mask`` shows: the client sent it back unchanged."""
    return isinstance(value, str) and value.startswith("••••")


class SecretBox(msgspec.Struct):
    """Encrypts and decrypts with the installation's key; the key is read or made when it is first needed.

    Its methods read a file and compute: call them off the event loop.
    """

    path: Path
    _cipher: Any = None

    def seal(self, value: Any, *, secret: bool = False) -> Any:
        """A JSON value with every secret string encrypted, found by the names of its options."""
        if isinstance(value, dict):
            return {name: self.seal(item, secret=secret or is_secret_name(str(name))) for name, item in value.items()}
        if isinstance(value, list):
            return [self.seal(item, secret=secret) for item in value]
        if secret and isinstance(value, str) and value and not value.startswith("env:"):
            return self.encrypt(value)
        return value

    def unseal(self, value: Any) -> Any:
        """The value that ``seal`` was given."""
        if isinstance(value, dict):
            return {name: self.unseal(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.unseal(item) for item in value]
        if isinstance(value, str) and value.startswith(PREFIX):
            return self.decrypt(value)
        return value

    def encrypt(self, text: str) -> str:
        """An encrypted string."""
        return PREFIX + self._fernet().encrypt(text.encode()).decode()

    def decrypt(self, text: str) -> str:
        """The string that ``encrypt`` was given.

        Raises:
            StorageError: The key file is not the one it was encrypted with.
        """
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet().decrypt(text.removeprefix(PREFIX).encode()).decode()
        except InvalidToken as error:
            raise StorageError(
                f"Stored secrets can't be read: {FILE_NAME} in the data directory is not the key they were written "
                "with. Put the right file back, or enter the secrets again."
            ) from error

    def _fernet(self) -> Any:
        if self._cipher is None:
            from cryptography.fernet import Fernet

            try:
                self._cipher = Fernet(_read_or_make(self.path))
            except ValueError as error:
                raise StorageError(
                    f"{FILE_NAME} in the data directory is damaged. Restore it from a backup."
                ) from error
        return self._cipher


def _read_or_make(path: Path) -> bytes:
    try:
        return path.read_bytes().strip()
    except FileNotFoundError:
        pass
    from cryptography.fernet import Fernet

    key = Fernet.generate_key()
    # Complete before it has its name: another process reads the whole key or none.
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, key)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(fresh, path)
    except FileExistsError:
        return path.read_bytes().strip()
    finally:
        fresh.unlink()
    return key
