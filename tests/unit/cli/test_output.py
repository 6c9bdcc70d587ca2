from __future__ import annotations

import io
import json
from typing import Any

import pytest
from rich.cells import cell_len

from mail_proxy.cli.errors import CommandFailed, OutputClosed
from mail_proxy.cli.globals import GlobalOptions
from mail_proxy.cli.output import Writer
from mail_proxy.tables.columns import Column, detail_columns, show_age
from mail_proxy.tables.drawing import print_table

COLUMNS = (
    Column("id", is_id=True),
    Column("subject", drop=1),
    Column("created_at", "age", show_age, drop=2, right=True),
)
ROWS: list[dict[str, Any]] = [
    {"id": "m1", "subject": "tab\there\nline", "created_at": 1000, "tags": ["a", "b"]},
    {"id": "m2", "subject": None, "created_at": 0, "tags": []},
]


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def written(stream: io.StringIO, **options: Any) -> str:
    writer = Writer(GlobalOptions(**options), stream, io.StringIO(), {}, now=lambda: 1130.0)
    writer.records(COLUMNS, ROWS)
    return stream.getvalue()


def test_a_pipe_gets_one_record_a_line_with_whole_values() -> None:
    assert written(io.StringIO()) == (
        "m1\ttab\\there\\nline\t1970-01-01T00:16:40Z\nm2\t\t1970-01-01T00:00:00Z\n"
    )


def test_plain_output_names_its_columns_on_demand() -> None:
    assert written(io.StringIO(), with_header=True).splitlines()[0] == "id\tsubject\tcreated_at"


def test_json_is_one_document_with_times_in_utc() -> None:
    document = json.loads(written(io.StringIO(), output="json"))
    assert document[0]["created_at"] == "1970-01-01T00:16:40Z"
    assert document[0]["tags"] == ["a", "b"]
    assert document[1]["subject"] is None


def test_jsonl_is_a_document_a_line() -> None:
    lines = written(io.StringIO(), output="jsonl").splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["m1", "m2"]


def test_csv_quotes_what_needs_it() -> None:
    assert written(io.StringIO(), output="csv").startswith(
        'id,subject,created_at\nm1,"tab\there\nline",'
    )


def test_a_spreadsheet_gets_text_for_a_formula_and_numbers_for_numbers() -> None:
    out = io.StringIO()
    writer = Writer(GlobalOptions(output="csv"), out, io.StringIO(), {})
    record = {"id": "=HYPERLINK(A1)", "size": -7, "share": -0.5, "who": "+39", "tags": ["@x", "y"]}
    writer.records([Column(key) for key in record], [record])
    assert out.getvalue().splitlines()[1] == "'=HYPERLINK(A1),-7,-0.5,'+39,\"'@x,y\""


def test_titles_are_as_wide_as_they_look_and_safe() -> None:
    out = Tty()
    record = {"日本": 1, "plain": 2, "bad\nforged": 3}
    Writer(GlobalOptions(), out, io.StringIO(), {}).record(record, [Column(key) for key in record])
    lines = out.getvalue().splitlines()
    assert len(lines) == 3
    assert len({cell_len(line) for line in lines}) == 1


@pytest.mark.parametrize("output", ["plain", "json", "jsonl", "csv"])
def test_fields_choose_columns_and_their_order(output: str) -> None:
    text = written(io.StringIO(), output=output, fields=("tags", "id"))
    assert "subject" not in text
    assert "tab" not in text
    assert text.index("a") < text.index("m1")


def test_a_field_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(CommandFailed, match=r"no 'nope'.*created_at, id, subject, tags"):
        written(io.StringIO(), fields=("nope",))


def test_a_terminal_gets_a_table_without_controls() -> None:
    text = written(Tty(), color="never")
    assert text.split()[:3] == ["ID", "SUBJECT", "AGE"]
    assert "tab here line" in text
    assert "2m10s" in text
    assert "\x1b" not in text


def test_markup_and_escapes_in_foreign_text_do_nothing() -> None:
    stream = Tty()
    writer = Writer(GlobalOptions(color="never"), stream, io.StringIO(), {})
    writer.records([Column("subject")], [{"subject": "[/b] [link=http://x]\x1b]0;title\x07"}])
    assert "[/b] [link=http://x]]0;title" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def table(columns: tuple[Column, ...], row: dict[str, str], width: int) -> str:
    stream = io.StringIO()
    print_table(columns, [row], stream=stream, width=width, coloured=False, now=0.0)
    return stream.getvalue()


def test_columns_are_dropped_by_priority_and_the_id_stays_whole() -> None:
    row = {"id": "i" * 20, "subject": "s" * 50, "created_at": ""}
    text = table(COLUMNS, row, 30)
    assert "i" * 20 in text
    assert "AGE" not in text
    assert "…" in text
    assert all(cell_len(line) <= 30 for line in text.splitlines())


