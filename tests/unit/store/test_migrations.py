"""The migrations make the tables of schema.py, and know which database they are given."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event, text

from mail_proxy.domain.errors import ConfigurationError
from mail_proxy.store.migrate import HEAD, SCRIPTS, create, migrate, upgrade
from mail_proxy.store.schema import metadata

OURS = "SELECT type, name, sql FROM sqlite_master WHERE tbl_name <> 'alembic_version'"


def described(conn) -> dict[tuple[str, str], str]:
    """Each table and index with its definition, white space aside."""
    rows = conn.exec_driver_sql(OURS)
    return {(kind, name): re.sub(r"\s+", " ", sql or "") for kind, name, sql in rows}


@pytest.fixture
def empty() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as conn:
        yield conn
    engine.dispose()


def test_a_database_that_is_made_at_once_is_as_the_migrations_make_it(empty):
    with empty.begin():
        create(empty)
        at_once = described(empty)
        metadata.drop_all(empty)
        empty.execute(text("DROP TABLE alembic_version"))
        assert described(empty) == {}
        upgrade(empty)

    assert described(empty) == at_once
    assert len(at_once) > 30


def test_the_next_program_finds_the_revision_of_a_database_that_was_made_at_once(empty):
    migrate(empty)

    assert empty.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD
    empty.rollback()
    with empty.begin():
        upgrade(empty)  # there is nothing to do, and nothing fails


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
