"""`NAME command-log ...`"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

AT = 1_700_000_000


def line(n: int) -> dict[str, Any]:
    return {
        "id": str(n),
        "command_ts": AT + n,
        "endpoint": "/tenant",
        "tenant_id": f"t{n}",
        "caller": "admin",
        "payload": {"id": f"t{n}", "name": "a\x1b]0;b"},
        "response_status": 200,
    }


@pytest.fixture
def world(cli):
    world = cli.instance("my")
    world.log = [line(n) for n in range(5)]
    return world


def test_changes_are_listed_latest_first(cli, world) -> None:
    ran = cli("my", "command-log", "list", "--limit", "2", tty=True)
    assert ran.code == 0
    assert ran.out.index("t4") < ran.out.index("t3")
    assert "\x1b]" not in ran.out
    assert "command-log export" in ran.err


def test_what_is_asked_for_is_passed_on(cli, world) -> None:
    words = ["--tenant", "t1", "--since", "2023-11-14T00:00Z", "--until", str(AT), "-e", "/ten"]
    ran = cli("my", "command-log", "list", *words, "--json")
    assert [each["id"] for each in ran.json] == ["4", "3", "2", "1", "0"]
    assert world.last("listCommands") == {
        "tenant_id": "t1",
        "since_ts": 1_699_920_000.0,
        "until_ts": float(AT),
        "endpoint_filter": "/ten",
        "limit": 50,
    }


def test_a_time_that_is_none_is_wrong_usage(cli, world) -> None:
    ran = cli("my", "command-log", "list", "--since", "yesterday-ish")
    assert ran.code == 2
    assert "--since: a time such as 2h" in ran.err


def test_an_export_has_all_pages_a_line_each(cli, world) -> None:
    ran = cli("my", "command-log", "export")
    assert [json.loads(text)["tenant_id"] for text in ran.out.splitlines()] == [
        f"t{n}" for n in range(5)
    ]


def test_an_export_may_be_one_array(cli, world) -> None:
    assert len(cli("my", "command-log", "export", "--json").json) == 5


def test_an_export_to_a_file_is_for_its_owner_alone(cli, world, tmp_path: Path) -> None:
    path = tmp_path / "changes.jsonl"
    path.write_text("old")
    ran = cli("my", "command-log", "export", "--output", str(path))
    assert (ran.code, ran.out) == (0, "")
    assert "5 changes are in" in ran.err
    assert len(path.read_text().splitlines()) == 5
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_written_is_told(cli, world, tmp_path: Path) -> None:
    ran = cli("my", "command-log", "export", "-o", str(tmp_path / "absent" / "x.jsonl"))
    assert ran.code == 1
    assert "cannot write" in ran.err
    assert "No such file" in ran.err


def test_an_export_that_fails_leaves_the_old_file(cli, world, tmp_path: Path) -> None:
    path = tmp_path / "changes.jsonl"
    path.write_text("old")
    world.fails_with = RuntimeError("gone")
    assert cli("my", "command-log", "export", "-o", str(path)).code == 1
    assert path.read_text() == "old"


def test_a_purge_asks_and_goes_on_to_the_end(cli, world) -> None:
    ran = cli("my", "command-log", "purge", "--before", str(AT + 4), typed="y\n")
    assert ran.code == 0
    assert "Removed 4 lines" in ran.out
    assert [each["id"] for each in world.log] == ["4"]


def test_a_purge_that_nobody_can_agree_to_changes_nothing(cli, world) -> None:
    ran = cli("my", "command-log", "purge", "--before", "1d")
    assert ran.code == 2
    assert "--yes" in ran.err
    assert "purgeCommands" not in world.names()


def test_a_purge_may_be_tried_dry(cli, world) -> None:
    ran = cli("my", "command-log", "purge", "--before", "1d", "--dry-run", "--json")
    assert ran.json["dry_run"] is True
    assert "purgeCommands" not in world.names()


def test_a_purge_needs_a_time(cli, world) -> None:
    ran = cli("my", "command-log", "purge", "--force")
    assert ran.code == 2
    assert "--before" in ran.err
