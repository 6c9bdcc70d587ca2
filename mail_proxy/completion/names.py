"""The names that only this machine knows: instances from their folders, ids from the database.

Reads only, writes nothing, asks nobody over a network, and takes a tenth of a second at most.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from mail_proxy.completion.line import ENTITY_ID, INSTANCE_NAME

MESSAGE_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,127}\Z")
LIMIT = 500
_WAIT_S = 0.1  # for a lock
_STEPS = 200_000  # of SQLite's machine: some 10 ms, for a table without its index
_DATABASE_LINE = re.compile(r"^[ \t]*db_path[ \t]*=[ \t]*[\"']([^\"'\n]*)[\"']", re.MULTILINE)

# Each walks an index from the beginning of the names that fit.
_QUERIES = {
    "tenant": "SELECT tenant_id FROM tenants WHERE tenant_id >= :first AND tenant_id < :end "
    "ORDER BY tenant_id LIMIT :limit",
    "account": "SELECT account_id FROM accounts WHERE tenant_id = :tenant AND account_id >= :first "
    "AND account_id < :end ORDER BY account_id LIMIT :limit",
    "message": "SELECT id FROM messages WHERE tenant_id = :tenant AND id >= :first AND id < :end "
    "ORDER BY id LIMIT :limit",
}
_PATTERNS = {"tenant": ENTITY_ID, "account": ENTITY_ID, "message": MESSAGE_ID}


def home(environ: Mapping[str, str], words: Sequence[str] = ()) -> str:
    """The folder of all instances; `--home` on the line wins."""
    given = environ.get("MAIL_PROXY_HOME") or "~/.mail-proxy"
    for word in words:
        if word.startswith("--home="):
            given = word.partition("=")[2] or given
    for word, following in zip(words, words[1:], strict=False):  # noqa: RUF007 - an import
        if word == "--home":
            given = following
    return os.path.abspath(os.path.expanduser(given))  # noqa: PTH100, PTH111 - pathlib is slow


def instances(root: str, typed: str) -> list[str]:
    """In order of their names."""
    with os.scandir(root) as found:
        names = sorted(entry.name for entry in found if entry.name.startswith(typed))
    return [name for name in names if INSTANCE_NAME.match(name) and _is_instance(root, name)]


def _is_instance(root: str, name: str) -> bool:
    return os.path.isfile(f"{root}/{name}/config.toml")  # noqa: PTH113 - pathlib is slow


def chosen(root: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Instance and tenant of lines that name none, as `mail-proxy current` has them; or empty."""
    kept, _, kept_tenant = _read(f"{root}/.current", 1024).strip().partition("/")
    instance = environ.get("GMP_INSTANCE") or kept
    tenant = environ.get("GMP_TENANT") or (kept_tenant if instance == kept else "")
    if not INSTANCE_NAME.match(instance) or (tenant and not ENTITY_ID.match(tenant)):
        return "", ""
    return instance, tenant


def database(root: str, instance: str, environ: Mapping[str, str]) -> str:
    """The SQLite file of an instance; empty where there is none, or another kind of database."""
    if not INSTANCE_NAME.match(instance):
        return ""
    path = environ.get("GMP_DB_PATH") or environ.get("GMP_DATABASE_URL")
    start = os.getcwd() if path else f"{root}/{instance}"  # noqa: PTH109 - pathlib is slow
    if not path:
        told = _DATABASE_LINE.search(_read(f"{start}/config.toml", 65536))
        path = told[1] if told else "mail_service.db"
    path = path.removeprefix("sqlite:///")
    return "" if "://" in path else os.path.join(start, path)  # noqa: PTH118 - pathlib is slow


def _read(path: str, limit: int) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - pathlib is slow
            return file.read(limit)
    except OSError:
        return ""  # whoever presses Tab wants no error


def ids(path: str, kind: str, tenant: str, typed: str) -> list[str]:
    """At most 500 tenants, accounts or messages that begin with what is typed, in order."""
    import sqlite3  # a third of the time of an answer, and most of them need none

    pattern = _PATTERNS[kind]
    if typed and not pattern.match(typed):
        return []
    db = sqlite3.connect(_uri(path), uri=True, timeout=_WAIT_S)
    try:
        db.set_progress_handler(lambda: 1, _STEPS)
        # U+10FFFF: after every name that begins so.
        given = {"tenant": tenant, "first": typed, "end": typed + "\U0010ffff", "limit": LIMIT}
        rows = db.execute(_QUERIES[kind], given).fetchall()
    finally:
        db.close()
    # One that begins with a dash would be an option on the line.
    return [name for (name,) in rows if name[:1] != "-" and pattern.match(name)]


def _uri(path: str) -> str:
    """To read alone. SQLite would make the files of a WAL where they are not: then nobody writes,
    and the file is all there is."""
    quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    has_wal = os.path.exists(f"{path}-wal") and os.path.exists(f"{path}-shm")  # noqa: PTH110
    return f"file:{quoted}?mode=ro" + ("" if has_wal else "&immutable=1")
