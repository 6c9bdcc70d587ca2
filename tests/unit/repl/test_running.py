"""Code that comes without a person at a line editor."""

from __future__ import annotations

from typing import Any

import pytest

from mail_proxy.domain.errors import NotFound
from mail_proxy.repl import speech
from mail_proxy.repl.banner import banner, queue_line
from mail_proxy.repl.running import Leave, awaits, run_code, run_plain
from tests.unit.repl.conftest import World


def run(text: str, *, shows_last: bool = True, **names: Any) -> int:
    return run_code(text, {"exit": Leave(), **names}, name="<code>", shows_last=shows_last)


def test_the_value_of_the_last_expression_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("x = 6\nx * 7") == 0
    assert capsys.readouterr().out == "42\n"


def test_a_file_shows_what_it_prints_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("print(1)\n2", shows_last=False) == 0
    assert capsys.readouterr().out == "1\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("exit()", 0),
        ("exit(3)", 3),
        ("raise SystemExit('bad')", 1),
        ("1/0", 1),
        ("(", 1),
        ("raise KeyboardInterrupt", 130),
    ],
)
def test_the_exit_code_tells_how_it_ended(text: str, code: int) -> None:
    assert run(text) == code


def test_a_failed_call_is_a_line_and_no_traceback(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    error = NotFound("no message '\x1b[31mx'", hint="proxy.messages.list()")
    error.http_status = 404
    world.control.answers["getMessage"] = error
    assert run("proxy.messages.get('x')", proxy=world.proxy) == 1
    told = "error: no message '[31mx' (HTTP 404)\n  try: proxy.messages.list()\n"
    assert capsys.readouterr().err == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("proxy.tenant('acme')", "proxy has no 'tenant'. Did you mean proxy.tenants?"),
        ("proxy.messages.lst()", "proxy.messages has no 'lst'. Did you mean proxy.messages.list?"),
        ("proxy.command_log.prge()", "Did you mean proxy.command_log.purge?"),
        ("proxy.xyzzy", "proxy has no 'xyzzy'. It has accounts, activate, cache"),
        ("proxy.tenants('acme')", 'try: proxy.tenants["ID"], or proxy.tenants.list()'),
        ("proxy.stats().leased", 'a record has its fields as a dict does\n  try: ["leased"]'),
        ("proxy.messages.list().colums", "a table has no 'colums'. It has json, more, rows, save"),
    ],
)
def test_a_near_miss_is_told_in_a_line_with_what_there_is(
    world: World, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    world.control.answers["getStats"] = {"leased": 1}
    world.control.answers["listMessages"] = {"messages": []}
    assert run(text, proxy=world.proxy) == 1
    err = capsys.readouterr().err
    assert told in err
    assert "Traceback" not in err


def test_an_attribute_of_ones_own_is_python_s_to_tell(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("(1).lst") == 1
    err = capsys.readouterr().err
    assert "'int' object has no attribute 'lst'" in err
    assert "running.py" not in err  # the person's own code alone


def test_the_plain_prompt_tells_as_scripts_are_told(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = iter(["proxy.tenant", "1/0", "raise KeyboardInterrupt", "exit(3)"])
    monkeypatch.setattr("builtins.input", lambda _: next(lines))
    names = {"proxy": world.proxy, "exit": Leave()}
    assert run_plain(names, "", lambda: "my> ") == 3
    err = capsys.readouterr().err
    assert "Did you mean proxy.tenants?" in err
    assert "ZeroDivisionError" in err
    assert speech.INTERRUPTED in err
    assert "running.py" not in err


@pytest.mark.parametrize("text", ["await x", "y = await x", "async with x:\n    pass"])
def test_an_await_at_the_top_is_found(text: str) -> None:
    assert awaits(text)


@pytest.mark.parametrize("text", ["x", "async def f():\n    await x", "(", "\x00"])
def test_other_code_awaits_nothing(text: str) -> None:
    assert not awaits(text)


@pytest.mark.parametrize(
    ("typed", "is_yes"), [("y\n", True), ("YES\n", True), ("\n", False), ("n\n", False)]
)
def test_enter_is_no(monkeypatch: pytest.MonkeyPatch, typed: str, is_yes: bool) -> None:
    monkeypatch.setattr("builtins.input", lambda _: typed.rstrip("\n"))
    assert speech.confirm("Delete it?") is is_yes


def test_the_banner_has_at_most_five_lines_of_a_small_screen() -> None:
    stats = {"by_state": {"waiting": 9972, "held": 1, "failed": 0, "sent": 5}}
    text = banner("myserver", "/home/ann/.mail-proxy/myserver", lambda: stats)
    assert len(text.splitlines()) <= 5
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "queue: 9 972 waiting, 1 held" in text


def test_the_banner_says_that_nothing_is_sent_and_what_to_do() -> None:
    text = banner("myserver", "", None)
    assert "myserver is not running" in text
    assert "mail-proxy start myserver" in text


def test_an_idle_queue_and_a_suspended_one_are_told() -> None:
    assert queue_line({}) == "queue: nothing waits"
    assert queue_line({"scheduler_active": False}) == "queue: SUSPENDED: nothing is sent"
