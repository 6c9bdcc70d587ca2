"""One turn of the writer: many jobs, one transaction, one sync to the disk.

Adjacent jobs of the same hot verb run as one set of batched statements inside a savepoint. If that
fails, each of them runs again in a savepoint of its own, so that one bad job fails alone.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from itertools import groupby
from typing import Any, TypeAlias

from sqlalchemy import Connection

from mail_proxy.store.faults import translated
from mail_proxy.store.sqlite.driver import driver

# Takes requests of one kind, and returns one result for each, in order.
Verb: TypeAlias = Callable[[Connection, Sequence[Any]], Sequence[Any]]


class Lane(IntEnum):
    """Who goes first within a turn."""

    FINISH = 0
    CLAIM = 1
    ACCEPT = 2
    ADMIN = 3


@dataclass(slots=True, eq=False)
class Job:
    """A request that waits for its turn.

    weight: what it costs, about one for a message.
    abandoned: told the result when the caller has gone away by then.
    """

    lane: Lane
    verb: Verb
    request: Any
    weight: int
    future: asyncio.Future[Any]
    abandoned: Callable[[Any], None] | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A job's result when it raised."""

    error: Exception


class RolledBack(Exception):
    """SQLite gave up the whole transaction, as it does when the disk is full."""


def run_turn(conn: Connection, jobs: Sequence[Job]) -> list[Any]:
    """Run `jobs` in one transaction; for each its result, or Failed. Synced when this returns."""
    try:
        with conn.begin():
            return list(_results(conn, jobs))
    except RolledBack as error:
        why = translated(_cause(error))
    except Exception as error:  # noqa: BLE001 - BEGIN or COMMIT failed: nothing of this turn was kept
        why = translated(error)
    _leave_transaction(conn)
    return [Failed(why)] * len(jobs)


def _leave_transaction(conn: Connection) -> None:
    """After a COMMIT that failed the transaction is still open, as far as SQLite goes."""
    with suppress(sqlite3.Error):  # the next turn's BEGIN tells of it, and comes here again
        conn.connection.rollback()


def _results(conn: Connection, jobs: Sequence[Job]) -> Iterator[Any]:
    for _, group in groupby(jobs, key=lambda job: job.verb):
        yield from _run_group(conn, list(group))


def _run_group(conn: Connection, group: list[Job]) -> list[Any]:
    try:
        return _in_savepoint(conn, group)
    except RolledBack:
        raise
    except Exception as error:  # noqa: BLE001 - a bug or a bad row: it ends its own job and no other
        if len(group) == 1:
            return [Failed(translated(error))]
    return [_run_group(conn, [job])[0] for job in group]


def _in_savepoint(conn: Connection, group: list[Job]) -> list[Any]:
    db = driver(conn)
    db.execute("SAVEPOINT job")
    try:
        results = list(group[0].verb(conn, [job.request for job in group]))
    except Exception as error:
        _roll_back(db, error)
        raise
    db.execute("RELEASE job")
    return results


def _roll_back(db: sqlite3.Connection, error: Exception) -> None:
    if not db.in_transaction:
        raise RolledBack from error
    db.execute("ROLLBACK TO job")
    db.execute("RELEASE job")


def _cause(error: RolledBack) -> Exception:
    assert isinstance(error.__cause__, Exception)
    return error.__cause__
