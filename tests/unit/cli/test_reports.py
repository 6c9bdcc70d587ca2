from __future__ import annotations

import time

import pytest

EVENT = {
    "event_id": "7",
    "event_type": "sent",
    "event_ts": 1_700_000_000,
    "tenant_id": "acme",
    "id": "m1",
    "pk": "1",
    "account_id": "main",
    "state": "parked",
    "refusals": 11,
    "event_data": {},
}


@pytest.fixture
def world(cli):
    made = cli.instance("my")
    made.reports = [EVENT, {**EVENT, "event_id": "8", "tenant_id": "beta", "state": "pending"}]
    return made


def test_what_is_not_acknowledged_is_listed_of_one_tenant_or_of_all(cli, world) -> None:
    assert [e["event_id"] for e in cli("my", "reports", "list", "--json").json] == ["7", "8"]
    assert [e["event_id"] for e in cli("my", "acme", "reports", "list", "--json").json] == ["7"]
    assert cli("my", "reports", "list", "-s", "parked", "--json").json[0]["refusals"] == 11
    assert "--limit 1000" in cli("my", "reports", "list", "-l", "1").err


def test_nothing_to_list_is_said(cli, world) -> None:
    world.reports = []
    assert "Every event is acknowledged" in cli("my", "reports", "list").err


def test_events_are_replayed_by_their_ids_or_by_message(cli, world) -> None:
    assert cli("my", "acme", "reports", "replay", "7", "--json").json["replayed"] == 1
    assert world.last("replayReports") == {"tenant_id": "acme", "event_ids": ["7"]}
    assert cli("my", "acme", "reports", "replay", "-m", "m1").code == 0
    assert world.last("replayReports") == {"tenant_id": "acme", "ids": ["m1"]}


def test_what_is_not_there_is_named_and_the_exit_code_tells_it(cli, world) -> None:
    ran = cli("my", "acme", "reports", "replay", "7", "99")
    assert ran.code == 4
    assert "1 event is reported once more" in ran.out
    assert "'99'" in ran.err


def test_times_are_told_as_spans_or_as_dates(cli, world) -> None:
    assert cli("my", "acme", "reports", "replay", "--since", "2h").code == 0
    since = world.last("replayReports")["since_ts"]
    assert time.time() - since == pytest.approx(7200, abs=60)
    line = ("--since", "2026-11-21T10:00:00+00:00", "--until", "2026-11-21T11:00:00Z")
    assert cli("my", "acme", "reports", "replay", *line).code == 0
    told = world.last("replayReports")
    assert told["until_ts"] - told["since_ts"] == 3600


@pytest.mark.parametrize(
    "line",
    [
        (),
        ("7", "-m", "m1"),
        ("7", "--since", "1h"),
        ("7", "--until", "1h"),
        ("--since", "soon"),
    ],
)
def test_what_is_meant_must_be_clear(cli, world, line) -> None:
    assert cli("my", "acme", "reports", "replay", *line).code == 2
    assert "replayReports" not in world.names()


def test_until_alone_means_all_before(cli, world) -> None:
    assert cli("my", "acme", "reports", "replay", "--until", "1h").code == 0
    assert world.last("replayReports").keys() == {"tenant_id", "until_ts"}


def test_a_resume_tells_what_was_parked(cli, world) -> None:
    ran = cli("my", "acme", "reports", "resume")
    assert "Reports to 'acme' go on, with 2 that were parked" in ran.out


def test_the_status_names_the_command_for_what_is_stuck(cli, world) -> None:
    world.sync = {"paused": True, "last_error": "the application answered 410: gone"}
    ran = cli("my", "reports", "status")
    assert "410" in ran.out
    assert "mail-proxy my acme reports resume" in ran.err
    assert cli("my", "acme", "reports", "status", "--json").json[0]["paused"] is True
    assert cli("my", "nobody", "reports", "status").code == 4
