"""Which columns a line asks for by --fields."""

from __future__ import annotations

from collections.abc import Sequence

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.tables.columns import Column


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
        if name not in by_key:
            raise CommandFailed(
                f"--fields: there is no '{safe_text(name, 60)}'. "
                f"There are: {', '.join(sorted(by_key))}",
                code=ExitCode.USAGE,
            )
    return [by_key[name] for name in fields]
