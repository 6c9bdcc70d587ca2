"""Why a message is where it is, as the instance tells it."""

from __future__ import annotations

import pytest

WHY = "account paused: 535 no; next try at 12:00:10 UTC"
DO = "mail-proxy my acme accounts set-password main"


@pytest.fixture
def world(cli, make_message):
    found = cli.instance("my")
    found.messages["m1"] = make_message(why=WHY, why_code="account_failed", do=DO)
    return found


def test_the_sentence_and_the_command_are_told(cli, world) -> None:
    ran = cli("my", "acme", "messages", "why", "m1", tty=True)
    assert (ran.code, ran.out) == (0, f"{WHY}\n")
    assert ran.err == f"Next: {DO}\n"


def test_programs_get_the_whole_answer(cli, world) -> None:
    told = cli("my", "acme", "messages", "why", "m1", "--json").json
    assert (told["code"], told["why"], told["do"]) == ("account_failed", WHY, DO)


def test_an_absent_message_is_named(cli, world) -> None:
    ran = cli("my", "acme", "messages", "why", "nope")
    assert ran.code == 4
    assert "message 'nope' not found" in ran.err


def test_a_list_and_a_page_ask_for_nothing_more(cli, world) -> None:
    world.calls.clear()
    (listed,) = cli("my", "acme", "messages", "list", "--json").json
    shown = cli("my", "acme", "messages", "show", "m1", "--json").json
    assert listed["why"] == shown["why"] == WHY
    assert world.names() == ["listMessages", "getMessage", "getMessageEvents"]


def test_a_terminal_has_a_column_for_it_and_gives_up_others(
    cli, world, make_message, monkeypatch
) -> None:
    line = ("my", "acme", "messages", "list", "--color", "never")
    monkeypatch.setenv("COLUMNS", "140")
    assert "account paused: 535 no" in cli(*line, tty=True).out
    monkeypatch.setenv("COLUMNS", "80")
    table = cli(*line, tty=True).out
    assert "WHY" in table
    assert "account paused: 535 no" in table
    assert "PRI" not in table
    assert max(len(row) for row in table.splitlines()) <= 80
    world.messages["m1"] = make_message("0d5c1a52-6f3b-4f6e-9d53-2f9a4c1f7b11", why=WHY)
    assert "account paused: 535 no" in cli(*line, tty=True).out
    monkeypatch.setenv("COLUMNS", "40")
    assert "WHY" not in cli(*line, tty=True).out
    monkeypatch.setenv("COLUMNS", "140")
    world.messages["m1"] = make_message()
    assert "WHY" not in cli(*line, tty=True).out  # nothing to tell


def test_the_page_says_it_once_with_the_command(cli, world, make_message) -> None:
    told = "deferred: try 2 of 6 at 12:00 UTC, last answer 451 later"
    world.messages["m1"] = make_message(tries=1, last_error="451 later", why=told, do=DO)
    page = cli("my", "acme", "messages", "show", "m1", tty=True).out
    assert f"why        {told}" in page
    assert f"do         {DO}" in page
    assert page.count("451 later") == 1
