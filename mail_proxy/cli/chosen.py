"""Which columns a line asks for, by --fields, and in which order, by --sort."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.tables.columns import Column, Record


def chosen_columns(
    columns: Sequence[Column], fields: Sequence[str], known: Sequence[str] = ()
) -> list[Column]:
    """The columns for --fields, in that order; all when nothing was chosen.

    known: keys of the records beyond the columns. Raises CommandFailed for any other name.
    """
    if not fields:
        return list(columns)
    by_key = {key: Column(key) for key in known} | {column.key: column for column in columns}
    for name in fields:
        _need_known("--fields", name, by_key)
    return [by_key[name] for name in fields]


def _need_known(option: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        raise CommandFailed(
            f"{option}: there is no '{safe_text(name, 60)}'. There are: {', '.join(sorted(known))}",
            code=ExitCode.USAGE,
        )


def in_asked_order(
    records: list[Record], columns: Sequence[Column], by: str, *, reverse: bool
) -> list[Record]:
    """The records sorted by one of their columns, numbers as numbers, what is absent at the end.

    by: empty leaves their order. Raises CommandFailed for a column that is not there.
    """
    if not by:
        return records[::-1] if reverse else records
    keys = {column.key for column in columns} | {key for record in records for key in record}
    _need_known("--sort", by, keys)
    present = [record for record in records if record.get(by) is not None]
    absent = [record for record in records if record.get(by) is None]
    return sorted(present, key=lambda r: _rank(r[by]), reverse=reverse) + absent


def _rank(value: object) -> tuple[bool, float, str]:
    if isinstance(value, int | float):
        return (False, value, "")
    return (True, 0.0, str(value))
