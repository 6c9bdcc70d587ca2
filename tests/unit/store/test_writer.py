"""The writer: requests share commits, and fail alone."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import event

from mail_proxy.domain.errors import StoreError, StoreFull, StoreUnavailable
from mail_proxy.secrets import Keyring
from mail_proxy.store.sqlite import accept as accepting
from mail_proxy.store.sqlite.accept import AcceptRequest
from mail_proxy.store.turn import Lane
from mail_proxy.store.writer import LANE_WEIGHT, Writer
from tests.patience import PATIENCE_S

# One object, as in the store: jobs of one verb are batched. Nothing here is sealed.
accept = partial(accepting.accept, keyring=Keyring(bytes(32), Path("unused")))


@pytest.fixture
async def writer(conn):
    conn.rollback()
    made = Writer(conn)
    yield made
    await made.close()


@pytest.fixture
def commits(conn):
    """Grows by one with each commit."""
    seen = []
    event.listen(conn.engine, "commit", seen.append)
    return seen


@pytest.fixture
async def gate(writer):
    """Keeps the writer busy in one turn until it is set."""
    began, opened = threading.Event(), threading.Event()

    def wait(conn, requests):
        began.set()
        opened.wait(PATIENCE_S)
        return requests

    busy = writer.put(Lane.FINISH, wait, None, weight=1)
    await asyncio.to_thread(began.wait)
    yield opened
    opened.set()
    await busy


def ids(conn) -> list[str]:
    return list(conn.exec_driver_sql("SELECT id FROM messages ORDER BY pk").scalars())


async def test_concurrent_accepts_share_commits(writer, gate, commits, message):
    accepts = [
        writer.put(Lane.ACCEPT, accept, AcceptRequest([message(f"m{i}")], 1.0), weight=1)
        for i in range(200)
    ]
    gate.set()

    answers = await asyncio.gather(*accepts)

    assert all(not answer.reason for (answer,) in answers)
    assert len(commits) == 2  # the gate's, and one for all


async def test_a_bad_job_of_a_merged_run_fails_alone(writer, gate, commits, message):
    subjects = ["good", "\ud800", "good too"]
    accepts = [
        writer.put(Lane.ACCEPT, accept, AcceptRequest([message(f"m{i}", subject=s)], 1.0), weight=1)
        for i, s in enumerate(subjects)
    ]
    gate.set()

    one, bad, three = await asyncio.gather(*accepts, return_exceptions=True)

    assert isinstance(bad, StoreError)
    assert not one[0].reason
    assert not three[0].reason
    assert await writer.do(Lane.ADMIN, lambda conn, _: [ids(conn)], None, weight=1) == ["m0", "m2"]


async def test_a_bug_in_one_verb_does_not_undo_another(writer, gate, message):
    def broken(conn, requests):
        conn.exec_driver_sql("DELETE FROM messages")
        raise KeyError("a bug")

    kept = writer.put(Lane.ACCEPT, accept, AcceptRequest([message("m1")], 1.0), weight=1)
    lost = writer.put(Lane.ADMIN, broken, None, weight=1)
    gate.set()

    await kept
    with pytest.raises(KeyError):
        await lost

    assert await writer.do(Lane.ADMIN, lambda conn, _: [ids(conn)], None, weight=1) == ["m1"]


async def test_lanes_go_in_their_order(writer, gate):
    order = []

    def note(conn, requests):
        order.extend(requests)
        return requests

    waiting = [
        writer.put(lane, note, lane.name, weight=1)
        for lane in (Lane.ADMIN, Lane.ACCEPT, Lane.CLAIM, Lane.FINISH)
    ]
    gate.set()
    await asyncio.gather(*waiting)

    assert order == ["FINISH", "CLAIM", "ACCEPT", "ADMIN"]


async def test_a_full_lane_starves_no_other(writer, gate, commits):
    turns = []

    def note(conn, requests):
        turns.extend((len(commits), request) for request in requests)
        return requests

    waiting = [writer.put(Lane.FINISH, note, "finish", weight=LANE_WEIGHT) for _ in range(5)]
    waiting.append(writer.put(Lane.ADMIN, note, "admin", weight=1))
    gate.set()
    await asyncio.gather(*waiting)

    assert turns[:2] == [(1, "finish"), (1, "admin")]


async def test_a_cancelled_caller_does_not_cancel_its_job(writer, gate, message):
    request = AcceptRequest([message("m1")], 1.0)
    asking = asyncio.ensure_future(writer.do(Lane.ACCEPT, accept, request, weight=1))
    await asyncio.sleep(0)
    asking.cancel()
    gate.set()

    with pytest.raises(asyncio.CancelledError):
        await asking

    assert await writer.do(Lane.ADMIN, lambda conn, _: [ids(conn)], None, weight=1) == ["m1"]


async def test_a_commit_that_fails_fails_all_its_jobs(writer, conn, message):
    def refuse(_) -> None:
        raise sqlite3.OperationalError("no commit today")

    event.listen(conn.engine, "commit", refuse)
    accepts = [
        writer.put(Lane.ACCEPT, accept, AcceptRequest([message(f"m{i}")], 1.0), weight=1)
        for i in range(2)
    ]
    outcomes = await asyncio.gather(*accepts, return_exceptions=True)
    event.remove(conn.engine, "commit", refuse)

    assert [type(outcome) for outcome in outcomes] == [StoreError, StoreError]
    assert await writer.do(Lane.ADMIN, lambda conn, _: [ids(conn)], None, weight=1) == []


async def test_a_full_disk_is_told_as_such_and_passes(writer, message):
    def pages(number: int):
        def set_limit(conn, requests):
            conn.exec_driver_sql(f"PRAGMA max_page_count = {number}")
            return requests

        return writer.do(Lane.ADMIN, set_limit, None, weight=1)

    await pages(1)
    batch = [message(f"m{i}", subject="x" * 2000) for i in range(200)]
    with pytest.raises(StoreFull):
        await writer.do(Lane.ACCEPT, accept, AcceptRequest(batch, 1.0), weight=200)
    await pages(100_000)

    answers = await writer.do(Lane.ACCEPT, accept, AcceptRequest(batch, 1.0), weight=200)

    assert not any(answer.reason for answer in answers)


async def test_another_process_that_writes_makes_us_unavailable(writer, path, message):
    await writer.do(Lane.ADMIN, _do_not_wait, None, weight=1)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    request = AcceptRequest([message("m1")], 1.0)

    with pytest.raises(StoreUnavailable, match="locked"):
        await writer.do(Lane.ACCEPT, accept, request, weight=1)
    other.close()

    (answer,) = await writer.do(Lane.ACCEPT, accept, request, weight=1)
    assert not answer.reason


def _do_not_wait(conn, requests):
    conn.exec_driver_sql("PRAGMA busy_timeout = 1")
    return requests


async def test_closing_does_what_waits_and_takes_no_more(conn, message):
    conn.rollback()
    writer = Writer(conn)
    waiting = writer.put(Lane.ACCEPT, accept, AcceptRequest([message("m1")], 1.0), weight=1)

    await writer.close()

    (answer,) = await waiting
    assert not answer.reason
    with pytest.raises(StoreUnavailable, match="closed"):
        await writer.do(Lane.ACCEPT, accept, AcceptRequest([], 1.0), weight=1)
