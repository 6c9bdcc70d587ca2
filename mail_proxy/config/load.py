"""From the environment, config.toml and defaults to one checked Settings.

The environment wins over the file, the file over the default. A bad value raises
ConfigurationError that names the variable, or the file, the line and the key.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mail_proxy.config.environment import (
    BY_KEY,
    FILE_ONLY,
    OTHERS,
    VARIABLES,
    WITHOUT_EFFECT,
    Variable,
)
from mail_proxy.config.file import ConfigFile, read_config
from mail_proxy.config.instances import Instance
from mail_proxy.config.kinds import NotSupportedYet
from mail_proxy.config.settings import HttpSettings, Settings
from mail_proxy.domain.command_line import shell_line
from mail_proxy.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Tree = TypeVar("Tree", bound="DataclassInstance")

ENVIRONMENT, FILE, OPTION, DEFAULT = "environment", "config.toml", "option", "default"
SERVE_NAME = "default"
SERVE_DATABASE = "mail_service.db"
SERVE_HTTP = HttpSettings(host="0.0.0.0", port=8000)  # noqa: S104 - a container's own network

Given = dict[str, tuple[Any, str]]  # place in Settings -> value, source


def load_settings(
    instance: Instance,
    environ: Mapping[str, str] = os.environ,
    *,
    host: str | None = None,
    port: int | None = None,
) -> Settings:
    """Settings of a named instance; `host` and `port` are command-line options, which win.

    Raises ConfigurationError.
    """
    file = read_config(instance.config_path)
    given = {**_from_file(file), **_from_environment(environ), **_from_options(host, port)}
    notes = [*_notes(environ), *_file_notes(file)]
    if given.pop("state_dir", None):
        notes.append("GMP_STATE_DIR has no effect: the folder of an instance is its state folder")
    given.pop("name", None)  # the folder's name is the instance's
    base = Settings(
        name=instance.name, state_dir=instance.folder, database=str(instance.database_path)
    )
    return _settled(base, given, notes, instance.folder)


def settings_from_environment(
    environ: Mapping[str, str] = os.environ,
    *,
    host: str | None = None,
    port: int | None = None,
) -> Settings:
    """Settings of `serve`, from GMP_* (and GMP_CONFIG_FILE, if given) and options alone.

    Raises ConfigurationError.
    """
    given = {**_from_environment(environ), **_from_options(host, port)}
    notes = _notes(environ)
    named = environ.get("GMP_CONFIG_FILE")
    if named:
        file = _existing(Path(named))
        given = {**_from_file(file), **given}
        notes += _file_notes(file)
    base = Settings(
        name=SERVE_NAME,
        state_dir=Path(),
        database=str(Path.cwd() / SERVE_DATABASE),
        http=SERVE_HTTP,
    )
    settings = _settled(base, given, notes, Path.cwd())
    if "state_dir" in given:
        return settings
    database = settings.database_path
    return replace(settings, state_dir=database.with_name(f"{database.name}.state"))


def _settled(base: Settings, given: Given, notes: list[str], start: Path) -> Settings:
    """`base` with what was given; relative paths are told from the folder `start`."""
    values = {place: value for place, (value, _) in given.items()}
    if "database" in values:
        path = Path(values["database"].removeprefix("sqlite:///"))
        values["database"] = str(_absolute(path, given["database"][1], start))
    if "state_dir" in values:
        values["state_dir"] = Path(values["state_dir"]).expanduser().absolute()
    sources = {v.field: given.get(v.field, (None, DEFAULT))[1] for v in VARIABLES}
    return replace(_planted(base, values), sources=sources, notes=tuple(notes))


def _absolute(path: Path, source: str, start: Path) -> Path:
    # A path in a file is meant from there, one in the environment from where the command was given.
    path = path.expanduser()
    return (start / path if source == FILE else path).absolute()


def _planted(base: Tree, values: Mapping[str, Any]) -> Tree:
    """Put the values, keyed by their place, into the frozen tree."""
    own = {place: value for place, value in values.items() if "." not in place}
    for tree in {place.partition(".")[0] for place in values if "." in place}:
        inner = {
            place.removeprefix(f"{tree}."): value
            for place, value in values.items()
            if place.startswith(f"{tree}.")
        }
        own[tree] = _planted(getattr(base, tree), inner)
    return replace(base, **own)


def _from_environment(environ: Mapping[str, str]) -> Given:
    given: Given = {}
    for variable in VARIABLES:
        name = _name_in_use(variable, environ)
        if name is None or variable.field in given:
            continue
        value = _parsed(variable, environ[name], name)
        if value is not None:
            given[variable.field] = (value, ENVIRONMENT)
    return given


def _name_in_use(variable: Variable, environ: Mapping[str, str]) -> str | None:
    """The first name of the variable that is set. Raises ConfigurationError for two that differ."""
    names = [name for name in variable.names if _is_set(variable, name, environ)]
    # LOG_LEVEL and LOG_FORMAT are other programs' words too and yield; two of ours must agree.
    ours = {environ[name] for name in names if name.startswith("GMP_")}
    if len(ours) > 1:
        raise ConfigurationError(
            f"{' and '.join(names)} mean the same and differ", hint=f"unset {names[-1]}"
        )
    return names[0] if names else None


def _is_set(variable: Variable, name: str, environ: Mapping[str, str]) -> bool:
    text = environ.get(name)
    if text == "" and variable.refuses_empty:
        raise ConfigurationError(f"{name} is empty", hint=f"unset {name}, or give it a value")
    return bool(text)  # compose files write NAME="" for what is not given


def _from_file(file: ConfigFile) -> Given:
    given: Given = {}
    for key, variable in BY_KEY.items():
        if key not in file.values:
            continue
        value = file.values[key]
        place = f"{key} in {file.place_of(key)}"
        if not isinstance(value, str | bool | int | float):
            raise ConfigurationError(
                f"{place} must be {variable.kind.words}",
                hint=f"put it right: $EDITOR {shell_line(file.path)}",
            )
        text = str(value).lower() if isinstance(value, bool) else str(value)
        given[variable.field] = (_parsed(variable, text, place), FILE)
    return given


def _from_options(host: str | None, port: int | None) -> Given:
    options = {"host": host, "port": None if port is None else str(port)}
    return {
        BY_KEY[key].field: (_parsed(BY_KEY[key], text, f"--{key}"), OPTION)
        for key, text in options.items()
        if text is not None
    }


def _parsed(variable: Variable, text: str, place: str) -> Any:
    try:
        return variable.kind.parse(text)
    except NotSupportedYet as error:
        raise ConfigurationError(f"{place}: {error}", hint=f"give {variable.kind.words}") from None
    except ValueError as error:
        shown = "" if variable.is_secret else f", not '{_short(text)}'"
        raise ConfigurationError(
            f"{place} must be {error}{shown}", hint="mail-proxy help environment"
        ) from None


def _short(text: str) -> str:
    """Enough of a value to find it by, on one line."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[:60])
    return shown if len(text) <= 60 else f"{shown}..."


def _existing(path: Path) -> ConfigFile:
    if not path.is_file():
        raise ConfigurationError(
            f"GMP_CONFIG_FILE: there is no file {path}", hint="unset GMP_CONFIG_FILE"
        )
    return read_config(path.resolve())


def _notes(environ: Mapping[str, str]) -> list[str]:
    """A sentence for each variable of ours that changes nothing."""
    known = OTHERS.union(*(variable.names for variable in VARIABLES))
    notes = []
    for name in sorted(environ):
        if name in WITHOUT_EFFECT:
            notes.append(f"{name} has no effect: {WITHOUT_EFFECT[name]}")
        elif name.startswith("GMP_") and name not in known:
            notes.append(f"{name} has no effect: there is no such setting")
    return notes


def _file_notes(file: ConfigFile) -> list[str]:
    unknown = sorted(set(file.values) - set(BY_KEY) - FILE_ONLY)
    return [f"{key} in {file.place_of(key)} has no effect: there is no such key" for key in unknown]
