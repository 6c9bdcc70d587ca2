"""Rows written into a file."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.domain.errors import Invalid, NotRunning
from mail_proxy_tui import exporting
from mail_proxy_tui.feed.base import AccountRow, Callback, Gauge, Happening, Query, TenantRow
from tests.unit.tui.fake_feed import NOW, FakeFeed, message

HOSTILE = '\x1b[31m\u202e,"日本"\nline'


async def told(*records: Mapping[str, Any]) -> AsyncIterator[Mapping[str, Any]]:
    for record in records:
        yield record


def contents(folder: Path) -> dict[str, str]:
    return {each.name: each.read_text() for each in folder.iterdir()}


def many(n: int) -> FakeFeed:
    feed = FakeFeed()
    feed.rows = [message(k, subject=HOSTILE) for k in range(n)]
    return feed


async def test_all_pages_are_written_as_csv(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    assert await exporting.write(path, exporting.messages(many(450), Query())) == 450
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 450
    assert rows[449]["pk"] == "449"
    assert rows[0]["created"] == "2026-11-23T11:50:31Z"
    assert "\x1b" not in rows[0]["subject"]
    assert path.stat().st_mode & 0o777 == 0o600


async def test_json_lines_keep_what_there_was(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    assert await exporting.write(path, exporting.messages(many(3), Query())) == 3
    lines = path.read_bytes().splitlines()
    assert len(lines) == 3
    assert json.loads(lines[0])["subject"] == HOSTILE
    assert all(line.isascii() for line in lines)


async def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("mine")
    with pytest.raises(Invalid, match="there already"):
        await exporting.write(path, told({"a": 1}))
    assert path.read_text() == "mine"


@pytest.mark.parametrize(("name", "why"), [("out.txt", r"\.csv"), ("none/out.csv", "No such")])
async def test_what_cannot_be_written_is_told(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        await exporting.write(tmp_path / name, told({"a": 1}))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=1+1", "'=1+1"),
        ("-x", "'-x"),
        ("@cmd", "'@cmd"),
        ("\uff1d1+1", "'\uff1d1+1"),
        (-5, "-5"),
        (None, ""),
        (False, "False"),
        ("plain", "plain"),
    ],
)
def test_no_cell_is_a_formula(value: object, text: str) -> None:
    assert exporting.csv_text(value) == text


def test_accounts_tenants_and_events_have_flat_records() -> None:
    account = AccountRow("a", "m", "h", 25, "none", gauges=(Gauge("hour", 1, 2),), until_at=NOW)
    tenant = TenantRow("a", suspended=("x", "y"), callback=Callback(last_ok_at=NOW))
    records = [
        exporting.account_record(account),
        exporting.tenant_record(tenant),
        exporting.event_record(Happening(NOW, "sent", "a")),
    ]
    assert records[0]["used_hour"] == 1
    assert records[0]["until"] == "2026-11-23T12:04:31Z"
    assert records[1]["suspended"] == "x,y"
    assert records[1]["reports_last_ok"] == "2026-11-23T12:04:31Z"
    for record in records:
        assert all(isinstance(v, str | int | float | None) for v in record.values())
        json.dumps(record)


async def failing(error: BaseException, after: int = 300) -> AsyncIterator[Mapping[str, Any]]:
    for n in range(after):
        yield {"n": n}
    raise error


@pytest.mark.parametrize("error", [NotRunning("gone"), asyncio.CancelledError(), OSError(28, "x")])
async def test_what_fails_or_is_stopped_leaves_no_part_of_a_file(
    tmp_path: Path, error: BaseException
) -> None:
    with pytest.raises((type(error), Invalid)):
        await exporting.write(tmp_path / "out.csv", failing(error))
    assert contents(tmp_path) == {}


async def test_it_tells_how_far_it_is(tmp_path: Path) -> None:
    heard: list[int] = []
    await exporting.write(tmp_path / "o.csv", exporting.messages(many(450), Query()), heard.append)
    assert heard == [200, 400]


async def test_a_file_that_comes_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"

    async def slow() -> AsyncIterator[Mapping[str, Any]]:
        yield {"a": 1}
        path.write_text("mine")

    with pytest.raises(Invalid, match="there already"):
        await exporting.write(path, slow())
    assert contents(tmp_path) == {"out.csv": "mine"}


async def test_a_file_system_without_links_gets_its_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refused)
    assert await exporting.write(tmp_path / "out.jsonl", told({"a": 1})) == 1
    assert list(contents(tmp_path)) == ["out.jsonl"]


async def test_tenants_are_counted_as_they_are_written() -> None:
    feed = FakeFeed()
    records = [each async for each in exporting.tenants(feed, [TenantRow("a"), TenantRow("b")])]
    assert [(each["tenant_id"], each["ready"]) for each in records] == [("a", 0), ("b", 0)]
