"""The command log of many tenants, read as one."""

from __future__ import annotations

import pytest

from mail_proxy.store import commands
from mail_proxy.store.commands import LoggedCommand, list_commands, log_commands


def chosen(conn, **fields):
    given = {"tenant_id": None, "since_ts": None, "until_ts": None, "endpoint_filter": None}
    return list_commands(conn, **{**given, "limit": 4, "oldest_first": False, **fields})


@pytest.fixture
def written(conn):
    """Thirty lines, of three tenants in turn."""
    tenants = ("", "acme", "gone") * 10
    lines = [
        LoggedCommand(tenant, 1.0, f"/{n % 2}", "admin", {"n": n}, 200)
        for n, tenant in enumerate(tenants)
    ]
    with conn.begin():
        log_commands(conn, lines)
    return conn


@pytest.mark.parametrize(
    ("fields", "listed"),
    [
        ({}, [29, 28, 27, 26]),
        ({"oldest_first": True}, [0, 1, 2, 3]),
        ({"tenant_id": "acme"}, [28, 25, 22, 19]),
        ({"endpoint_filter": "/1"}, [29, 27, 25, 23]),
        ({"limit": 100, "oldest_first": True}, list(range(30))),
        ({"tenant_id": "nobody"}, []),
    ],
)
def test_lines_of_all_tenants_are_in_order(written, fields, listed):
    assert [row.payload["n"] for row in chosen(written, **fields)] == listed


def test_no_more_payloads_are_read_than_are_asked_for(written, monkeypatch):
    read = []
    loads = commands.json.loads
    monkeypatch.setattr(commands.json, "loads", lambda text: read.append(text) or loads(text))
    assert len(chosen(written)) == len(read) == 4
