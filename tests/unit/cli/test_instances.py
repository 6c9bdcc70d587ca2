"""list, status, start, stop, restart, delete, serve, logs."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from mail_proxy.config.lock import DatabaseLock
from mail_proxy.domain.errors import ConfigurationError, NotRunning, StoreError
from mail_proxy.observe.lines import iso_utc


def test_without_a_word_the_instances_and_what_to_do_next_are_shown(cli) -> None:
    cli.instance("my")
    ran = cli()
    assert ran.code == 0
    assert ran.out.startswith("my\trunning\t4242\t")
    assert "mail-proxy my top" in ran.err
    assert "start myserver" not in ran.err


def test_without_an_instance_it_is_told_how_to_make_one(cli) -> None:
    ran = cli()
    assert "mail-proxy start myserver" in ran.err
    assert "mail-proxy myserver tenants add acme" in ran.err


def test_an_empty_list_is_said_on_stderr(cli) -> None:
    ran = cli("list")
    assert (ran.code, ran.out) == (0, "")
    assert "There is no instance yet" in ran.err


def test_the_list_is_sorted_and_has_json(cli) -> None:
    cli.instance("b", running=False)
    cli.instance("a")
    assert [(i["name"], i["state"]) for i in cli("list", "--json").json] == [
        ("a", "running"),
        ("b", "stopped"),
    ]


def test_the_home_option_moves_everything(cli, tmp_path: Path) -> None:
    cli.instance("my")
    assert cli("--home", str(tmp_path / "other"), "list").out == ""


# --- status ---


def test_status_exits_as_init_scripts_do(cli) -> None:
    cli.instance("up")
    cli.instance("down", running=False)
    cli.instance("gone", running=False)
    cli.doors.dead.add("gone")
    assert [cli("status", name).code for name in ("up", "down", "gone", "none")] == [0, 3, 1, 4]


def test_what_to_do_with_a_dead_one_is_told(cli) -> None:
    cli.instance("down", running=False)
    cli.instance("gone", running=False)
    cli.doors.dead.add("gone")
    for line in (("list",), ("status",), ("status", "gone"), ()):
        told = cli(*line).err
        assert "mail-proxy start gone" in told
        assert "mail-proxy gone logs" in told
        assert "mail-proxy start down" not in told


def test_status_of_all_is_zero_only_when_all_run(cli) -> None:
    cli.instance("up")
    assert cli("status").code == 0
    cli.instance("down", running=False)
    assert cli("status").code == 3


# --- start ---


def test_start_of_an_unknown_name_makes_it_and_says_so_first(cli) -> None:
    ran = cli("start", "my")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "Created new instance 'my'",
        "'my' is running: pid 4242, http://127.0.0.1:8000",
        "Admin token: mp_first",
    ]
    assert "mail-proxy my tenants add acme" in ran.err


def test_start_near_an_old_name_tells_of_it(cli) -> None:
    cli.instance("myserver")
    assert "There is also 'myserver'" in cli("start", "myservr").err


def test_start_of_a_running_one_says_so_and_is_fine(cli) -> None:
    cli.instance("my")
    ran = cli("start", "my")
    assert ran.code == 0
    assert "'my' is already running" in ran.out
    assert "token" not in ran.out.lower()


def test_start_tells_programs_the_same(cli) -> None:
    document = cli("start", "my", "--json", "--port", "8025").json
    assert document == {
        "ok": True,
        "name": "my",
        "created": True,
        "was_running": False,
        "pid": 4242,
        "url": "http://127.0.0.1:8025",
        "token": "mp_first",
    }


def test_a_start_that_ends_without_a_reason_shows_its_log_and_exits_1(cli) -> None:
    cli.instance("my", running=False)
    (cli.root / "my" / "daemon.log").write_text("from the day before\n")
    cli.doors.start_fails_with = NotRunning("it ended\n  tail", hint="look")
    ran = cli("start", "my")
    assert ran.code == 1
    assert ran.err == (
        "  log: boom one\n  log: boom two\nerror: 'my' did not start: it ended\n  try: look\n"
    )


def test_a_failed_start_that_has_a_reason_tells_it_once(cli) -> None:
    cli.instance("my", running=False)
    cli.doors.start_fails_with = ConfigurationError("port 80 is taken", hint="use --port")
    ran = cli("start", "my")
    assert ran.code == 1
    assert ran.err == "error: 'my' did not start: port 80 is taken\n  try: use --port\n"


@pytest.mark.parametrize("name", ["My", "-x", "list", "a" * 32, "a.b"])
def test_a_name_that_cannot_be_one_makes_nothing(cli, name: str) -> None:
    assert cli("start", "--", name).code == 2
    assert not cli.root.exists()


def test_start_in_front_becomes_the_daemon(cli) -> None:
    cli.instance("my", running=False)
    cli("start", "my", "--foreground")
    command, environ = cli.doors.became
    assert command[-1] == "my"
    assert environ["MAIL_PROXY_HOME"] == str(cli.root)
    assert "--new" not in command


def test_a_daemon_in_front_knows_that_its_instance_was_made_for_it(cli) -> None:
    cli("start", "my", "--foreground")
    assert "--new" in cli.doors.became[0]


def test_serve_becomes_the_daemon_with_the_options_as_environment(cli) -> None:
    cli("serve", "--port", "9000")
    command, environ = cli.doors.became
    assert command[-1] == "--serve"
    assert environ["GMP_PORT"] == "9000"


# --- stop, restart ---


def test_stop_waits_and_tells_how_to_force_it(cli) -> None:
    cli.instance("my")
    cli.doors.stop_takes_s = (0.1, 5.2, 6.0, 11.0)
    ran = cli("stop", "my")
    assert (ran.code, ran.out) == (0, "'my' is stopped\n")
    assert ran.err.count("waiting for 0 sends in flight to end") == 2
    assert "mail-proxy stop my --force" in ran.err


def test_stop_of_a_stopped_one_is_fine(cli) -> None:
    cli.instance("my", running=False)
    ran = cli("stop", "my")
    assert (ran.code, ran.out) == (0, "'my' was not running\n")


def test_stop_with_force_does_not_wait(cli) -> None:
    cli.instance("my")
    cli("stop", "my", "-f")
    assert cli.doors.stopped_with_force is True


def test_restart_stops_and_starts(cli) -> None:
    cli.instance("my")
    ran = cli("restart", "my")
    assert ran.code == 0
    assert cli.doors.stopped_with_force is False
    assert "my" in cli.doors.running


# --- delete ---


def test_delete_wants_the_name(cli) -> None:
    cli.instance("my")
    ran = cli("delete", "my")
    assert ran.code == 2
    assert "--confirm my" in ran.err
    assert (cli.root / "my").exists()


def test_delete_stops_it_and_takes_all_away(cli) -> None:
    cli.instance("my")
    assert cli("delete", "my", "--confirm", "my").code == 0
    assert list(cli.root.iterdir()) == []
    assert cli.doors.running == set()


def test_delete_by_the_name_typed(cli) -> None:
    cli.instance("my")
    ran = cli("delete", "my", typed="no\n")
    assert ran.code == 130
    assert ran.err.endswith("Cancelled, nothing was changed.\n")
    assert cli("delete", "my", typed="my\n").code == 0


def test_a_dry_run_of_delete_deletes_nothing(cli, make_message) -> None:
    world = cli.instance("my")
    world.messages["m1"] = make_message()
    (cli.root / "my" / "mail_service.db").touch()
    ran = cli("delete", "my", "--dry-run")
    assert "would delete 'my'" in ran.out
    assert "(running) with its folder" in ran.out
    assert "1 message waits in it" in ran.out
    assert (cli.root / "my").exists()


def test_delete_refuses_while_another_process_has_the_database(cli) -> None:
    cli.instance("my", running=False)
    with DatabaseLock(cli.root / "my" / "mail_service.db").acquire("test"):
        ran = cli("delete", "my", "--force")
    assert ran.code == 7
    assert (cli.root / "my").exists()


def test_a_broken_instance_can_be_deleted(cli) -> None:
    world = cli.instance("my", running=False)
    (cli.root / "my" / "mail_service.db").touch()
    world.fails_with = StoreError("no such table")
    assert cli("delete", "my", "--force").code == 0


# --- logs ---


def test_logs_are_the_last_lines_without_controls(cli) -> None:
    cli.instance("my")
    lines = [f"line {n}" for n in range(5000)] + ["\x1b]0;evil\x07 last"]
    (cli.root / "my" / "daemon.log").write_text("\n".join(lines) + "\n")
    assert cli("my", "logs", "-n", "2").out == "line 4999\n]0;evil last\n"
    assert len(cli("my", "logs").out.splitlines()) == 100
    assert len(cli("my", "logs", "-n", "9999").out.splitlines()) == 5001
    assert cli("my", "logs", "-n", "0").out == ""


def log_line(seconds_ago: float, level: str) -> str:
    return f"{iso_utc(time.time() - seconds_ago)} {level} something n={seconds_ago}"


def test_logs_are_chosen_by_level_and_time(cli) -> None:
    cli.instance("my")
    lines = [log_line(7200, "ERROR"), log_line(300, "INFO"), log_line(60, "WARNING")]
    (cli.root / "my" / "daemon.log").write_text("\n".join(lines) + "\n")
    assert cli("my", "logs", "--level", "warn").out.splitlines() == [lines[0], lines[2]]
    assert cli("my", "logs", "--level", "ERROR").out.splitlines() == [lines[0]]
    assert cli("my", "logs", "--since", "10m").out.splitlines() == lines[1:]
    assert cli("my", "logs", "--since", "10m", "-n", "1").out.splitlines() == lines[2:]
    assert cli("my", "logs", "--since", "2000-01-01").out.splitlines() == lines


def test_logs_refuse_what_is_no_time_and_no_level(cli) -> None:
    cli.instance("my")
    assert cli("my", "logs", "--since", "yesterday").code == 2
    assert cli("my", "logs", "--level", "loud").code == 2


def test_logs_since_a_time_are_not_cut_to_a_hundred(cli) -> None:
    cli.instance("my")
    lines = [log_line(60 - n / 10, "INFO") for n in range(300)]
    (cli.root / "my" / "daemon.log").write_text("\n".join(lines) + "\n")
    assert len(cli("my", "logs").out.splitlines()) == 100
    assert len(cli("my", "logs", "--since", "2m").out.splitlines()) == 300


def test_logs_of_one_that_never_ran_say_so(cli) -> None:
    cli.instance("my")
    ran = cli("my", "logs")
    assert (ran.code, ran.out) == (0, "")
    assert "no log yet" in ran.err


# --- the rest ---


def test_a_name_alone_shows_a_short_status_and_the_commands(cli) -> None:
    cli.instance("my", running=False)
    ran = cli("my")
    assert ran.code == 0
    assert ran.out.startswith("'my' is stopped\n0 pending, 1 234 sent, 2 failed\n")
    assert "Tenants and accounts: tenants, " in ran.out
    assert "mail-proxy start my" in ran.err


def test_a_short_status_works_with_a_broken_store(cli) -> None:
    world = cli.instance("my", running=False)
    world.fails_with = StoreError("the database is broken")
    ran = cli("my")
    assert ran.code == 0
    assert "warning: the queue cannot be read: the database is broken" in ran.err


def test_paths_are_told_without_opening_anything(cli) -> None:
    world = cli.instance("my")
    paths = cli("my", "info", "--paths", "--json").json
    assert paths["database"] == str(cli.root / "my" / "mail_service.db")
    assert world.calls == []


def test_info_joins_the_folder_and_the_instance(cli) -> None:
    cli.instance("my")
    document = cli("my", "info", "--json").json
    assert document["state"] == "running"
    assert document["bounce_enabled"] is False
    assert document["started_at"].endswith("Z")


def test_stats_are_a_table_for_people_and_json_for_programs(cli) -> None:
    cli.instance("my")
    table = cli("my", "stats", tty=True).out
    assert "PRIORITY" in table
    assert "1 234" in table
    assert "·" in table
    assert cli("my", "stats", "--json").json["messages"]["sent"] == 1234


def test_the_token_stands_alone_on_stdout(cli) -> None:
    cli.instance("my")
    assert cli("my", "token").out == "mp_first\n"


def test_a_new_token_is_asked_for(cli) -> None:
    world = cli.instance("my")
    assert cli("my", "token", "-r").code == 2
    assert cli("my", "token", "-r", "--dry-run").code == 0
    assert world.token == "mp_first"
    ran = cli("my", "token", "-r", "--yes")
    assert ran.out == "mp_second\n"


def test_suspend_asks_and_activate_does_not(cli) -> None:
    world = cli.instance("my")
    assert cli("my", "suspend").code == 2
    assert "suspend" not in world.names()
    assert cli("my", "suspend", "-y").code == 0
    assert cli("my", "activate").code == 0
    assert world.last("suspend") == {}


def test_run_now_says_when_nobody_runs(cli) -> None:
    world = cli.instance("my")
    assert cli("my", "run-now").out == "The queue is looked at now\n"
    world.is_suspended = True
    assert "is suspended. Let it go on: mail-proxy my activate" in cli("my", "run-now").err
    world.is_live = False
    assert "not running: nothing is sent" in cli("my", "acme", "run-now").out
    assert world.last("runNow") == {"tenant_id": "acme"}


def test_every_control_is_closed_again(cli) -> None:
    world = cli.instance("my")
    for line in (["my"], ["my", "stats"], ["my", "acme"], ["my", "nobody", "info"]):
        cli(*line)
    assert world.open_controls == 0


def test_version_has_json(cli) -> None:
    assert cli("version").out.startswith("mail-proxy ")
    assert cli("--version").out == cli("version").out
    assert set(json.loads(cli("version", "--json").out)) == {"ok", "version", "python"}
