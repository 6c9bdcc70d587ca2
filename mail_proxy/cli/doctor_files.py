"""What `doctor` looks at on the disk: rights, the database, room. Reads only."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from mail_proxy.cli.finding import Finding, failed, passed, warned
from mail_proxy.config.instances import Instance
from mail_proxy.config.quick_check import quick_check
from mail_proxy.domain import units
from mail_proxy.domain.command_line import shell_line

_QUICK_CHECK_S = 5.0  # SQLite walks some 500 MB a second
_DISK_FAIL_BYTES = 100 * 10**6
_DISK_WARN_BYTES = 10**9
# The daemon cuts its -wal back to 64 MiB; one of this size is held by somebody who reads for long.
_WAL_WARN_BYTES = 256 * 2**20
_CLOCK_SLACK_S = 60.0


def check_home(root: Path) -> Finding:
    """The folder of all instances is its owner's alone."""
    try:
        found = root.stat()
    except FileNotFoundError:
        return warned("home", f"there is no {root} yet", "mail-proxy start myserver")
    except OSError as error:
        why = (error.strerror or "").lower()
        return failed("home", f"{root}: {why}", shell_line("ls", "-ld", root))
    if found.st_uid != os.geteuid():
        return failed("home", f"{root} belongs to another user", shell_line("ls", "-ld", root))
    if found.st_mode & 0o077:
        return failed("home", f"{root} is open to others", shell_line("chmod", "700", root))
    return passed("home", f"{root} is yours alone")


def check_rights(instance: Instance, database: Path) -> Finding:
    """No secret and no mail can be read by others."""
    if instance.folder.stat().st_mode & 0o077:
        return failed(
            "rights",
            f"{instance.folder} is open to others",
            shell_line("chmod", "700", instance.folder),
        )
    names = [instance.config_path, instance.key_path, instance.log_path, instance.pid_path]
    names += [database.with_name(database.name + end) for end in ("", "-wal", "-shm", ".lock")]
    open_to_others = [path for path in names if _is_open(path)]
    if not open_to_others:
        return passed("rights", "its files are yours alone")
    listed = " ".join(str(path) for path in open_to_others)
    return failed(
        "rights", f"others can read {listed}", shell_line("chmod", "600", *open_to_others)
    )


def _is_open(path: Path) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and bool(found.st_mode & 0o077)


def check_database(name: str, path: Path) -> Finding:
    """SQLite finds its pages whole, as far as it comes in a few seconds."""
    if not path.exists():
        return warned("database", f"there is none yet: {path}", f"mail-proxy start {name}")
    restore = "mail-proxy restore NEWNAME FILE, from the last backup"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            found = quick_check(db, _QUICK_CHECK_S)
    except sqlite3.OperationalError as error:
        return failed("database", f"{path} cannot be read: {error}", shell_line("ls", "-l", path))
    except sqlite3.DatabaseError as error:
        return failed("database", f"{path} is damaged: {error}", restore)
    if found is None:
        return passed("database", f"nothing damaged in what {_QUICK_CHECK_S:g} s were enough for")
    if found != "ok":
        return failed("database", f"{path} is damaged: {found}", restore)
    return passed("database", f"whole, {units.size(path.stat().st_size)}")


def check_disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    text = f"{units.size(free)} free at {folder}"
    if free < _DISK_FAIL_BYTES:
        return failed("disk", text, f"make room: {shell_line('du', '-sh', folder)}/*")
    if free < _DISK_WARN_BYTES:
        return warned("disk", text, f"make room: {shell_line('du', '-sh', folder)}/*")
    return passed("disk", text)


def check_wal(name: str, path: Path) -> Finding:
    wal = path.with_name(path.name + "-wal")
    size = wal.stat().st_size if wal.exists() else 0
    text = f"{units.size(size)} not yet in the database file"
    if size > _WAL_WARN_BYTES:
        return warned(
            "wal", text, f"end what reads the database for long, or: mail-proxy restart {name}"
        )
    return passed("wal", text)


def check_clock(instance: Instance, database: Path, now: float) -> Finding:
    """Nothing of the instance was written in the future: then the clock was set back since."""
    latest = max(_written_at(instance, database), default=0.0)
    if latest > now + _CLOCK_SLACK_S:
        ahead = units.duration(latest - now)
        return warned("clock", f"a file was written {ahead} from now", "timedatectl, or chronyc")
    return passed("clock", f"{units.local_time(now)}, and nothing is from later")


def _written_at(instance: Instance, database: Path) -> Iterator[float]:
    wal = database.with_name(database.name + "-wal")
    for path in (database, wal, instance.log_path, instance.pid_path):
        try:
            yield path.stat().st_mtime
        except FileNotFoundError:
            continue
