"""A message that waits tells why."""

from __future__ import annotations

from typing import Any

import pytest

NEXT = 1_795_100_000


@pytest.fixture
def world(cli):
    return cli.instance("my")


def why(cli, world, message: dict[str, Any]) -> Any:
    """What all faces say of it; they must agree."""
    world.messages["m1"] = message
    world.calls.clear()
    shown = cli("my", "acme", "messages", "show", "m1", "--json").json
    (listed,) = cli("my", "acme", "messages", "list", "--json").json
    assert shown["why"] == listed["why"]
    assert world.names().count("listAccounts") <= 2
    return shown["why"]


def test_a_message_that_just_waits_needs_no_reason(cli, world, make_message) -> None:
    assert why(cli, world, make_message()) is None


def test_the_pause_of_its_account_is_the_reason(cli, world, make_message) -> None:
    world.accounts["acme", "main"] |= {"paused_until_ts": NEXT, "paused_reason": "535 bad login"}
    told = why(cli, world, make_message(status="deferred", deferred_ts=NEXT, last_error="old"))
    assert told.startswith("account paused until 2026-11-")
    assert told.endswith(": 535 bad login")


def test_its_own_later_time_goes_before_the_pause(cli, world, make_message) -> None:
    world.accounts["acme", "main"] |= {"paused_until_ts": NEXT, "paused_reason": "535"}
    told = why(cli, world, make_message(deferred_ts=NEXT + 60, tries=2, last_error="451 later"))
    assert told == "2 tries: 451 later"
    assert why(cli, world, make_message(deferred_ts=NEXT + 60)).startswith("scheduled for 2026-11-")


def test_a_deleted_account_is_the_reason(cli, world, make_message) -> None:
    world.accounts.clear()
    assert why(cli, world, make_message()) == "its account was deleted: add it again"


def test_a_suspension_is_the_reason(cli, world, make_message) -> None:
    assert why(cli, world, make_message(state="suspended")) == "suspended"
    world.is_suspended = True
    assert why(cli, world, make_message()) == "suspended: the whole instance"


def test_an_inactive_tenant_is_the_reason(cli, world, make_message) -> None:
    world.tenants["acme"]["active"] = False
    assert why(cli, world, make_message()) == "suspended: its tenant is inactive"


def test_an_instance_that_does_not_run_is_the_reason(cli, world, make_message) -> None:
    world.is_live = False
    assert why(cli, world, make_message()) == "its instance is not running"


def test_a_held_and_a_failed_one_have_reasons_of_their_own(cli, world, make_message) -> None:
    assert why(cli, world, make_message(state="held", held_reason="too large")) == "too large"
    assert why(cli, world, make_message(state="failed", error="550 no")) == "550 no"


def test_a_wide_terminal_has_a_column_for_it(cli, world, make_message, monkeypatch) -> None:
    line = ("my", "acme", "messages", "list", "--color", "never")
    world.messages["m1"] = make_message()
    monkeypatch.setenv("COLUMNS", "120")
    assert "WHY" not in cli(*line, tty=True).out  # nothing to tell
    world.accounts.clear()
    assert "its account was deleted: add it again" in cli(*line, tty=True).out
    world.accounts["acme", "main"] = {"id": "main", "tenant_id": "acme", "paused_until_ts": NEXT}
    world.accounts["acme", "main"] |= {"paused_reason": "535 no"}
    world.messages["m1"] = make_message(deferred_ts=NEXT)
    assert "account paused: 535 no" in cli(*line, tty=True).out
    monkeypatch.setenv("COLUMNS", "109")
    assert "WHY" not in cli(*line, tty=True).out


def test_the_page_says_it_once(cli, world, make_message) -> None:
    world.messages["m1"] = make_message(deferred_ts=NEXT, tries=1, last_error="451 later")
    page = cli("my", "acme", "messages", "show", "m1", tty=True).out
    assert "why        1 try: 451 later" in page
    assert page.count("451 later") == 1
