"""--json is exactly one document on stdout, of every command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

LINES: dict[str, dict[str, Any]] = {
    "my suspend -y": {"ok": True, "name": "my", "suspended": True, "pending_messages": 3},
    "my activate": {"ok": True, "suspended": False, "was_suspended": False},
    "my run-now": {"ok": True, "triggered": True},
    "my acme suspend -y": {"ok": True, "suspended_batches": ["*"]},
    "my acme suspend --batch b -y": {"ok": True, "batch_code": "b"},
    "my acme activate": {"ok": True, "was_suspended": False},
    "my acme run-now": {"ok": True, "tenant_id": "acme", "triggered": True},
    "my tenants add fresh": {"ok": True, "id": "fresh", "api_key": "mp_tenant_key"},
    "my tenants update acme --name X": {"ok": True, "id": "acme", "changed": ["name"]},
    "my tenants delete acme --force": {"ok": True, "id": "acme", "deleted": True},
    "my acme messages delete m1 -y": {"ok": True, "done": 1},
    "my acme messages retry m1": {"ok": True, "done": 1},
    "my acme messages cleanup -y": {"ok": True, "removed": 7},
    "my acme key -r -y": {"ok": True, "id": "acme", "api_key": "mp_new_key"},
    "my token": {"ok": True, "token": "mp_first"},
    "my token -r -y": {"ok": True, "token": "mp_second"},
    "delete my --confirm my": {"ok": True, "name": "my", "deleted": True},
    "version": {"ok": True},
    "my": {"name": "my", "suspended": False, "pending": 1},
    "my acme": {"id": "acme", "suspended_batches": [], "instance_suspended": False},
    "my suspend --dry-run": {"ok": True, "dry_run": True},
    "my acme suspend --dry-run": {"dry_run": True, "would": "suspend 'acme'"},
    "my acme messages delete m1 --dry-run": {"dry_run": True, "ids": ["m1"], "not_found": []},
    "my acme messages cleanup --dry-run": {"dry_run": True},
    "my tenants delete acme --dry-run": {"dry_run": True, "pending_messages": 1},
    "delete my --dry-run": {"dry_run": True, "name": "my", "is_running": True},
    "my token --dry-run": {"dry_run": True, "would": "show the admin token of 'my'"},
    "my token -r --dry-run": {"dry_run": True, "would": "replace the admin token of 'my'"},
    "my acme key --dry-run": {"dry_run": True, "would": "list the keys of 'acme'"},
    "my acme key -r --dry-run": {"dry_run": True, "would": "replace the keys of 'acme'"},
}


@pytest.fixture
def world(cli, make_message):
    found = cli.instance("my")
    found.messages["m1"] = make_message("m1")
    return found


@pytest.mark.parametrize("line", LINES)
def test_what_a_command_did_is_one_document(cli, world, line: str) -> None:
    ran = cli(*line.split(), "--json")
    assert ran.code == 0
    told = ran.json
    assert {key: told[key] for key in LINES[line]} == LINES[line]


@pytest.mark.parametrize("line", [line for line in LINES if "dry-run" in line])
def test_a_dry_run_changes_nothing_and_tells_no_secret(cli, world, line: str) -> None:
    ran = cli(*line.split())
    assert ran.out.startswith("would ")
    assert "mp_" not in ran.out
    changing = ("suspend", "delete", "cleanup", "regenerate", "create", "getToken")
    assert not [
        name
        for name, fields in world.calls
        if name.startswith(changing) and not fields.get("dry_run")
    ]


def test_a_sent_mail_is_one_document(cli, world, tmp_path: Path) -> None:
    path = tmp_path / "hello.eml"
    path.write_text("From: a@example.com\nTo: b@example.com\nSubject: x\n\nhi\n")
    ran = cli("my", "acme", "send", str(path), "--id", "one", "--json")
    assert ran.json == {"ok": True, "id": "one", "queued": True}


def test_a_log_is_an_array_of_its_lines(cli, world) -> None:
    assert cli("my", "logs", "--json").json == []
    line = "2026-01-31T12:03:57.250Z WARNING account_paused why=x"
    (cli.root / "my" / "daemon.log").write_text(f"one\n{line}\n")
    records = [
        {"time": None, "level": None, "line": "one"},
        {"time": "2026-01-31T12:03:57.250Z", "level": "WARNING", "line": line},
    ]
    assert cli("my", "logs", "--json").json == records
    lines = cli("my", "logs", "--output", "jsonl").out.splitlines()
    assert [json.loads(text) for text in lines] == records


def test_what_was_done_in_part_is_one_document_that_says_so(cli, world) -> None:
    ran = cli("my", "acme", "messages", "delete", "m1", "nope", "-y", "--json")
    assert (ran.code, ran.json["ok"], ran.json["done"]) == (6, False, 1)
    assert (ran.json["not_found"], ran.json["exit_code"]) == (["nope"], 6)
    ran = cli("my", "acme", "messages", "retry", "nope", "--json")
    assert (ran.code, ran.json["ok"], ran.json["code"]) == (4, False, "not_found")


def test_a_dry_run_tells_what_is_not_there(cli, world) -> None:
    line = ("my", "acme", "messages", "delete", "--dry-run")
    ran = cli(*line, "nope")
    assert (ran.code, ran.out) == (4, "")
    assert ran.err == ("error: message 'nope' not found\n  try: mail-proxy my acme messages list\n")
    assert cli(*line, "nope", "none").code == 4
    ran = cli(*line, "m1", "nope")
    assert (ran.code, ran.out) == (6, "would delete 1 of 2 messages\n")
    assert ran.err == "  not found: nope\n"
