"""`doctor`: each check says PASS, WARN or FAIL, and what to do."""

from __future__ import annotations

import os
import socket
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mail_proxy import __version__
from mail_proxy.cli import doctor_daemon, doctor_files
from mail_proxy.cli.doctor_network import network_findings
from mail_proxy.cli.doors import Daemon, DaemonState
from mail_proxy.cli.finding import Level
from mail_proxy.domain.errors import NotRunning

NOW = 1_795_000_000.0


@pytest.fixture
def folder(cli) -> Path:
    world = cli.instance("my", running=False)
    world.version = __version__
    folder = cli.root / "my"
    for path in (cli.root, folder):
        path.chmod(0o700)
    (folder / "config.toml").chmod(0o600)
    database = folder / "mail_service.db"
    with sqlite3.connect(database) as db:
        db.execute("CREATE TABLE t (x)")
    db.close()
    database.chmod(0o600)
    return folder


def of(ran: Any) -> dict[str, dict[str, Any]]:
    return {check["check"]: check for check in ran.json["checks"]}


def test_a_stopped_instance_in_order_has_one_warning(cli, folder: Path) -> None:
    ran = cli("doctor", "my", "--json")
    told = of(ran)
    assert {name: c for name, c in told.items() if c["result"] == "FAIL"} == {}
    assert told["daemon"]["result"] == "WARN"
    assert told["daemon"]["fix"] == "mail-proxy start my"
    assert (ran.code, ran.json["ok"]) == (0, True)
    assert cli.doors.worlds["my"].last("checkNetwork") == {"login": False}


def test_people_read_a_line_a_check_and_a_fix(cli, folder: Path) -> None:
    folder.chmod(0o755)
    ran = cli("doctor", "my", "--color", "never", tty=True)
    assert ran.code == 1
    assert "FAIL  rights " in ran.out
    assert f"      fix: chmod 700 {folder}" in ran.out
    assert "failed 1" in ran.err


@pytest.mark.parametrize("name", ["config.toml", "mail_service.db"])
def test_a_file_that_others_can_read_fails(cli, folder: Path, name: str) -> None:
    (folder / name).chmod(0o644)
    told = of(cli("doctor", "my", "--json"))
    assert told["rights"]["result"] == "FAIL"
    assert told["rights"]["fix"] == f"chmod 600 {folder / name}"


def test_a_home_that_is_open_fails(cli, folder: Path) -> None:
    cli.root.chmod(0o750)
    assert of(cli("doctor", "--json"))["home"]["fix"] == f"chmod 700 {cli.root}"


def test_settings_that_a_start_would_refuse_fail_and_the_files_are_looked_at(
    cli, folder: Path
) -> None:
    (folder / "config.toml").write_text("port = 'x'\n")
    ran = cli("doctor", "my", "--json")
    told = of(ran)
    assert ran.code == 1
    assert told["config"]["result"] == "FAIL"
    assert told["database"]["result"] == "PASS"


