"""Where instances live: one folder each, 0700, below `~/.mail-proxy` or `MAIL_PROXY_HOME`.

Standard library only; the CLI and the completion load it at each start.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mail_proxy.domain.command_line import shell_line
from mail_proxy.domain.errors import ConfigurationError, Invalid

INSTANCE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}\Z")
ENTITY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")

# Commands of today and words kept for tomorrow: no instance and no tenant may take them.
RESERVED = frozenset(
    {
        "accounts",
        "activate",
        "all",
        "allow",
        "api",
        "backup",
        "bench",
        "cache",
        "command-log",
        "completion",
        "config",
        "connect",
        "current",
        "dashboard",
        "delete",
        "demo",
        "doctor",
        "help",
        "info",
        "instance",
        "key",
        "list",
        "listen",
        "logs",
        "messages",
        "new",
        "reports",
        "restart",
        "restore",
        "rotate-key",
        "run-now",
        "send",
        "serve",
        "start",
        "stats",
        "status",
        "stop",
        "storage",
        "suppressions",
        "suspend",
        "tenant",
        "tenants",
        "token",
        "top",
        "ui",
        "use",
        "version",
    }
)


@dataclass(frozen=True, slots=True)
class Instance:
    """The folder of one instance; nothing says that it exists."""

    name: str
    folder: Path

    @property
    def config_path(self) -> Path:
        return self.folder / "config.toml"

    @property
    def database_path(self) -> Path:
        return self.folder / "mail_service.db"

    @property
    def key_path(self) -> Path:
        return self.folder / "secret.key"

    @property
    def pid_path(self) -> Path:
        return self.folder / "server.pid"

    @property
    def socket_path(self) -> Path:
        return self.folder / "control.sock"

    @property
    def log_path(self) -> Path:
        return self.folder / "daemon.log"

    def exists(self) -> bool:
        return self.config_path.is_file()


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of all instances."""
    moved = environ.get("MAIL_PROXY_HOME")
    if moved:
        return Path(moved).expanduser().absolute()
    return Path.home() / ".mail-proxy"


def instance_named(name: str, root: Path) -> Instance:
    """The instance of that name. Raises Invalid for a name that cannot be one."""
    if not INSTANCE_NAME.match(name):
        raise Invalid(
            f"'{name}' cannot be an instance name: use a-z, 0-9 and '-', "
            "at most 31, no '-' first, as in my-server",
            field="name",
        )
    if name in RESERVED:
        raise Invalid(f"'{name}' is a command and cannot be an instance name", field="name")
    return Instance(name, root / name)


def list_instances(root: Path) -> list[Instance]:
    """Every instance below `root`, by name."""
    try:
        found = [Instance(path.name, path) for path in root.iterdir() if path.is_dir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigurationError(f"cannot read {root}: {error.strerror}") from error
    return sorted(
        (i for i in found if INSTANCE_NAME.match(i.name) and i.exists()), key=lambda i: i.name
    )


def create_folder(instance: Instance) -> None:
    """Make the folders that a running instance writes to, all 0700.

    Raises ConfigurationError when that cannot be, or when others can read what is there.
    """
    try:
        instance.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (instance.folder, *(instance.folder / n for n in SUBFOLDERS)):
            folder.mkdir(mode=0o700, exist_ok=True)
            if folder.stat().st_mode & 0o077:
                folder.chmod(0o700)
    except OSError as error:
        raise ConfigurationError(
            f"cannot use the folder {instance.folder}: {error.strerror}",
            hint=shell_line("ls", "-ld", instance.folder.parent),
        ) from error


SUBFOLDERS = ("journal", "spool", "cache", "attachments")
