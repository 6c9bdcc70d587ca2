from __future__ import annotations

from pathlib import Path

from mail_proxy.observe.log_lines import Wanted, follow, last, read_line
from mail_proxy.observe.tail import Tail, last_lines, size_of

ALL = Wanted()


def test_the_end_of_a_file_larger_than_a_block(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("".join(f"{n} {'x' * 1000}\n" for n in range(300)))
    assert [line.split()[0] for line in last_lines(path, 3)] == ["297", "298", "299"]
    assert [int(line.split()[0]) for line in last_lines(path, 200)] == list(range(100, 300))
    assert len(last_lines(path, 1000)) == 300


def test_a_last_line_that_is_not_ended_yet_counts(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("one\ntwo\nthr")
    assert last_lines(path, 2) == ["two", "thr"]
    path.write_text("")
    assert last_lines(path, 2) == []
    path.write_text("\n\n")
    assert last_lines(path, 3) == ["", ""]


def test_lines_before_a_byte_can_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("old\n")
    before = size_of(path)
    path.write_text("old\nnew\n")
    assert last_lines(path, 20, after=before) == ["new"]
    assert size_of(tmp_path / "none") == 0
    assert last_lines(tmp_path / "none", 5) == []


def test_following_goes_on_over_a_rotation(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("one\ntwo\n")
    lines = (line.text for line in follow(path, 1, ALL))
    assert next(lines) == "two"
    with path.open("a") as log:
        log.write("thr")
        log.flush()
        log.write("ee\nfour\n")
    assert [next(lines), next(lines)] == ["three", "four"]
    path.rename(tmp_path / "log.1")
    path.write_text("five\nsix\n")
    assert [next(lines), next(lines)] == ["five", "six"]


def read_all(tail: Tail) -> list[str]:
    """What is there now, also in a file that has taken the place of another."""
    return [line for _ in range(4) for line in tail.read()]


def test_what_comes_before_a_rotation_and_after_it_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("past\n")
    tail = Tail(path)
    assert read_all(tail) == []
    with path.open("a") as log:
        log.write("before\n")
    path.rename(tmp_path / "log.1")
    path.write_text("after\n")
    assert read_all(tail) == ["before", "after"]
    tail.close()


def test_a_file_that_was_made_shorter_is_read_from_its_begin(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("a long line of the past\n")
    tail = Tail(path)
    path.write_text("new\n")
    assert read_all(tail) == ["new"]
    tail.close()


def test_half_a_line_is_told_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("one\ntw")
    tail = Tail(path)
    assert last(path, 5, ALL, end=tail.start)[-1].text == "one"
    assert read_all(tail) == []
    with path.open("a") as log:
        log.write("o\n")
    assert read_all(tail) == ["two"]
    tail.close()


def test_a_file_that_comes_later_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    tail = Tail(path)
    assert read_all(tail) == []
    path.write_text("first\n")
    assert read_all(tail) == ["first"]
    tail.close()


def test_a_closed_one_stays_closed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("one\n")
    tail = Tail(path)
    tail.close()
    path.write_text("one\ntwo\n")
    assert read_all(tail) == []


# --- levels and times ---

INFO = "2026-01-31T12:03:57.250Z INFO message_sent id=1"
WARNING = "2026-01-31T12:04:00.000Z WARNING account_paused why=x"
AS_JSON = '{"time": "2026-01-31T12:05:00.000Z", "level": "ERROR", "event": "task_broke"}'
TRACE = "Traceback (most recent call last):"


def texts(path: Path, n: int = 10, *, level: str = "", since: str = "") -> list[str]:
    return [line.text for line in last(path, n, Wanted(level, since))]


def test_time_and_level_of_both_formats_are_read() -> None:
    assert read_line(INFO)[1:] == ("2026-01-31T12:03:57.250Z", "INFO")
    assert read_line(AS_JSON)[1:] == ("2026-01-31T12:05:00.000Z", "ERROR")
    assert read_line(TRACE)[1:] == ("", "")


def test_a_level_is_that_one_and_those_above(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("\n".join([INFO, WARNING, INFO, AS_JSON, ""]))
    assert texts(path, level="WARNING") == [WARNING, AS_JSON]
    assert texts(path, 1, level="WARNING") == [AS_JSON]
    assert texts(path, level="CRITICAL") == []


def test_lines_without_a_head_go_with_the_one_before_them(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("\n".join([INFO, "  more of it", AS_JSON, TRACE, "  File x", ""]))
    assert texts(path, level="ERROR") == [AS_JSON, TRACE, "  File x"]
    assert texts(path, 2) == [TRACE, "  File x"]


def test_older_lines_than_a_time_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("\n".join([INFO, TRACE, WARNING, AS_JSON, ""]))
    assert texts(path, since="2026-01-31T12:04:00.000Z") == [WARNING, AS_JSON]
    assert texts(path, since="2026-02-01T00:00:00.000Z") == []


def test_the_last_lines_reach_back_into_files_that_were_moved_away(tmp_path: Path) -> None:
    path = tmp_path / "log"
    (tmp_path / "log.2").write_text(f"{INFO} of 2\n")
    (tmp_path / "log.1").write_text(f"{INFO} of 1\n")
    path.write_text(f"{WARNING}\n")
    assert texts(path, 2) == [f"{INFO} of 1", WARNING]
    assert texts(path, 9) == [f"{INFO} of 2", f"{INFO} of 1", WARNING]
    path.unlink()  # between the moving and the first line
    assert texts(path, 1) == [f"{INFO} of 1"]


def test_a_search_ends_after_so_many_bytes(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(f"{WARNING}\n" + f"{INFO}\n" * 100)
    assert last(path, 5, Wanted("WARNING"), most_bytes=1000) == []
    assert len(last(path, 5, Wanted("WARNING"), most_bytes=10_000)) == 1


def test_new_lines_are_chosen_too(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(f"{INFO}\n{WARNING}\n")
    lines = (line.text for line in follow(path, 5, Wanted("WARNING")))
    assert next(lines) == WARNING
    with path.open("a") as log:
        log.write(f"{INFO}\n{TRACE}\n{AS_JSON}\n{TRACE}\n")
    assert [next(lines), next(lines)] == [AS_JSON, TRACE]