def test_a_damaged_database_fails(cli, folder: Path) -> None:
    (folder / "mail_service.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    told = of(cli("doctor", "my", "--json"))
    assert told["database"]["result"] == "FAIL"
    assert "restore" in told["database"]["fix"]


def test_an_instance_that_was_never_started_stays_without_a_database(cli, folder: Path) -> None:
    (folder / "mail_service.db").unlink()
    told = of(cli("doctor", "my", "--json"))
    assert told["database"]["result"] == "WARN"
    assert not (folder / "mail_service.db").exists()


def test_a_store_that_cannot_be_asked_fails_and_the_rest_is_told(cli, folder: Path) -> None:
    cli.doors.worlds["my"].fails_with = NotRunning("it hangs", hint="mail-proxy my logs")
    told = of(cli("doctor", "my", "--json"))
    assert (told["store"]["text"], told["store"]["fix"]) == ("it hangs", "mail-proxy my logs")
    assert "disk" in told


def test_a_dead_daemon_fails(cli, folder: Path) -> None:
    cli.doors.dead.add("my")
    assert of(cli("doctor", "my", "--json"))["daemon"]["result"] == "FAIL"


def test_what_is_suspended_is_a_warning(cli, folder: Path) -> None:
    cli.doors.worlds["my"].is_suspended = True
    assert of(cli("doctor", "my", "--json"))["sending"]["fix"] == "mail-proxy my activate"


def test_another_version_is_a_warning(cli, folder: Path) -> None:
    cli.doors.worlds["my"].version = "0.0.1"
    assert of(cli("doctor", "my", "--json"))["version"]["fix"] == "mail-proxy restart my"


def test_an_absent_instance_is_not_found(cli, folder: Path) -> None:
    assert cli("doctor", "mi").code == 4


# --- single checks ---


def test_a_file_from_the_future_tells_of_a_clock_that_was_set_back(cli, folder: Path) -> None:
    from mail_proxy.config.instances import Instance

    database = folder / "mail_service.db"
    os.utime(database, (NOW + 3600, NOW + 3600))
    instance = Instance("my", folder)
    assert doctor_files.check_clock(instance, database, NOW).level is Level.WARN
    assert doctor_files.check_clock(instance, database, NOW + 7200).level is Level.PASS


def test_little_room_is_told_by_how_little(tmp_path: Path, monkeypatch) -> None:
    for free, level in ((10**6, Level.FAIL), (5 * 10**8, Level.WARN), (10**10, Level.PASS)):
        usage = type("Usage", (), {"free": free})
        monkeypatch.setattr(doctor_files.shutil, "disk_usage", lambda _, usage=usage: usage)
        assert doctor_files.check_disk(tmp_path).level is level


def test_a_long_wal_is_a_warning(tmp_path: Path) -> None:
    database = tmp_path / "mail_service.db"
    assert doctor_files.check_wal("my", database).level is Level.PASS
    with (tmp_path / "mail_service.db-wal").open("wb") as wal:
        wal.truncate(2**30)
    assert doctor_files.check_wal("my", database).level is Level.WARN


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_is_free_or_ours(taken: int, settings_at) -> None:
    settings = settings_at(taken)
    stopped = Daemon(DaemonState.STOPPED)
    running = Daemon(DaemonState.RUNNING, 1, host="0.0.0.0", port=taken)
    assert doctor_daemon.check_port("my", stopped, settings).level is Level.FAIL
    assert doctor_daemon.check_port("my", running, settings).level is Level.PASS
    gone = Daemon(DaemonState.RUNNING, 1, host="127.0.0.1", port=1)
    assert doctor_daemon.check_port("my", gone, settings).level is Level.FAIL
    assert doctor_daemon.check_port("my", stopped, settings_at(None)).level is Level.PASS


@pytest.fixture
def settings_at(tmp_path: Path):
    from mail_proxy.config.settings import HttpSettings, Settings

    def at(port: int | None) -> Settings:
        http = HttpSettings(port=port)
        return Settings(name="my", state_dir=tmp_path, database=str(tmp_path / "db"), http=http)

    return at


GOOD = {
    "tenant_id": "acme",
    "account_id": "main",
    "host": "smtp.example.com",
    "port": 587,
    "ok": True,
    "tls_version": "TLSv1.3",
    "offers_starttls": True,
    "certificate_expires_at": NOW + 90 * 86400,
    "login": "none",
}
IN_CLEAR = {k: v for k, v in GOOD.items() if k not in ("tls_version", "certificate_expires_at")}


@pytest.mark.parametrize(
    ("account", "level", "words"),
    [
        (GOOD, Level.PASS, "good for 90 days"),
        (GOOD | {"certificate_expires_at": NOW + 86400}, Level.WARN, "good for 1 days"),
        (IN_CLEAR, Level.WARN, "not used"),
        (IN_CLEAR | {"offers_starttls": False}, Level.PASS, "in clear"),
        (GOOD | {"ok": False, "error": "no \x1b[31mroute"}, Level.FAIL, "route"),
        (GOOD | {"login": "accepted"}, Level.PASS, "login accepted"),
    ],
)
def test_an_account_is_told_as_it_is(account, level, words) -> None:
    told = {"accounts": [account], "callbacks": [], "unchecked": 0}
    [finding] = network_findings("my", told, NOW)
    assert (finding.check, finding.level) == ("account acme/main", level)
    assert words in finding.text
    assert "\x1b" not in finding.text
    assert bool(finding.fix) == (level is not Level.PASS)


def test_callbacks_and_what_was_not_tried_are_told() -> None:
    url = "https://app.example.com"
    good = {"tenant_id": "acme", "url": url, "ok": True}
    bad = {"tenant_id": "bravo", "url": url, "ok": False, "error": "no answer"}
    told = {"accounts": [], "callbacks": [good, bad], "unchecked": 3}
    levels = [finding.level for finding in network_findings("my", told, NOW)]
    assert levels == [Level.PASS, Level.FAIL, Level.WARN]


def test_completion_and_manual_are_installed_and_of_this_version(
    cli, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "none"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "man").write_text("")
    (tmp_path / "bin" / "man").chmod(0o700)
    data = tmp_path / "data"
    cli.environ |= {
        "SHELL": "/bin/fish",
        "XDG_DATA_HOME": str(data),
        "XDG_DATA_DIRS": str(tmp_path / "none"),
        "PATH": str(tmp_path / "bin"),
    }
    told = of(cli("doctor", "--json"))
    assert {told[name]["result"] for name in ("completion", "manual")} == {"WARN"}
    assert told["completion"]["fix"] == told["manual"]["fix"] == "mail-proxy completion install"

    cli("completion", "install")
    told = of(cli("doctor", "--json"))
    assert {told[name]["result"] for name in ("completion", "manual")} == {"PASS"}

    for name in ("fish/vendor_completions.d/mail-proxy.fish", "man/man1/mail-proxy.1"):
        (data / name).write_text("of an older one")
        told = of(cli("doctor", "--json"))
    assert "another version" in told["completion"]["text"]
    assert "another version" in told["manual"]["text"]


def test_completion_and_manual_are_not_missed_where_nothing_reads_them(cli, folder: Path) -> None:
    cli.environ |= {"SHELL": "/bin/tcsh", "PATH": ""}
    told = of(cli("doctor", "--json"))
    assert {told[name]["result"] for name in ("completion", "manual")} == {"PASS"}
