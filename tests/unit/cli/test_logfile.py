from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mail_proxy.cli.logfile import follow, last_lines, size_of
from mail_proxy.cli.reload import run_reloading


def test_the_end_of_a_file_larger_than_a_block(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("".join(f"{n} {'x' * 1000}\n" for n in range(300)))
    assert [line.split()[0] for line in last_lines(path, 3)] == ["297", "298", "299"]
    assert len(last_lines(path, 200)) == 200


def test_a_last_line_that_is_not_ended_yet_counts(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("one\ntwo\nthr")
    assert last_lines(path, 2) == ["two", "thr"]
    path.write_text("")
    assert last_lines(path, 2) == []


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
    lines = follow(path, 1)
    assert next(lines) == "two"
    with path.open("a") as log:
        log.write("thr")
        log.flush()
        log.write("ee\nfour\n")
    assert [next(lines), next(lines)] == ["three", "four"]
    path.rename(tmp_path / "log.1")
    path.write_text("five\nsix\n")
    assert [next(lines), next(lines)] == ["five", "six"]
    lines.close()


@pytest.mark.slow
def test_reload_starts_again_when_the_code_changes(tmp_path: Path) -> None:
    watched = tmp_path / "code"
    watched.mkdir()
    runs = tmp_path / "runs"
    # The first run changes the code and waits to be ended; the second ends by itself.
    program = (
        "import pathlib, sys, time\n"
        f"runs = pathlib.Path({str(runs)!r}); again = runs.exists()\n"
        "runs.touch()\n"
        "if again: sys.exit(3)\n"
        f"pathlib.Path({str(watched)!r}, 'new.py').touch()\n"
        "time.sleep(60)\n"
    )
    told: list[str] = []
    code = run_reloading([sys.executable, "-c", program], {}, tell=told.append, folder=watched)
    assert code == 3
    assert told == ["The code changed: starting again"]
