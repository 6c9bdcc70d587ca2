"""The migrations make the tables of schema.py, and know which database they are given."""

from __future__ import annotations

import re

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, event, text

from mail_proxy.domain.errors import ConfigurationError
from mail_proxy.store.migrate import HEAD, SCRIPTS, migrate
from mail_proxy.store.schema import metadata

OURS = "SELECT type, name, sql FROM sqlite_master WHERE tbl_name <> 'alembic_version'"


def described(conn) -> dict[tuple[str, str], str]:
    """Each table and index with its definition, white space aside."""
    rows = conn.exec_driver_sql(OURS)
    return {(kind, name): re.sub(r"\s+", " ", sql or "") for kind, name, sql in rows}


def test_the_migrated_database_is_that_of_the_schema(conn):
    engine = create_engine("sqlite://")
    with engine.begin() as wanted:
        metadata.create_all(wanted)
        expected = described(wanted)
    engine.dispose()

    assert described(conn) == expected
    assert len(expected) > 30


def test_head_is_the_newest_migration():
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))

    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_a_database_that_is_up_to_date_is_only_looked_at(conn):
    conn.rollback()
    seen = []
    event.listen(conn.engine, "before_cursor_execute", lambda *args: seen.append(args[2]))

    migrate(conn)

    assert not [sql for sql in seen if re.match("CREATE|ALTER|INSERT|UPDATE", sql)]


def test_a_database_of_a_newer_program_is_refused(conn):
    conn.rollback()
    with conn.begin():
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(ConfigurationError, match="newer mail-proxy"):
        migrate(conn)
