from __future__ import annotations

import csv
import io
import time

import pytest

from mail_proxy.cli import message_page
from mail_proxy.domain.filters import STATUS_WORDS

CSV_HEADER = (
    "pk,id,tenant_id,tenant_name,account_id,status,priority,batch_code,from,to,subject,"
    "created_at,deferred_ts,smtp_ts,error_ts,error"
)


@pytest.fixture
def world(cli, make_message):
    found = cli.instance("my")
    for n in range(3):
        found.messages[f"m{n}"] = make_message(f"m{n}")
    found.messages["bad"] = make_message(
        "bad",
        status="error",
        error_ts=1_795_000_000,
        error="recipient refused: 550 5.1.1 \x1b[31munknown",
        recipients=[
            {"address": "no@example.com", "state": "refused", "code": 550, "reply": "550 5.1.1 no"}
        ],
    )
    return found


def test_messages_are_a_table_for_people(cli, world) -> None:
    table = cli("my", "acme", "messages", "list", "--color", "never", tty=True).out
    assert table.split()[:8] == ["ID", "PRI", "STATE", "ACCOUNT", "TO", "TRIES", "NEXT", "AGE"]
    assert "medium" in table


def test_a_long_id_is_never_cut(cli, world, make_message) -> None:
    long_id = "i" * 90
    world.messages[long_id] = make_message(long_id)
    assert long_id in cli("my", "acme", "messages", "list", tty=True).out


def test_status_account_and_batch_narrow_the_list(cli, world) -> None:
    line = ("my", "acme", "messages", "list", "--fields", "id")
    assert cli(*line, "--status", "error").out == "bad\n"
    assert len(cli(*line, "-s", "pending,error").out.splitlines()) == 4
    cli(*line, "-a", "main", "--batch", "b")
    assert world.last("listMessages")["account_id"] == "main"
    assert world.last("listMessages")["batch_code"] == "b"


@pytest.mark.parametrize("status", [*STATUS_WORDS, "failed", "in-doubt", "open,held"])
def test_every_status_of_the_wire_is_asked_for(cli, world, status) -> None:
    assert cli("my", "acme", "messages", "list", "--status", status).code == 0
    asked = world.last("listMessages").get("status")
    assert asked == (None if status == "all" else status)


def test_a_word_that_is_no_status_is_told_with_those_that_are(cli, world) -> None:
    told = cli("my", "acme", "messages", "list", "--status", "xyzzy")
    assert (told.code, told.out) == (2, "")
    assert "--status: there is no 'xyzzy'. There are: pending, deferred" in told.err
    near = cli("my", "acme", "messages", "list", "--status", "snet")
    assert "Did you mean 'sent'?" in near.err


def test_a_limit_is_kept_and_told(cli, world) -> None:
    ran = cli("my", "acme", "messages", "list", "-l", "2")
    assert len(ran.out.splitlines()) == 2
    assert "Only the first 2" in ran.err
    assert len(cli("my", "acme", "messages", "list", "-l", "0").out.splitlines()) == 4


def test_all_of_a_long_list_comes_in_pages(cli, world, make_message) -> None:
    world.messages = {f"m{n:04}": make_message(f"m{n:04}") for n in range(1500)}
    ran = cli("my", "acme", "messages", "list", "-l", "0", "--fields", "id")
    assert ran.out.splitlines() == sorted(world.messages)
    assert world.names().count("listMessages") == 2


def test_csv_has_the_columns_that_scripts_know(cli, world) -> None:
    for line in (["--csv"], ["--output", "csv"]):
        text = cli("my", "acme", "messages", "list", *line).out
        assert text.splitlines()[0] == CSV_HEADER
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[3]["smtp_ts"] == rows[3]["error_ts"] == "2026-11-18T11:06:40Z"
    assert rows[0]["from"] == "a@example.com"
    assert rows[0]["to"] == "bob@example.com"


def test_a_message_is_shown_with_replies_and_timeline(cli, world) -> None:
    world.events["bad"] = [
        {
            "event_id": "1",
            "event_type": "error",
            "event_ts": 1_795_000_000,
            "event_data": {"error": "550 5.1.1 no"},
        }
    ]
    world.messages["bad"]["request_id"] = "order-1742"
    page = cli("my", "acme", "messages", "show", "bad", tty=True).out
    assert "  request    order-1742\n" in page
    assert "✗ refused   no@example.com  550 5.1.1 no\n" in page
    assert "✗ error     550 5.1.1 no\n" in page
    assert "\x1b[31munknown" not in page
    document = cli("my", "acme", "messages", "show", "bad", "--json").json
    assert document["events"][0]["event_type"] == "error"
    assert document["events"][0]["event_ts"] == "2026-11-18T11:06:40Z"


def test_a_message_that_is_not_there_is_not_found(cli, world) -> None:
    ran = cli("my", "acme", "messages", "show", "nope")
    assert ran.code == 4
    assert "message 'nope' not found" in ran.err


