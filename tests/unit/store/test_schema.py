"""The tables as they are declared."""

from __future__ import annotations

import subprocess
import sys

from sqlalchemy import create_mock_engine
from sqlalchemy.sql.ddl import CreateIndex

from mail_proxy.store.schema import metadata

PARTIAL = {
    index.name
    for table in metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
}


def created(url: str) -> dict[str, str]:
    """The statement that makes each index."""
    made: dict[str, str] = {}

    def keep(ddl: object, *_args: object, **_options: object) -> None:
        if isinstance(ddl, CreateIndex):
            made[ddl.element.name] = str(ddl.compile(dialect=engine.dialect))

    engine = create_mock_engine(url, keep)
    metadata.create_all(engine, checkfirst=False)
    return made


def test_a_partial_index_is_partial_in_both_databases() -> None:
    assert len(PARTIAL) == 12
    for url in ("sqlite://", "postgresql+asyncpg://"):
        partial = {name for name, statement in created(url).items() if " WHERE " in statement}
        assert partial == PARTIAL


def test_declaring_the_tables_loads_no_other_database() -> None:
    code = (
        "import sys, mail_proxy.store.schema\n"
        "assert not [name for name in sys.modules if 'postgresql' in name]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
