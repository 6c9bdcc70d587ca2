"""Bring the tables to this program's revision.

An empty database gets the tables of `schema.py` at once; Alembic, which costs 0.4 s and 11 MB, is
imported only where an older program has made them. A test holds that both ways end the same.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from mail_proxy.domain.errors import ConfigurationError
from mail_proxy.store.schema import metadata

HEAD = "0012"  # a test holds that it is the newest of versions/
SCRIPTS = Path(__file__).parent / "migrations"


def migrate(conn: Connection) -> None:
    """Make or change the tables, in one transaction.

    Raises ConfigurationError for a database that a newer program has written.
    """
    with conn.begin():
        if not inspect(conn).get_table_names():
            create(conn)
        elif _recorded(conn) != HEAD:
            upgrade(conn)


def create(conn: Connection) -> None:
    """All tables, in an empty database."""
    metadata.create_all(conn)
    # As Alembic makes it, for the next program's migrations.
    conn.execute(
        text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    )
    conn.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def _recorded(conn: Connection) -> str | None:
    if not inspect(conn).has_table("alembic_version"):
        return None
    recorded: str | None = conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return recorded


def upgrade(conn: Connection) -> None:
    """One migration after the other, from whatever is there."""
    # Not at the top: nearly every start finds the tables as they are.
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
