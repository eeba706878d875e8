"""Reads settings from a TOML file, the environment and the command line, the later winning over the earlier.

Every option has a path (``turn.stt_deadline``), the TOML key of that path, and an environment variable
(``ASTRBOT_LIKE_TURN_STT_DEADLINE``). Those of the section ``server`` need no section in the variable's name
(``ASTRBOT_LIKE_PORT``), and any option whose name stands once only may be written without its section.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from astrbot_like.config.model import Settings
from astrbot_like.domain.errors import ConfigError

PREFIX = "ASTRBOT_LIKE_"
TREES = ("providers", "profiles", "platforms")
"""Parts of the file that are declarations rather than options."""


class Option(msgspec.Struct, frozen=True):
    """One setting as documentation and ``--help`` show it."""

    path: tuple[str, ...]
    type: Any
    default: Any
    description: str

    @property
    def name(self) -> str:
        """Its dotted path."""
        return ".".join(self.path)

    @property
    def variable(self) -> str:
        """Its environment variable."""
        path = self.path[1:] if self.path[0] == "server" else self.path
        return PREFIX + "_".join(path).upper()


def options() -> list[Option]:
    """All settings, in the order of their sections."""
    return _options(Settings, ())


def _options(struct: type[msgspec.Struct], above: tuple[str, ...]) -> list[Option]:
    found: list[Option] = []
    hints = get_type_hints(struct, include_extras=True)
    for field in msgspec.structs.fields(struct):
        if not above and field.name in TREES:
            continue
        hint, description = hints[field.name], ""
        if get_origin(hint) is Annotated:
            hint, *metas = get_args(hint)
            description = next((m.description for m in metas if getattr(m, "description", None)), "")
        path = (*above, field.name)
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            found += _options(hint, path)
        else:
            default = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
            found.append(Option(path, hint, default, description))
    return found


def load_settings(
    environment: Mapping[str, str],
    *,
    file: Path | None = None,
    given: Mapping[str, Any] | None = None,
) -> Settings:
    """The effective settings.

    Args:
        environment: Usually ``os.environ``.
        file: The TOML file; None: the one named by ``ASTRBOT_LIKE_CONFIG``, if any.
        given: Options from the command line by dotted path.

    Raises:
        ConfigError: The file can't be read, or an option is unknown or has a wrong value; the text names it.
    """
    if file is None and (named := environment.get(f"{PREFIX}CONFIG")):
        file = Path(named)
    known = options()
    tree = _read(file) if file is not None else {}
    _move_up(tree, known)
    for option, text in _from_environment(environment, known):
        _put(tree, option.path, _parse(option, text))
    for name, value in (given or {}).items():
        _put(tree, tuple(name.split(".")), value)
    try:
        return msgspec.convert(tree, Settings)
    except msgspec.ValidationError as error:
        where = f" in {file}" if file is not None else ""
        raise ConfigError(f"A setting{where} is wrong: {error}") from None


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            return tomllib.load(opened)
    except OSError as error:
        raise ConfigError(f"Can't read the settings file {file}: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"The settings file {file} is not valid TOML: {error}") from None


def _move_up(tree: dict[str, Any], known: list[Option]) -> None:
    """Let an option at the top of the file stand without its section, where its name is the only one."""
    sections = {field.name for field in msgspec.structs.fields(Settings)}
    for name in [name for name in tree if name not in sections]:
        option = _by_last_name(name, known)
        if option is None:
            close = ", ".join(o.name for o in known if o.path[-1] == name)
            hint = f" It could be: {close}." if close else " Run 'astrbot-like run --help' for a list."
            raise ConfigError(f"There is no setting {name!r}.{hint}")
        _put(tree, option.path, tree.pop(name))


def _by_last_name(name: str, known: list[Option]) -> Option | None:
    found = [option for option in known if option.path[-1] == name]
    server = [option for option in found if option.path[0] == "server"]
    return (server or found)[0] if len(found) == 1 or server else None


def _from_environment(environment: Mapping[str, str], known: list[Option]) -> list[tuple[Option, str]]:
    counts = Counter(option.path[-1] for option in known)
    names = {option.variable: option for option in known}
    for option in known:
        if counts[option.path[-1]] == 1:
            names.setdefault(PREFIX + option.path[-1].upper(), option)
    return [(names[name], text) for name, text in environment.items() if name in names]


def _parse(option: Option, text: str) -> Any:
    kind = get_origin(option.type) or option.type
    if kind is bool:
        lowered = text.strip().lower()
        if lowered in ("1", "true", "yes", "on"):
            return True
        if lowered in ("0", "false", "no", "off", ""):
            return False
        raise ConfigError(f"{option.variable} must be true or false, not {text!r}.")
    if kind in (tuple, list, set, frozenset):
        return [piece.strip() for piece in text.split(",") if piece.strip()]
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            raise ConfigError(f"{option.variable} must be a number, not {text!r}.") from None
    return text


def _put(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        below = tree.setdefault(name, {})
        if not isinstance(below, dict):
            raise ConfigError(f"{name!r} must be a section of the settings file.")
        tree = below
    tree[path[-1]] = value
