"""Changing many messages by a filter: counted, asked for, done in parts."""

from __future__ import annotations

import pytest

from mail_proxy.cli import many


@pytest.fixture
def world(cli, make_message):
    found = cli.instance("my")
    for n in range(5):
        found.messages[f"m{n}"] = make_message(f"m{n}")
    found.messages["old"] = make_message("old", status="sent")
    return found


LINE = ("my", "acme", "messages")


def test_what_a_filter_finds_is_counted_before_anybody_is_asked(cli, world) -> None:
    ran = cli(*LINE, "hold", "--filter", "state:all", tty=True, typed="n\n")
    assert ran.code == 130
    assert "Hold 5 of 6 messages that match 'state:all'? [y/N]" in ran.err
    assert world.messages["m0"]["status"] == "pending"
    assert [fields.get("dry_run") for _, fields in world.calls] == [True]


def test_it_is_done_in_parts(cli, world, monkeypatch) -> None:
    monkeypatch.setattr(many, "PART", 2)
    ran = cli(*LINE, "hold", "--filter", "state:all", "--yes")
    assert (ran.code, ran.out) == (6, "Held 5 of 6\n")
    assert ran.err == (
        "  old: already sent\nTo let go:  mail-proxy my acme messages free --filter state:held\n"
    )
    assert [fields.get("cursor") for _, fields in world.calls] == [None, "2", "4"]
    assert world.open_controls == 0


def test_nobody_to_ask_names_the_option(cli, world) -> None:
    ran = cli(*LINE, "free", "--filter", "state:all")
    assert ran.code == 7
    ran = cli(*LINE, "hold", "--filter", "state:pending")
    assert ran.code == 2
    assert "--yes" in ran.err


def test_nothing_that_matches_is_no_failure(cli, world) -> None:
    for more in ((), ("--yes",)):
        ran = cli(*LINE, "free", "--filter", "state:held", *more)
        assert (ran.code, ran.out) == (0, "No message matches\n")


def test_a_dry_run_counts_and_changes_nothing(cli, world) -> None:
    ran = cli(*LINE, "delete", "--filter", "state:all", "--dry-run")
    assert (ran.code, ran.out) == (0, "would delete 6 messages\n")
    assert len(world.messages) == 6
    document = cli(*LINE, "hold", "--filter", "state:all", "--dry-run", "--json").json
    assert (document["dry_run"], document["done"]) == (True, 5)
    assert document["not_possible"][0]["id"] == "old"


def test_single_messages_are_held_and_freed_without_a_question(cli, world) -> None:
    assert cli(*LINE, "hold", "m0", "m1").out == "Held 2 of 2\n"
    assert cli(*LINE, "free", "m0").out == "Freed message 'm0'\n"
    ran = cli(*LINE, "hold", "old", "--json")
    assert (ran.code, ran.json["ok"], ran.json["exit_code"]) == (7, False, 7)


def test_resending_tells_the_new_id(cli, world) -> None:
    assert cli(*LINE, "resend", "old", "--refused").out == "Resent message 'old', as 'old-r1'\n"
    assert world.last("resendMessages")["recipients"] == "refused"
    assert cli(*LINE, "resend", "old", "--id", "mine").out == "Resent message 'old', as 'mine'\n"


@pytest.mark.parametrize("verb", ["retry", "free"])
def test_what_goes_now_is_told_with_the_command_to_watch_it(cli, world, verb) -> None:
    world.messages["a b"] = world.messages.pop("m0") | {
        "status": "held",
        "do": "mail-proxy start my",
    }
    world.messages["a b"]["why"] = "its instance is not running"
    ran = cli(*LINE, verb, "a b")
    assert ran.err == (
        "Now:        its instance is not running\n"
        "Next:       mail-proxy start my\n"
        "To watch:   mail-proxy my acme messages show 'a b'\n"
    )
    many_at_once = cli(*LINE, "retry", "m1", "m2")
    assert many_at_once.out == "Retried 2 of 2\n"
    assert many_at_once.err.endswith("messages list --status pending,deferred\n")
    assert cli(*LINE, "retry", "m1", "-q").err == ""


def test_one_message_is_named(cli, world) -> None:
    held = cli(*LINE, "hold", "m1")
    assert held.out == "Held message 'm1'\n"
    assert held.err == "To let go:  mail-proxy my acme messages free m1\n"
    assert cli(*LINE, "delete", "m2", "--yes").out == "Deleted message 'm2'\n"


@pytest.mark.parametrize("words", [(), ("m1", "--filter", "state:all")])
@pytest.mark.parametrize("verb", ["hold", "free", "retry", "resend", "delete"])
def test_either_ids_or_a_filter_is_given(cli, world, verb, words) -> None:
    ran = cli(*LINE, verb, *words)
    assert ran.code == 2
    assert f"{verb}: name messages, or give --filter" in ran.err


def test_long_work_shows_how_far_it_is(cli, world, monkeypatch) -> None:
    monkeypatch.setattr(many, "PART", 2)
    monkeypatch.setattr(many, "PATIENCE_S", -1.0)
    ran = cli(*LINE, "hold", "--filter", "state:all", "--yes", tty=True, typed="")
    assert "\rheld 2\rheld 4\rheld 6\r      \r" in ran.err
    quiet = cli(*LINE, "free", "--filter", "state:all", "--yes", "-q", tty=True, typed="")
    assert "freed" not in quiet.err
