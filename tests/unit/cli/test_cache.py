"""`NAME cache stats` and `clear`."""

from __future__ import annotations

import json

import pytest

MEMORY = {"entries": 3, "bytes": 2048, "max_bytes": 10**7, "ttl_s": 300, "hits": 7, "misses": 2}
DISK = {"entries": 0, "bytes": 0, "max_bytes": 0, "ttl_s": 3600, "hits": 0, "misses": 2}


@pytest.fixture
def world(cli):
    made = cli.instance("my")
    made.cache = {
        "memory": MEMORY,
        "disk": DISK,
        "threshold_bytes": 102400,
        "folder": "/srv/my/cache/kept",
        "fetched_bytes": 1_000_000,
        "fetched_max_bytes": 512_000_000,
    }
    return made


def test_people_see_a_table_of_the_tiers(cli, world) -> None:
    out = cli("my", "cache", "stats", tty=True).out
    memory, disk = (
        line.split() for line in out.splitlines() if line.lstrip()[:4] in ("memo", "disk")
    )
    assert memory == ["memory", "3", "2.0", "kB", "10", "MB", "5m", "7", "2"]
    assert disk[:5] == ["disk", "0", "0", "B", "off"]
    assert "fetched for mails of now: 1.0 MB of 512 MB" in out
    assert "/srv/my/cache/kept" in out


def test_programs_get_the_answer_as_it_came(cli, world) -> None:
    assert json.loads(cli("my", "cache", "stats", "--json").out) == world.cache


def test_with_the_daemon_down_it_says_that_only_the_disk_is_seen(cli, world) -> None:
    assert "not running" not in cli("my", "cache", "stats").err
    world.is_live = False
    assert "only what lies on the disk is seen" in cli("my", "cache", "stats").err


def test_clearing_asks_nothing_and_tells_how_many_went(cli, world) -> None:
    ran = cli("my", "cache", "clear", tty=True)
    assert (ran.code, ran.out) == (0, "Cleared the cache of 'my': 2 entries\n")
    assert world.last("clearCache") == {}


def test_one_tenants_part_can_be_cleared_alone(cli, world) -> None:
    ran = cli("my", "cache", "clear", "--tenant", "acme", "--json")
    assert json.loads(ran.out) == {"ok": True, "tenant_id": "acme", "removed": 2}
    assert world.last("clearCache") == {"tenant_id": "acme"}


def test_an_absent_tenant_is_told(cli, world) -> None:
    ran = cli("my", "cache", "clear", "--tenant", "nobody")
    assert ran.code == 4
    assert "tenant 'nobody' does not exist" in ran.err
    assert "try: mail-proxy my tenants list" in ran.err


def test_a_dry_run_clears_nothing(cli, world) -> None:
    assert cli("my", "cache", "clear", "--dry-run").out == "would clear the cache of 'my'\n"
    assert "clearCache" not in world.names()
