from __future__ import annotations

import logging
import re

import pytest

from mail_proxy.observe import events
from mail_proxy.observe.lines import LONGEST_VALUE, iso_utc

HOSTILE = [
    'a" level=ERROR b="',
    "a\n2026-01-01T00:00:00.000Z INFO daemon_stopped",
    "a\r\nb",
    "\x1b]0;owned\x07",
    "\x9b31m",
    "a\u2028b\u2029c\x85d",
    "\u202egnp.exe",
    "\udcff",
    "x=y z=w",
    "\\",
    "",
]


def test_a_line_has_the_time_the_level_the_event_and_its_fields(written):
    events.run_now("acme")
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO run_now tenant=acme", written.line
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_stays_inside_its_field(written, text):
    events.reports_paused(tenant_id="acme", why=text)
    line = written.told
    assert line.isprintable()
    head, quoted = line.split(" why=", 1)
    assert head == "WARNING reports_paused tenant=acme"
    assert re.fullmatch(r'"(?:[^"\\]|\\.)*"', quoted)


@pytest.mark.parametrize("text", HOSTILE)
def test_json_lines_bring_foreign_text_back_unchanged(written_json, text):
    events.reports_paused(tenant_id="acme", why=text)
    assert written_json.line.isprintable()
    assert written_json.json["why"] == text


def test_a_field_of_an_event_cannot_take_the_place_of_level_or_time(written_json):
    events._tell(logging.INFO, "run_now", level="FORGED", time="never", n=1)
    assert (written_json.json["level"], written_json.json["n"]) == ("INFO", 1)
    assert written_json.json["time"] != "never"


def test_a_plain_word_stands_without_quotes(written):
    events.scheduler_changed(is_active=True, by="admin")
    assert written.told == "INFO scheduler_changed active=true by=admin"


def test_a_field_that_is_none_is_left_out(written):
    events.run_now(None)
    assert written.told == "INFO run_now"


def test_a_time_field_is_shown_as_utc(written):
    events.reports_refused(tenant_id="a", n=1, why="500", retry_at=1_700_000_000.25)
    assert "retry_at=2023-11-14T22:13:20.250Z" in written.line


@pytest.mark.parametrize("beyond", [1e30, float("nan"), float("inf"), -1e30])
def test_a_time_out_of_range_is_shown_as_it_is(beyond):
    assert iso_utc(beyond) == str(beyond)


def test_a_long_value_is_cut(written):
    events.reports_paused(tenant_id="a", why="x" * 5000)
    assert len(written.line) < LONGEST_VALUE + 100
    assert written.line.endswith('…"')


def test_a_traceback_is_one_field_of_one_line(written):
    try:
        raise ValueError("the bug")
    except ValueError as error:
        events.task_broke("courier", error)
    assert 'why="ValueError: the bug"' in written.line
    assert "test_lines.py" in written.line


def test_a_line_of_a_library_is_escaped_too(written):
    logging.getLogger("aiohttp.server").warning("bad\nrequest %s", "\x1b[1m")
    assert written.told == (r'WARNING log logger=aiohttp.server text="bad\nrequest \u001b[1m"')


def test_inside_another_program_the_message_shows_event_and_fields(caplog):
    with caplog.at_level(logging.INFO, logger="mail_proxy"):
        events.run_now("acme")
    assert [record.getMessage() for record in caplog.records] == ["run_now tenant=acme"]
