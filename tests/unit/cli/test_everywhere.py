"""Options of every command, and a few ways of all: order, zone, steps, trying a stop, hints."""

from __future__ import annotations

import pytest

from mail_proxy.cli.narrated import sentence
from mail_proxy.control.told import ToldControl
from mail_proxy.domain.errors import NotFound


@pytest.fixture
def tenants(cli):
    world = cli.instance("my")
    rows = (("acme", "Zed", 3), ("beta", "Ann", 20), ("gamma", None, 100))
    world.tenants = {id_: {"id": id_, "name": n, "active": True, "n": k} for id_, n, k in rows}
    return cli


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ([], ["acme", "beta", "gamma"]),
        (["--reverse"], ["gamma", "beta", "acme"]),
        (["--sort", "name"], ["beta", "acme", "gamma"]),
        (["--sort=name", "--reverse"], ["acme", "beta", "gamma"]),
        (["--sort", "n", "--reverse"], ["gamma", "beta", "acme"]),
        (["--sort", "active"], ["acme", "beta", "gamma"]),
    ],
)
def test_a_list_is_sorted_by_a_column_what_is_absent_last(tenants, options, ids) -> None:
    lines = tenants("my", "tenants", "list", "--fields", "id", *options).out.splitlines()
    assert lines == ids
    documents = tenants("my", "tenants", "list", "--json", *options).json
    assert [each["id"] for each in documents] == ids


def test_a_column_that_is_not_there_is_named_with_those_that_are(tenants) -> None:
    ran = tenants("my", "tenants", "list", "--sort", "nosuch")
    assert ran.code == 2
    assert ran.err.startswith("error: --sort: there is no 'nosuch'. There are: active, ")
    assert tenants("--sort").err.startswith("error: --sort needs a value")


def test_messages_are_sorted_by_the_store_where_it_can(cli) -> None:
    world = cli.instance("my")
    row = {"status": "sent", "recipients": [], "priority": 2}
    world.messages = {id_: {"id": id_, "tries": n, **row} for id_, n in (("b", 1), ("a", 2))}
    assert cli("my", "acme", "messages", "list", "--sort", "age", "--reverse").code == 0
    asked = world.last("listMessages")
    assert (asked["order"], asked["reverse"]) == ("age", True)
    ran = cli("my", "acme", "messages", "list", "--sort", "id", "--reverse", "--fields", "id")
    assert ran.out == "b\na\n"
    assert "order" not in world.last("listMessages")
    cli("my", "acme", "messages", "list", "--reverse")
    assert world.last("listMessages")["reverse"] is True


def test_times_are_in_utc_on_demand(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        world = cli.instance("my")
        world.messages["1"] = {
            "id": "1", "status": "sent", "created_at": 1_795_000_000.0, "recipients": [],
        }  # fmt: skip
        assert "+0900" in cli("my", "acme", "messages", "show", "1", tty=True).out
        shown = cli("my", "acme", "messages", "show", "1", "--utc", tty=True).out
        assert "+0900" not in shown
        assert "2026-11-18 11:06:40 +0000" in shown
    finally:
        monkeypatch.undo()
        time.tzset()


def test_each_step_is_told_on_demand_without_its_values(cli) -> None:
    cli.instance("my")
    ran = cli("my", "tenants", "show", "acme", "-v", "--json")
    assert ran.json["id"] == "acme"
    assert ran.err.startswith("getTenant: ok, by the daemon, ")
    ran = cli("my", "tenants", "show", "acme", "--debug", "--color", "never")
    assert "getTenant (GET /tenant/{tenant_id}): ok" in ran.err
    assert cli("my", "tenants", "show", "acme").err == ""


def test_a_step_that_failed_is_told_with_its_code() -> None:
    class Failing:
        is_live = False

        def call(self, command: str, /, **fields: str) -> dict[str, object]:
            raise NotFound("there is none")

    told: list[str] = []
    control = ToldControl(Failing(), lambda asked: told.append(sentence(asked)), lambda: 0.0)
    with pytest.raises(NotFound):
        control.call("getTenant", tenant_id="secret")
    assert told == ["getTenant: not_found, in the database itself, no daemon runs, 0 ms"]


def test_a_stop_can_be_tried_without_stopping(cli) -> None:
    world = cli.instance("my")
    world.leased = 3
    ran = cli("stop", "my", "--dry-run")
    assert ran.out == "would stop 'my', with 3 sends in flight, which end first\n"
    ran = cli("restart", "my", "--dry-run", "--force", "--json")
    assert ran.json["would"].endswith(
        "3 sends in flight, without letting them end, and start it again"
    )
    assert cli.doors.running == {"my"}
    cli.doors.running.clear()
    assert cli("stop", "my", "--dry-run").out == "would stop nothing: 'my' is stopped\n"


def test_a_person_is_asked_before_a_stop_while_mail_is_on_the_wire(cli) -> None:
    world = cli.instance("my")
    world.leased = 2
    ran = cli("stop", "my", typed="n\n")
    assert ran.code == 130
    assert "2 sends are in flight; they end first." in ran.err
    assert cli.doors.running == {"my"}
    assert "may be sent twice" in cli("restart", "my", "--force", typed="n\n").err
    assert cli("stop", "my", "--yes", typed="").code == 0
    assert cli.doors.running == set()


def test_nobody_is_asked_before_a_stop_that_interrupts_nothing(cli) -> None:
    cli.instance("my")
    assert cli("stop", "my", typed="").code == 0
    world = cli.instance("other")
    world.leased = 2
    assert cli("stop", "other").code == 0  # a script has nobody to ask, and nothing is lost


def test_logs_have_columns_for_programs(cli) -> None:
    cli.instance("my")
    line = "2026-11-21T12:04:31.000Z INFO daemon_started name=my"
    (cli.root / "my" / "daemon.log").write_text(f"{line}\n")
    assert cli("my", "logs").out == f"{line}\n"
    told = cli("my", "logs", "--output", "csv").out.splitlines()
    assert told == ["time,level,line", f"2026-11-21T12:04:31.000Z,INFO,{line}"]
    assert cli("my", "logs", "--fields", "level").out == "INFO\n"


def test_a_filter_that_cannot_be_read_leads_to_its_page(cli) -> None:
    from mail_proxy.domain.filter_text import parse_filter

    world = cli.instance("my")
    try:
        parse_filter("stat:x")
    except Exception as error:  # noqa: BLE001 - whatever it is, the daemon says it
        world.fails_with = error
    ran = cli("my", "acme", "messages", "list", "--filter", "stat:x")
    assert ran.err.endswith("\n  try: mail-proxy help filters\n")


def test_what_to_type_next_follows_what_was_meant(cli) -> None:
    assert cli("myserver").err.endswith(
        "Did you mean 'serve'?\n  try: mail-proxy serve --help\n  try: mail-proxy start myserver\n"
    )
    assert cli("strat").err.endswith("  try: mail-proxy start --help\n")
    cli.instance("my")
    assert cli("my", "stat", "list").err.endswith("  try: mail-proxy my --help\n")