def test_deleting_asks_and_can_be_done_partly(cli, world) -> None:
    line = ("my", "acme", "messages", "delete", "m0", "gone")
    assert cli(*line).code == 2
    assert cli(*line, "--dry-run").out == "would delete 1 of 2 messages\n"
    ran = cli(*line, "--force")
    assert (ran.code, ran.out) == (6, "Deleted 1 of 2\n")
    assert "gone" in ran.err
    assert cli("my", "acme", "messages", "delete", "gone", "-y").code == 4


def test_retry_asks_nothing(cli, world) -> None:
    ran = cli("my", "acme", "messages", "retry", "bad", "--json")
    assert (ran.code, ran.json) == (0, {"ok": True, "done": 1, "not_found": [], "not_possible": []})


@pytest.mark.parametrize(
    ("due_at", "shown"),
    [(1_795_280_400.0, "next 17:00:00"), (1_795_366_800.0, "next 2026-11-22 17:00:00 +0000")],
)
def test_a_next_try_of_the_same_day_is_told_without_it(
    monkeypatch, due_at: float, shown: str
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    try:
        line = message_page.event_line(
            {
                "event_type": "deferred",
                "event_ts": 1_795_276_800.0,
                "event_data": {"deferred_ts": due_at, "deferred_reason": "4.7.1 later"},
            }
        )
    finally:
        monkeypatch.undo()
        time.tzset()
    assert line == f"  2026-11-21 16:00:00 +0000  ◐ deferred  4.7.1 later  {shown}"


def test_cleanup_passes_its_age(cli, world) -> None:
    assert cli("my", "acme", "messages", "cleanup", "--older-than", "60", "-y").code == 0
    assert world.last("cleanupMessages") == {"tenant_id": "acme", "older_than_seconds": 60}
    cli("my", "acme", "messages", "cleanup", "-y")
    assert world.last("cleanupMessages") == {"tenant_id": "acme"}


def test_a_message_that_is_not_there_leads_to_the_list(cli) -> None:
    cli.instance("my")
    ran = cli("my", "acme", "messages", "show", "nope")
    assert ran.code == 4
    assert ran.err.endswith("not found\n  try: mail-proxy my acme messages list\n")
    assert "tenant 'nobody' does not exist" in cli("my", "nobody", "messages", "show", "m").err


def test_an_empty_list_says_what_to_do_next(cli) -> None:
    cli.instance("my")
    line = ("my", "acme", "messages", "list")
    assert (
        cli(*line).err
        == "No messages yet. Send one: mail-proxy my acme send --to you@example.com\n"
    )
    assert cli(*line, "--status", "sent").err == "No message matches.\n"


@pytest.mark.parametrize("verb", ["show", "delete", "check"])
def test_an_account_command_names_the_account_that_is_not_there(cli, verb: str) -> None:
    world = cli.instance("my")
    ran = cli("my", "acme", "accounts", verb, "mian")
    assert ran.code == 4
    assert ran.err == (
        "error: account 'mian' does not exist for tenant 'acme'. Did you mean 'main'?\n"
        "  try: mail-proxy my acme accounts list\n"
    )
    world.accounts.clear()
    assert cli("my", "acme", "accounts", verb, "x").err.endswith("my acme accounts add\n")


def test_messages_in_doubt_are_settled_by_one_of_two_words(cli, make_message) -> None:
    world = cli.instance("my")
    for name in ("a", "b"):
        world.messages[name] = make_message(name, status="in_doubt", state="in_doubt")
    ran = cli("my", "acme", "messages", "settle", "a", "--sent")
    assert (ran.code, ran.out) == (0, "Settled message 'a'\n")
    assert cli("my", "acme", "messages", "settle", "b", "--failed", "--json").json["done"] == 1
    assert [world.messages[name]["status"] for name in ("a", "b")] == ["sent", "error"]
    again = cli("my", "acme", "messages", "settle", "a", "--sent", "--json")
    assert (again.code, again.json["not_possible"][0]["id"]) == (7, "a")


@pytest.mark.parametrize("words", [(), ("--sent", "--failed")])
def test_a_doubt_is_settled_in_one_way(cli, words) -> None:
    cli.instance("my")
    ran = cli("my", "acme", "messages", "settle", "a", *words)
    assert ran.code == 2
    assert "say either --sent or --failed" in ran.err


def test_show_lists_the_attachments_with_size_type_and_source(cli, world, make_message) -> None:
    message = make_message("with")
    message["message"]["attachments"] = [
        {"filename": "a.png", "fetch_mode": "base64", "size_bytes": 2048, "mime_type": "image/png"},
        {"filename": "b.pdf", "fetch_mode": "http_url", "storage_path": "https://x.example/\x1bb"},
    ]
    world.messages["with"] = message
    page = cli("my", "acme", "messages", "show", "with", "--color", "never", tty=True).out
    lines = page[page.index("Attachments") : page.index("Timeline")].splitlines()
    assert lines[1].split() == ["a.png", "2.0", "kB", "image/png", "posted"]
    assert lines[2].startswith("  b.pdf  from https://x.example/")
    assert "\x1b" not in page
    assert '"filename": "a.png"' in cli("my", "acme", "messages", "show", "with", "--json").out
