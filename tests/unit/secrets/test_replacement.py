"""A keyring whose key is being replaced, seen from the next start."""

from __future__ import annotations

import pytest

from mail_proxy.domain.errors import SecretsUnavailable

PLACE = {"table": "accounts", "tenant_id": "acme", "row": "main", "column": "password_enc"}


def test_both_keys_open_and_the_new_one_seals(folder):
    keyring = folder.keyring()
    recorded = keyring.settle(None)
    old = keyring.seal("secret", **PLACE)
    keyring.begin_replacement()
    assert old.startswith(keyring.old_mark)
    new = keyring.reseal(old, **PLACE)
    assert not new.startswith(keyring.old_mark)
    for each in (keyring, folder.keyring()):
        assert each is keyring or each.settle(recorded) == recorded
        assert [each.open(value, **PLACE) for value in (old, new)] == ["secret", "secret"]


def test_beginning_again_makes_no_third_key(folder):
    keyring = folder.keyring()
    recorded = keyring.settle(None)
    keyring.begin_replacement()
    new = keyring.seal("secret", **PLACE)
    keyring.begin_replacement()
    again = folder.keyring()
    again.settle(recorded)
    again.begin_replacement()
    assert again.open(new, **PLACE) == "secret"


def test_once_the_check_is_recorded_the_next_start_only_renames_the_file(folder):
    keyring = folder.keyring()
    keyring.settle(None)
    keyring.begin_replacement()
    recorded, value = keyring.check(), keyring.seal("secret", **PLACE)
    for _ in range(2):
        again = folder.keyring()
        assert again.settle(recorded) == recorded
        assert (again.old_mark, again.open(value, **PLACE)) == ("", "secret")
    assert not folder.path.with_name("secret.key.next").exists()


def test_a_new_key_without_the_old_one_is_a_lost_key(folder):
    keyring = folder.keyring()
    recorded = keyring.settle(None)
    keyring.begin_replacement()
    folder.path.unlink()
    again = folder.keyring()
    assert again.settle(recorded) == recorded
    assert "is lost" in again.problem
    with pytest.raises(SecretsUnavailable):
        again.begin_replacement()


def test_two_keys_that_do_not_fit_are_a_wrong_key(folder):
    recorded = folder.keyring().settle(None)
    keyring = folder.keyring()
    keyring.settle(recorded)
    keyring.begin_replacement()
    folder.path.write_bytes(bytes(32))
    again = folder.keyring()
    again.settle(recorded)
    assert (again.is_usable, "is not the one" in again.problem) == (False, True)
