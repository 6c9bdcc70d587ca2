from __future__ import annotations

import sqlite3

import pytest

from mail_proxy.domain.errors import StoreError, StoreFull, StoreUnavailable
from mail_proxy.store.faults import translated


def raised(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("said SQLite")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_BUSY_SNAPSHOT, StoreUnavailable),
        (sqlite3.SQLITE_PROTOCOL, StoreUnavailable),
        (sqlite3.SQLITE_NOMEM, StoreUnavailable),
        (sqlite3.SQLITE_INTERRUPT, StoreUnavailable),
        (sqlite3.SQLITE_FULL, StoreFull),
        (sqlite3.SQLITE_IOERR_WRITE, StoreFull),
        (sqlite3.SQLITE_CORRUPT, StoreError),
        (sqlite3.SQLITE_CONSTRAINT, StoreError),
    ],
)
def test_what_passes_is_waited_for_and_the_rest_is_an_error(code, kind):
    assert type(translated(raised(code))) is kind


def test_a_bug_of_ours_stays_what_it_is():
    bug = KeyError("pk")
    assert translated(bug) is bug
