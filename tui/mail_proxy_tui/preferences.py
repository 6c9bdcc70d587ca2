"""What a user has chosen for all dashboards: keys in a file of theirs, the theme in one of ours."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mail_proxy.domain.errors import ConfigurationError
from mail_proxy.private_files import write_private

_KEYS_FILE = "dashboard.toml"
_THEME_FILE = "theme"


def default_theme(*, has_truecolor: bool) -> str:
    """Where there are but 16 colours, those of the terminal."""
    return "textual-dark" if has_truecolor else "ansi-dark"


@dataclass(frozen=True, slots=True)
class Preferences:
    """keys: action id to keys, by commas. theme: empty: none was chosen."""

    folder: Path
    keys: Mapping[str, str] = field(default_factory=dict)
    theme: str = ""

    def keep_theme(self, name: str) -> None:
        """A folder that cannot be written loses the choice, and nothing else."""
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_private(self.folder / _THEME_FILE, f"{name}\n".encode())


def load_preferences(folder: Path) -> Preferences:
    """Raises ConfigurationError, with the file and the line or the key, for what cannot be read."""
    return Preferences(folder, _keys(folder / _KEYS_FILE), _theme(folder / _THEME_FILE))


def _theme(path: Path) -> str:
    """Empty for what is no name: it goes into the environment, which takes no NUL."""
    try:
        name = path.read_text(errors="replace").strip()
    except OSError:
        return ""
    return name if name.isascii() and name.isprintable() else ""


def _keys(path: Path) -> dict[str, str]:
    try:
        text = path.read_text()
    except FileNotFoundError:
        return {}  # as a rule, so what reads it is not imported before
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    import tomllib

    try:
        told = tomllib.loads(text)
    except (OSError, ValueError) as error:  # not TOML, or no UTF-8
        raise ConfigurationError(f"{path}: {error}") from error
    keys = told.get("keys", {})
    if not isinstance(keys, dict):
        raise ConfigurationError(f"{path}: 'keys' is not a table: write [keys]")
    for name, value in keys.items():
        if not isinstance(value, str) or not value:
            raise ConfigurationError(f'{path}: keys.{name}: write the key as a text, "x"')
    return keys


def check_keys(preferences: Preferences, known: frozenset[str]) -> None:
    """Raises ConfigurationError for an action that there is not."""
    for name in preferences.keys:
        if name not in known:
            path = preferences.folder / _KEYS_FILE
            raise ConfigurationError(
                f"{path}: keys.{name}: there is no such action. There are: "
                + ", ".join(sorted(known))
            )
