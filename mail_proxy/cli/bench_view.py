"""What `mail-proxy bench` shows: what it is doing, then the machine and a table of figures."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from mail_proxy.bench import Document, Result
from mail_proxy.cli.output import Writer
from mail_proxy.tables.columns import Column

_COLUMNS = (
    Column("measure", is_id=True),
    Column("median", right=True),
    Column("spread", right=True, drop=3),
    Column("at_least", "at least", right=True, drop=1),
    Column("beyond", right=True, drop=2),
    Column("reached"),
)


@contextlib.contextmanager
def shown_progress(writer: Writer) -> Iterator[Callable[[str], None]]:
    """A function that tells what is being done now: one line that moves, or a line each."""
    if not writer.stderr.isatty() or writer.options.quiet:
        yield writer.hint
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=writer.stderr, no_color=not writer.err_coloured, highlight=False)
    with console.status(Text("starting")) as status:
        yield lambda what: status.update(Text(what))


def show_document(writer: Writer, document: Document) -> None:
    record = document.as_record()
    match writer.format:
        case "json":
            writer.document(record)
        case "table":
            _show_machine(writer.line, record["machine"])
            writer.records(_COLUMNS, [_row(result) for result in document.results])
            _show_checks(writer, document)
        case _:
            _show_machine(writer.hint, record["machine"])
            columns = [Column(key) for key in record["figures"][0]]
            writer.records(columns, record["figures"])


def _show_machine(line: Callable[[str], None], machine: dict[str, Any]) -> None:
    m = machine
    line(f"{m['cpu']}, {m['cores']} cores, load {m['load_1m']} at the start, {m['system']}")
    line(f"Python {m['python']}, SQLite {m['sqlite']}, a synced write takes {m['fsync_ms']} ms")
    of_postfix = f" of Postfix {m['postfix']}" if m["postfix"] else ""
    line(f"mail-proxy {m['mail_proxy']}, mail server: {m['mail_server']}{of_postfix}")


def _show_checks(writer: Writer, document: Document) -> None:
    """Where all was counted; a figure whose counts are wrong is not shown at all."""
    for number, check in enumerate(document.checks, 1):
        size = f"{check['bytes']:,} bytes" if check["bytes"] else "bytes are not told here"
        writer.line(
            f"run {number}: {check['messages']:,} messages came, {size}, "
            f"{check['reports']:,} reports; as sent"
        )


def _row(result: Result) -> dict[str, Any]:
    figure, unit = result.figure, result.figure.unit
    spread = f"{_number(result.least, unit)} - {_number(result.most, unit)}"
    return {
        "measure": figure.title + (f" ({result.depth:,})" if result.depth else ""),
        "median": _with_unit(result.median, unit),
        "spread": spread if len(result.values) > 1 else " ",
        "at_least": " " if figure.at_least is None else _with_unit(figure.at_least, unit),
        "beyond": " " if figure.beyond is None else _with_unit(figure.beyond, unit),
        "reached": result.reached or " ",
    }


def _number(value: float, unit: str) -> str:
    if unit == "x":
        return f"{value:.2f}"
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def _with_unit(value: float, unit: str) -> str:
    return f"{_number(value, unit)}{unit}" if unit == "/s" else f"{_number(value, unit)} {unit}"
