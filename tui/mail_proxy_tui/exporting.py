"""Rows of a list, written into a new file: CSV or a JSON object on each line."""

from __future__ import annotations

import asyncio
import csv
import errno
import json
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, TypeVar

from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.domain.spreadsheet import as_cell
from mail_proxy.domain.units import rfc3339
from mail_proxy_tui.feed.base import AccountRow, Feed, Happening, MessageRow, Query, TenantRow

Record = Mapping[str, Any]
_T = TypeVar("_T")
_AT_ONCE = 200  # records in one write
# A spreadsheet takes a cell that begins so for a formula, and foreign text may begin so.


class _Writer(Protocol):
    def writerow(self, row: list[str], /) -> object: ...


async def write(
    path: Path, records: AsyncIterator[Record], told: Callable[[int], None] = lambda _: None
) -> int:
    """How many were written, into a file that only its owner may read.

    It gets its name when it is whole: what fails or is cancelled leaves nothing. told: is given how
    many there are by now. Raises Invalid where the file is there already, cannot be made, or has
    another ending; and what `records` raises.
    """
    if path.suffix not in (".csv", ".jsonl"):
        raise Invalid(f"{path.name}: a name that ends in .csv or .jsonl is needed")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            written = await _write_part(part, path.suffix == ".csv", path, records, told)
            await _in_thread(_name, part, path)
            return written
        finally:
            part.unlink(missing_ok=True)
    except FileExistsError as error:
        raise Invalid(f"{path} is there already, and stays as it is") from error
    except OSError as error:
        raise Invalid(f"{path} cannot be written: {error.strerror}") from error


async def _write_part(
    part: Path,
    is_csv: bool,
    path: Path,
    records: AsyncIterator[Record],
    told: Callable[[int], None],
) -> int:
    descriptor = await _in_thread(_opened, part, path)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        made = _Csv(csv.writer(file)) if is_csv else _Lines(file)
        return await _write_all(made, records, told)


def _opened(part: Path, path: Path) -> int:
    """A descriptor. Raises FileExistsError before anything is asked for what would be in vain."""
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    return os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def _name(part: Path, path: Path) -> None:
    """A link, which unlike a renaming takes no other file's place."""
    try:
        path.hardlink_to(part)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        part.rename(path)


async def _in_thread(work: Callable[..., _T], *args: Any) -> _T:
    """What it returns. Its end is waited for also when we are cancelled: nobody closes or removes a
    file under it."""
    running = asyncio.get_running_loop().run_in_executor(None, work, *args)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


async def _write_all(
    made: _Csv | _Lines, records: AsyncIterator[Record], told: Callable[[int], None]
) -> int:
    written = 0
    some: list[Record] = []
    async for record in records:
        some.append(record)
        if len(some) == _AT_ONCE:
            await _in_thread(made.write, some)
            written, some = written + len(some), []
            told(written)
    await _in_thread(made.write, some)
    return written + len(some)


class _Csv:
    """The first record's names are the head."""

    def __init__(self, writer: _Writer) -> None:
        self._writer = writer
        self._names: list[str] | None = None

    def write(self, records: list[Record]) -> None:
        for record in records:
            if self._names is None:
                self._names = list(record)
                self._writer.writerow(self._names)
            self._writer.writerow([csv_text(record[name]) for name in self._names])


class _Lines:
    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, records: list[Record]) -> None:
        # ASCII alone: no reader takes a letter of a subject for the end of a line.
        self._file.writelines(json.dumps(record) + "\n" for record in records)


def csv_text(value: object) -> str:
    """Foreign text is made safe, also for spreadsheets; numbers stay numbers."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return str(value)
    return as_cell(safe_text(value))


# --- what of each row ---


async def messages(feed: Feed, query: Query) -> AsyncIterator[Record]:
    """All that match, page by page."""
    cursor = None
    while True:
        page = await feed.page(query, cursor)
        for row in page.rows:
            yield message_record(row)
        cursor = page.next_cursor
        if cursor is None:
            return


async def tenants(feed: Feed, rows: Sequence[TenantRow]) -> AsyncIterator[Record]:
    """Each with its counts, asked for as it is written."""
    for row in list(rows):
        for counted in await feed.counted([row]):
            yield tenant_record(counted)


async def each(records: Iterable[Record]) -> AsyncIterator[Record]:
    """Those that are here already."""
    for record in list(records):
        yield record


def message_record(row: MessageRow) -> Record:
    return {
        "id": row.key.id,
        "tenant_id": row.key.tenant_id,
        "account_id": row.account_id,
        "state": row.state.value,
        "status": row.status,
        "priority": row.priority,
        "to": row.to,
        "more_recipients": row.more_recipients,
        "subject": row.subject,
        "tries": row.tries,
        "next": rfc3339(row.next_at),
        "created": rfc3339(row.created_at),
        "size_bytes": row.size_bytes,
        "batch_code": row.batch_code,
        "why": row.why,
        "pk": row.key.pk,
    }


def account_record(row: AccountRow) -> Record:
    record = {name: value for name, value in asdict(row).items() if name != "gauges"}
    by_window = {gauge.window: gauge for gauge in row.gauges or ()}
    for window in ("minute", "hour", "day"):
        gauge = by_window.get(window)
        record[f"used_{window}"] = None if gauge is None else gauge.used
        record[f"limit_{window}"] = None if gauge is None else gauge.limit
    return _with_times(record | {"state": row.state.value})


def tenant_record(row: TenantRow) -> Record:
    record = asdict(row)
    callback = record.pop("callback")
    reports = {f"reports_{name}": value for name, value in callback.items()}
    state = row.callback.state.value
    suspended = ",".join(row.suspended)
    return _with_times(record | reports | {"reports_state": state, "suspended": suspended})


def event_record(event: Happening) -> Record:
    return {
        "time": rfc3339(event.at),
        "kind": event.kind,
        "tenant_id": event.tenant_id,
        "account_id": event.account_id,
        "id": event.message_id,
        "n": event.n,
        "words": event.words,
    }


def _with_times(record: Record) -> Record:
    return {
        name.removesuffix("_at"): rfc3339(value) if name.endswith("_at") else value
        for name, value in record.items()
    }
