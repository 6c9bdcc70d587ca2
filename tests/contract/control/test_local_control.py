"""What only LocalControl does: it holds the database, and lets it go."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from mail_proxy.config.lock import DatabaseLock, holder
from mail_proxy.control.local import LocalControl
from mail_proxy.domain.errors import Locked, MailProxyError


@pytest.fixture
def local(settings):
    control = LocalControl(settings)
    yield control
    control.close()


def test_nothing_is_held_before_the_first_call(local, settings):
    assert holder(settings.database_path) is None
    assert not settings.database_path.exists()


def test_the_database_is_held_from_the_first_call_to_the_close(local, settings):
    local.call("health")
    held_by = holder(settings.database_path)
    local.close()

    assert held_by is not None
    assert "command" in held_by
    assert holder(settings.database_path) is None


def test_the_next_call_opens_again(local):
    local.call("addTenant", id="shop")
    local.close()

    assert [t["id"] for t in local.call("listTenants")["tenants"]] == ["shop"]


def test_what_a_dead_daemon_left_in_doubt_is_told_in_its_log(local, settings):
    local.call("addTenant", id="shop")
    local.call("addAccount", id="main", tenant_id="shop", host="127.0.0.1", port=9)
    message = {"id": "m1", "tenant_id": "shop", "from": "a@example.com", "to": "b@example.com"}
    local.call("addMessages", messages=[{**message, "subject": "s", "body": "b"}])
    local.close()
    assert not settings.log_path.exists()
    lease = "UPDATE messages SET state = 'leased', lease_token = 7, lease_daemon = 'dead'"
    with closing(sqlite3.connect(settings.database_path)) as store, store:
        store.execute(lease)

    local.call("listMessages", tenant_id="shop")
    local.close()
    local.call("listMessages", tenant_id="shop")

    (line,) = settings.log_path.read_text().splitlines()
    assert "WARNING lease_recovered n=1" in line
    assert "in_doubt=1" in line


def test_a_database_in_other_hands_is_locked(local, settings):
    with DatabaseLock(settings.database_path).acquire("backup"), pytest.raises(Locked) as e:
        local.call("health")

    assert "backup" in e.value.holder


def test_a_database_that_cannot_be_opened_is_let_go(local, settings):
    settings.database_path.write_bytes(b"this is no database" * 1000)

    with pytest.raises(MailProxyError):
        local.call("health")

    assert holder(settings.database_path) is None


def test_a_failed_command_leaves_the_control_usable(local):
    with pytest.raises(MailProxyError):
        local.call("getTenant", tenant_id="none")

    assert local.call("health")["ok"]


def test_the_file_rights_are_the_login(local):
    token = local.call("getToken")["token"]

    assert token == "mp_contract"
