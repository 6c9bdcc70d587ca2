"""`config.toml`: what must be known of an instance before its database is opened.

A flat table that people may edit. Rewriting changes the lines of the given keys and leaves
comments and unknown keys as they are.
"""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mail_proxy.config.instances import Instance, create_folder
from mail_proxy.config.lock import StateLock
from mail_proxy.domain.command_line import shell_line
from mail_proxy.domain.errors import ConfigurationError, Locked
from mail_proxy.private_files import read_private, write_private

SIZE_LIMIT = 1 << 20
_TABLE_HEADER = re.compile(r"^[ \t]*\[", re.MULTILINE)
_ESCAPED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}

Value = str | bool | int | float


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The file as read: its values, and its text to tell line numbers from."""

    path: Path
    text: str
    values: dict[str, Any]

    def place_of(self, key: str) -> str:
        """Where a key stands, as people are told it."""
        for number, line in enumerate(self.text.splitlines(), start=1):
            if _assignment(key).match(line):
                return f"{self.path}, line {number}"
        return str(self.path)


def read_config(path: Path) -> ConfigFile:
    """The file, empty when there is none. Raises ConfigurationError."""
    try:
        found = read_private(path, limit=SIZE_LIMIT + 1)
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from error
    if found is None:
        return ConfigFile(path, "", {})
    if len(found) > SIZE_LIMIT:
        raise ConfigurationError(f"{path} is larger than 1 MiB: that is no config.toml")
    try:
        text = found.decode()
        return ConfigFile(path, text, tomllib.loads(text))
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML, or a number without end
        raise ConfigurationError(
            f"{path} is not TOML: {error}", hint=f"put it right: $EDITOR {shell_line(path)}"
        ) from error


def write_config(path: Path, changes: Mapping[str, Value]) -> None:
    """Set top-level keys, 0600 and on the disk when this returns. Raises ConfigurationError."""
    old = read_config(path)
    text = old.text
    for key, value in changes.items():
        text = _with_line(text, key, f"{key} = {toml_value(value)}")
    # The edit is by lines; a multi-line string could fool it, so the result is read back.
    if _parsed(text) != {**old.values, **changes}:
        raise ConfigurationError(
            f"cannot change {', '.join(changes)} in {path} without spoiling the rest",
            hint=f"put it in by hand: $EDITOR {shell_line(path)}",
        )
    try:
        write_private(path, text.encode())
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from error


def create_instance(instance: Instance, *, now: float) -> None:
    """Make the folder, and the file that marks it as an instance; harmless where both exist.

    now: seconds since the epoch. Raises ConfigurationError.
    """
    create_folder(instance)
    if not instance.exists():
        created_at = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        write_config(instance.config_path, {"name": instance.name, "created_at": created_at})


def discard_instance(instance: Instance) -> None:
    """Remove what a refused first start has made, unless it came as far as a database."""
    try:
        with StateLock(instance.folder).acquire("clean-up"):
            if not instance.database_path.exists():
                shutil.rmtree(instance.folder)
    except (ConfigurationError, Locked):
        return  # there is no folder, or another start is at work in it


def toml_value(value: Value) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    return '"' + "".join(_escaped(letter) for letter in value) + '"'


def _escaped(letter: str) -> str:
    if letter in _ESCAPED:
        return _ESCAPED[letter]
    if 0xD800 <= ord(letter) <= 0xDFFF:
        raise ConfigurationError("a lone surrogate cannot be written to config.toml")
    if ord(letter) < 0x20 or ord(letter) == 0x7F:
        return f"\\u{ord(letter):04X}"
    return letter


def _with_line(text: str, key: str, line: str) -> str:
    header = _TABLE_HEADER.search(text)
    top, rest = (text[: header.start()], text[header.start() :]) if header else (text, "")
    changed, count = _assignment(key).subn(lambda _: line, top, count=1)
    if not count:
        changed = (top if not top or top.endswith("\n") else top + "\n") + line + "\n"
    return changed + rest


def _assignment(key: str) -> re.Pattern[str]:
    escaped = re.escape(key)
    return re.compile(rf"^[ \t]*(?:{escaped}|\"{escaped}\"|'{escaped}')[ \t]*=.*$", re.MULTILINE)


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return None
