"""Bring the tables to this program's revision. Alembic is imported only when there is work."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from mail_proxy.domain.errors import ConfigurationError

HEAD = "0003"  # a test holds that it is the newest of versions/
SCRIPTS = Path(__file__).parent / "migrations"


def migrate(conn: Connection) -> None:
    """Make or change the tables, in one transaction.

    Raises ConfigurationError for a database that a newer program has written.
    """
    with conn.begin():
        if _recorded(conn) != HEAD:
            _upgrade(conn)


def _recorded(conn: Connection) -> str | None:
    if not inspect(conn).has_table("alembic_version"):
        return None
    recorded: str | None = conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return recorded


def _upgrade(conn: Connection) -> None:
    # Not at the top: the import costs 0.4 s, and nearly every start finds the tables as they are.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": conn})
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    recorded = _recorded(conn)
    if recorded is not None and recorded not in known:
        raise ConfigurationError(
            f"the database was written by a newer mail-proxy (revision {recorded},"
            f" this one knows {HEAD})",
            hint="install that version again",
        )
    command.upgrade(config, "head")
