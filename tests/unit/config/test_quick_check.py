"""Whether a file is whole: the answer, and the time that it takes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mail_proxy.config.quick_check import quick_check


@pytest.mark.slow
def test_a_look_ends_within_a_table_when_its_time_is_over(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "large.db")) as db:
        with db:
            db.execute("CREATE TABLE large (octets)")
            rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 150000)"
            db.execute(f"INSERT INTO large {rows} SELECT zeroblob(1000) FROM n")
        assert quick_check(db, 60.0) == "ok"
        assert quick_check(db, 0.002) is None
        assert db.execute("SELECT 1").fetchone() == (1,)
