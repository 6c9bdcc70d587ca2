"""Tables and records as a person sees them, and as a program takes them."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from mail_proxy.domain.errors import Invalid, MailProxyError
from mail_proxy.repl.console import Console
from mail_proxy.repl.results import SHOWN, Page, Record, Table
from mail_proxy.tables.columns import Column
from tests.unit.repl.conftest import screen

HOSTILE = "\x1b]0;title\x07[/b] \u202eevil\r\n"
_COLUMNS = (Column("id", is_id=True), Column("subject"))


def rows(n: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"id": f"m{at}", "subject": "hello"} for at in range(start, start + n)]


def paged(*sizes: int, left: int | None = None) -> Table:
    """A table whose pages come when they are asked for."""

    def page(number: int, start: int) -> Page:
        is_last = number + 1 == len(sizes)
        after = None if is_last else (lambda: page(number + 1, start + sizes[number]))
        return Page(rows(sizes[number], start), after, left if number == 0 else None)

    return Table(page(0, 0), screen(), _COLUMNS)


def test_a_table_has_its_headings_and_whole_ids() -> None:
    table = Table(Page(rows(2)), screen(), _COLUMNS)
    assert repr(table).splitlines()[0].split() == ["ID", "SUBJECT"]
    assert repr(table).splitlines()[2].split() == ["m1", "hello"]


def test_a_table_is_cut_to_the_screen() -> None:
    long = [{"id": "m1", "subject": "x" * 500}]
    drawn = repr(Table(Page(long), screen(40), _COLUMNS))
    assert max(len(line) for line in drawn.splitlines()) <= 40
    assert "…" in drawn


def test_where_the_ids_alone_do_not_fit_rows_stand_under_each_other() -> None:
    wide = [{"id": "x" * 60, "subject": "hello"}]
    lines = repr(Table(Page(wide), screen(40), _COLUMNS)).splitlines()
    assert lines[0].startswith("ID")
    assert any(line.startswith("SUBJECT") for line in lines)


def test_in_a_pipe_cells_are_whole_and_tab_separated() -> None:
    long = [{"id": "m1", "subject": "x" * 500}]
    table = Table(Page(long), screen(40, is_terminal=False), _COLUMNS)
    assert repr(table) == "id\tsubject\nm1\t" + "x" * 500


@pytest.mark.parametrize("is_terminal", [True, False])
def test_no_control_of_a_foreign_text_is_drawn(is_terminal: bool) -> None:
    where = screen(is_terminal=is_terminal)
    nested = {"id": HOSTILE, "message": {"subject": HOSTILE}, "recipients": [{"a": HOSTILE}]}
    drawn = repr(Table(Page([nested]), where)) + repr(Record(nested, where))
    assert not {"\x1b", "\x07", "\r", "\u202e"} & set(drawn)


def test_an_empty_table_says_so() -> None:
    assert repr(Table(Page([]), screen(), _COLUMNS)) == "none"


def test_a_hundred_rows_are_shown_and_the_others_counted() -> None:
    table = Table(Page(rows(250)), screen(), _COLUMNS)
    lines = repr(table).splitlines()
    assert len(lines) == 1 + SHOWN + 1
    assert lines[-1] == "150 more: _.more()"
    assert table.more()[0]["id"] == "m100"
    assert repr(table.more().more()).splitlines()[-1].split()[0] == "m249"


def test_the_next_page_comes_when_it_is_asked_for() -> None:
    table = paged(2, 2, 1)
    assert repr(table).splitlines()[-1] == "there are more: _.more()"
    assert [row["id"] for row in table.more().rows] == ["m2", "m3"]
    assert repr(table.more().more().more()) == "none"


def test_a_known_number_of_rows_is_told() -> None:
    assert repr(paged(2, 1, left=1)).splitlines()[-1] == "1 more: _.more()"


def test_a_loop_goes_over_all_pages() -> None:
    table = paged(2, 2, 1)
    assert [row["id"] for row in table] == ["m0", "m1", "m2", "m3", "m4"]
    assert len(table) == 2


def test_an_item_is_a_record_and_a_slice_is_rows() -> None:
    table = Table(Page(rows(3)), screen(), _COLUMNS)
    assert table[-1]["id"] == "m2"
    assert isinstance(table[0], Record)
    assert table[1:] == rows(2, 1)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "json", "jsonl"])
def test_saving_writes_the_rows_of_all_pages(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    assert paged(2, 600, 1).save(path) == f"saved 603 rows to {path}"
    text = path.read_text()
    if suffix == "json":
        assert [row["id"] for row in json.loads(text)] == [f"m{at}" for at in range(603)]
    elif suffix == "jsonl":
        assert json.loads(text.splitlines()[602])["id"] == "m602"
    else:
        assert text.splitlines()[0] == ("id,subject" if suffix == "csv" else "id\tsubject")
        assert len(text.splitlines()) == 604


def test_a_saved_file_is_its_owners_alone_and_links_lead_to_it(tmp_path: Path) -> None:
    path, link = tmp_path / "x.csv", tmp_path / "link.csv"
    path.write_text("old")
    path.chmod(0o644)
    link.symlink_to(path)
    paged(1).save(link)
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().startswith("id,subject\n")


def test_a_list_that_breaks_off_leaves_what_was_saved_before(tmp_path: Path) -> None:
    def fail() -> Page:
        raise MailProxyError("the daemon is gone")

    path = tmp_path / "x.csv"
    path.write_text("old")
    with pytest.raises(MailProxyError, match="gone"):
        Table(Page(rows(600), fail), screen(), _COLUMNS).save(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_pipe_is_written_to_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "pipe.tsv"
    os.mkfifo(path)
    with ThreadPoolExecutor(1) as reader:
        read = reader.submit(path.read_text)
        paged(1).save(path)
        assert read.result(10).startswith("id\tsubject\n")
    assert path.is_fifo()


def test_a_saved_text_is_no_formula(tmp_path: Path) -> None:
    table = Table(Page([{"id": "=1+1", "subject": "-x", "size": -7}]), screen(), _COLUMNS)
    table.save(tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text().splitlines()[1] == "'=1+1,'-x,-7"


def test_names_of_fields_are_as_wide_as_they_look() -> None:
    lines = repr(Record({"日本": 1, "plain": 2}, screen())).splitlines()
    assert len({cell_len(line) for line in lines}) == 1


def test_a_file_holds_the_fields_that_the_table_leaves_out(tmp_path: Path) -> None:
    Table(Page([{"id": "m1", "size": 7}]), screen(), _COLUMNS).save(tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text() == "id,subject,size\nm1,,7\n"


def test_a_name_without_a_known_ending_is_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    with pytest.raises(Invalid):
        paged(1).save(tmp_path / "x.xls")
    assert list(tmp_path.iterdir()) == []


def test_json_has_times_that_every_program_reads() -> None:
    record = Record({"id": "m1", "created_ts": 1_795_000_000}, screen())
    assert json.loads(record.json())["created_ts"] == "2026-11-18T11:06:40Z"
    assert repr(record.json()) == str(record.json())


def test_a_record_is_a_dict_that_leaves_out_ok() -> None:
    record = Record({"ok": True, "queued": 1, "rejected": []}, screen())
    assert record["ok"] is True
    assert [line.split() for line in repr(record).splitlines()] == [
        ["queued", "1"],
        ["rejected", "-"],
    ]


def test_things_in_a_record_are_a_table_below_it() -> None:
    record = Record({"by_priority": {"0": {"sent": 1}, "2": {"sent": 7}}}, screen())
    lines = [line.split() for line in repr(record).splitlines()]
    assert lines == [["by", "priority"], ["SENT"], ["0", "1"], ["2", "7"]]


def test_a_long_value_is_wrapped_below_itself() -> None:
    lines = repr(Record({"why": "word " * 30}, screen(40))).splitlines()
    assert len(lines) > 3
    assert all(len(line) <= 40 for line in lines)
    assert lines[1].startswith("     word")


def test_a_printed_table_has_its_tabs_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    piped = screen(is_terminal=False)
    table = Table(Page([{"id": "m1", "subject": HOSTILE}]), piped, _COLUMNS)
    Console(piped).print(table, Record({"id": "m1"}, piped), sep="\n")
    assert capsys.readouterr().out == f"{table!r}\nid\tm1\n"