def test_what_does_not_fit_at_all_goes_one_under_the_other() -> None:
    row = {"id": "i" * 40, "subject": "hello", "created_at": ""}
    text = table(COLUMNS, row, 30)
    assert "i" * 22 in text.replace("\n", "")
    assert "SUBJECT  hello" in text


def test_wide_characters_keep_the_columns_in_line() -> None:
    stream = io.StringIO()
    rows = [{"id": "日本語", "subject": "x"}, {"id": "ab", "subject": "y"}]
    print_table(COLUMNS[:2], rows, stream=stream, width=60, coloured=False, now=0.0)
    _, first, second = stream.getvalue().splitlines()
    assert cell_len(first[: first.index("x")]) == cell_len(second[: second.index("y")])


def test_hints_go_to_stderr_and_quiet_drops_them() -> None:
    for quiet, shown in ((0, "hint\nwarning: w\n"), (1, "warning: w\n"), (2, "")):
        err = io.StringIO()
        writer = Writer(GlobalOptions(quiet=quiet), io.StringIO(), err, {})
        writer.hint("hint")
        writer.warn("w")
        assert err.getvalue() == shown


class Closed(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_a_closed_pipe_is_told_apart() -> None:
    writer = Writer(GlobalOptions(), Closed(), io.StringIO(), {})
    with pytest.raises(OutputClosed):
        writer.line("x")


def test_a_stream_that_knows_only_ascii_gets_escapes() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    Writer(GlobalOptions(), stream, io.StringIO(), {}).line("é")
    assert raw.getvalue() == b"\\xe9\n"


def done(*, tty: bool = False, **options: Any) -> str:
    stream = Tty() if tty else io.StringIO()
    writer = Writer(GlobalOptions(**options), stream, io.StringIO(), {})
    writer.done({"id": "m1"}, "Queued as 'm1'")
    return stream.getvalue()


def test_what_was_done_is_a_sentence_for_people_and_a_record_for_programs() -> None:
    assert done() == done(tty=True) == "Queued as 'm1'\n"
    assert json.loads(done(output="json")) == {"ok": True, "id": "m1"}
    assert done(output="jsonl") == '{"ok": true, "id": "m1"}\n'
    assert done(output="csv") == "ok,id\ntrue,m1\n"
    assert done(fields=("id",)) == "id\tm1\n"


def test_a_failure_is_a_second_document_never() -> None:
    for written_before in (False, True):
        stream = io.StringIO()
        writer = Writer(GlobalOptions(output="json"), stream, io.StringIO(), {})
        if written_before:
            writer.done({"ok": False, "done": 1}, "1 of 2")
        writer.failed({"error": "no"})
        document = json.loads(stream.getvalue())
        assert document == {"ok": False, **({"done": 1} if written_before else {"error": "no"})}


def test_one_long_id_costs_columns_and_not_the_table() -> None:
    columns = (COLUMNS[0], Column("state"), Column("to", least=16), Column("pri", drop=2))
    row = {"id": "i" * 64, "state": "pending", "to": "bob@example.com", "pri": "low"}
    heading, line = table(columns, row, 80).splitlines()
    assert heading.split() == ["ID", "STATE"]
    assert "i" * 64 in line
    heading, line = table(columns, row | {"id": "u" * 36}, 80).splitlines()
    assert heading.split()[:3] == ["ID", "STATE", "TO"]
    assert "bob@example.com" in line


class AsciiTty(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def test_an_ascii_terminal_gets_tables_with_ascii_shapes() -> None:
    raw = io.BytesIO()
    writer = Writer(
        GlobalOptions(color="never"), AsciiTty(raw, encoding="ascii"), io.StringIO(), {}
    )
    writer.records(
        [Column("id", is_id=True), Column("subject")], [{"id": "1", "subject": "x" * 200}]
    )
    writer.line("✓ · ○")
    assert raw.getvalue().splitlines()[1].endswith(b"xx~")
    assert raw.getvalue().splitlines()[2] == b"+ . o"


def prose(stream: io.StringIO) -> list[str]:
    writer = Writer(GlobalOptions(), stream, io.StringIO(), {}, now=lambda: 0.0)
    writer.prose("  why        " + "waits " * 30, " " * 13)
    return stream.getvalue().splitlines()


def test_a_long_sentence_is_cut_between_words_on_a_terminal(monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    first, *rest = prose(Tty())
    assert first.startswith("  why        waits ")
    assert rest
    assert all(line.startswith(" " * 13 + "waits") for line in rest)
    assert all(len(line) <= 80 for line in (first, *rest))


def test_a_long_sentence_stays_one_line_in_a_pipe() -> None:
    assert len(prose(io.StringIO())) == 1


def test_a_detail_view_names_each_line_and_shows_what_is_in_a_list() -> None:
    record = {"last_error": "451", "last_error_ts": 0, "limits": [{"used": 1, "limit": 2}]}
    error, at, limits = detail_columns(record)
    assert error.heading != at.heading == "LAST ERROR AT"
    assert limits.show(record["limits"], 0.0) == "used=1, limit=2"
