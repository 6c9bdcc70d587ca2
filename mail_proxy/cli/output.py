"""The one writer of every command: data on stdout, all else on stderr.

On a terminal a table; in a pipe one record a line, tab-separated, whole values; or what --output
asks for. Foreign text never reaches a terminal with its controls.
"""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TextIO

from mail_proxy.cli.chosen import chosen_columns, in_asked_order
from mail_proxy.cli.colour import BOLD, paint, wants_colour
from mail_proxy.cli.errors import OutputClosed, OutputFailed
from mail_proxy.cli.globals import GlobalOptions
from mail_proxy.domain.safe_text import safe_page, safe_text
from mail_proxy.tables.columns import Column, Record, for_programs
from mail_proxy.tables.plain import csv_text, escaped, plain_cell, plain_lines
from mail_proxy.tables.widths import cells, padded


class Writer:
    """How one command speaks. `now` is for ages; the daemon's own time where it is known."""

    def __init__(
        self,
        options: GlobalOptions,
        stdout: TextIO,
        stderr: TextIO,
        environ: Mapping[str, str],
        now: Callable[[], float] = time.time,
    ) -> None:
        self.options = options
        self.stdout = stdout
        self.stderr = stderr
        self.now = now
        self.out_coloured = wants_colour(options.color, environ, stdout)
        self.err_coloured = wants_colour(options.color, environ, stderr)
        self.has_data = False  # something went to stdout

    @property
    def format(self) -> str:
        return self.options.output or ("table" if self.stdout.isatty() else "plain")

    @property
    def is_for_people(self) -> bool:
        return self.format == "table"

    # --- data ---

    def records(
        self,
        columns: Sequence[Column],
        records: Iterable[Record],
        *,
        empty: str = "",
        csv_columns: Sequence[Column] = (),
    ) -> None:
        """A list. empty: what to say, on stderr, when there is nothing in it."""
        many = list(records)
        known = sorted({key for record in many for key in record})
        if self.format == "csv" and csv_columns:
            columns = csv_columns
        chosen = chosen_columns(columns, self.options.fields, known)
        many = in_asked_order(many, columns, self.options.sort, reverse=self.options.reverse)
        if not many and empty:
            self.hint(empty)
        match self.format:
            case "json":
                self._write_json([self._picked(record, chosen) for record in many])
            case "jsonl":
                for record in many:
                    self.json_line(self._picked(record, chosen))
            case "csv":
                self._write_csv(chosen, many)
            case "plain":
                self._write_plain(chosen, many)
            case _:
                self._write_table(chosen, many)

    def record(self, record: Record, columns: Sequence[Column]) -> None:
        """One thing: a line for each field, or one object."""
        chosen = chosen_columns(columns, self.options.fields, sorted(record))
        match self.format:
            case "json":
                self._write_json(self._picked(record, chosen))
            case "jsonl":
                self.json_line(self._picked(record, chosen))
            case "csv":
                self._write_csv(chosen, [record])
            case "plain":
                for column in chosen:
                    self.line(f"{escaped(column.key)}\t{plain_cell(record, column.key)}")
            case _:
                self._write_pairs(record, chosen)

    def done(self, record: Mapping[str, Any], text: str) -> None:
        """What a command did: a sentence for people, `{"ok": true, ...record}` for programs.

        Called once by each command that changes something, so that --json is one document.
        """
        if self.format in ("table", "plain") and not self.options.fields:
            self.prose(text)
        else:
            whole = {"ok": True, **record}
            self.record(whole, [Column(key) for key in whole])

    def would(self, text: str, **more: Any) -> None:
        """What --dry-run says. text: follows `would`, as in "delete 'my'"."""
        self.done({"dry_run": True, "would": text, **more}, f"would {text}")

    def failed(self, record: Mapping[str, Any]) -> None:
        """The failure as a document, for programs that read JSON; people read it on stderr.

        Nothing when the command wrote its own document, which then tells what failed.
        """
        if self.format in ("json", "jsonl") and not self.has_data:
            self.document({"ok": False, **record})

    def document(self, value: object) -> None:
        """A value as it is, for programs: JSON on one line for jsonl, else indented."""
        if self.format == "jsonl":
            self.json_line(value)
        else:
            self._write_json(value)

    def line(self, text: str = "") -> None:
        """One line of data."""
        self._write(self.stdout, text + "\n")

    def prose(self, text: str, indent: str = "") -> None:
        """A line of data that a terminal gets in whole words, the rest below `indent`."""
        self.line(self._folded(text, indent))

    def _folded(self, text: str, indent: str = "") -> str:
        """Only for a terminal: what is piped stays one line."""
        return self._filled(text, indent) if self.format == "table" else text

    def _filled(self, text: str, indent: str = "") -> str:
        if "\n" in text or cells(text) <= self.width:
            return text
        import textwrap

        return textwrap.fill(
            text,
            self.width,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
            replace_whitespace=False,
        )

    def heading(self, text: str) -> None:
        self.line(paint(text, BOLD, coloured=self.out_coloured))

    # --- everything else ---

    def hint(self, text: str) -> None:
        """What to do next; -q drops it."""
        if not self.options.quiet:
            self._write(self.stderr, text + "\n")

    def warn(self, text: str) -> None:
        """-qq drops it."""
        if self.options.quiet < 2:
            self._write(self.stderr, f"warning: {text}\n")

    def complain(self, text: str) -> None:
        """An error; nothing drops it."""
        self._write(self.stderr, text + "\n")

    def complain_of(self, label: str, text: str, paints: str) -> None:
        """`LABEL: TEXT`, which a terminal gets in whole words."""
        line = f"{label}: {text}"
        if self.stderr.isatty():
            line = self._filled(line)
        self.complain(paint(label, paints, coloured=self.err_coloured) + line[len(label) :])

    # --- formats ---

    def _picked(self, record: Record, chosen: Sequence[Column]) -> object:
        if self.options.fields:
            record = {column.key: record.get(column.key) for column in chosen}
        return for_programs(record)

    def _write_json(self, value: object) -> None:
        import json

        # ASCII only: no control, no direction mark and no lone surrogate gets through.
        self.line(json.dumps(for_programs(value), indent=2, default=str))

    def json_line(self, value: object) -> None:
        import json

        self.line(json.dumps(for_programs(value), default=str))

    def _write_csv(self, columns: Sequence[Column], records: Sequence[Record]) -> None:
        self._write(self.stdout, csv_text(columns, records))

    def _write_plain(self, columns: Sequence[Column], records: Sequence[Record]) -> None:
        for line in plain_lines(columns, records, with_header=self.options.with_header):
            self.line(line)

    def _write_table(self, columns: Sequence[Column], records: Sequence[Record]) -> None:
        if not records:
            return
        from mail_proxy.tables.drawing import print_table  # rich: 50 ms, for terminals only

        drawn = io.StringIO()  # so that what is written goes one way
        print_table(
            columns,
            records,
            stream=drawn,
            width=self.width,
            coloured=self.out_coloured,
            now=self.now(),
        )
        self._write(self.stdout, drawn.getvalue())

    def _write_pairs(self, record: Record, columns: Sequence[Column]) -> None:
        titles = [safe_text(column.title or column.key.replace("_", " ")) for column in columns]
        longest = max(map(cells, titles), default=0)
        for column, title in zip(columns, titles, strict=True):
            name = paint(padded(title, longest), BOLD, coloured=self.out_coloured)
            self.line(f"{name}  {column.show(record.get(column.key), self.now())}")

    @property
    def width(self) -> int:
        return shutil.get_terminal_size((80, 24)).columns

    def flush(self) -> None:
        """Whatever others wrote to stdout, as the parser does its help."""
        self._write(self.stdout, "")

    def _write(self, stream: TextIO, text: str) -> None:
        self.has_data = self.has_data or (stream is self.stdout and bool(text))
        if stream.isatty():
            # Programs get whole values. A terminal would act on those of CSV and of tracebacks.
            text = safe_page(text)
        try:
            stream.write(text)
            stream.flush()
        except OSError as error:
            raise output_error(error) from error
        except UnicodeEncodeError:
            encoding = stream.encoding or "ascii"
            plain = text.translate(_IN_ASCII)
            stream.write(plain.encode(encoding, "backslashreplace").decode(encoding))
            stream.flush()


def output_error(error: OSError) -> Exception:
    """A reader that has gone is no failure; a full disk is one."""
    if isinstance(error, BrokenPipeError):
        return OutputClosed()
    why = (error.strerror or type(error).__name__).lower()
    return OutputFailed(f"cannot write to the output: {why}")


# Our own shapes where the terminal has no others; one for one, so that columns stay in line.
_IN_ASCII = str.maketrans({"…": "~", "·": ".", "✓": "+", "✗": "x", "◐": "-", "○": "o"})


def pairs(**values: Any) -> dict[str, Any]:
    """Fields without the empty ones, as a request takes them."""
    return {name: value for name, value in values.items() if value is not None}
